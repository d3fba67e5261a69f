"""The second edition of the evidence: the runs that book/protocol.md plans, a queue for them, and what they say."""
