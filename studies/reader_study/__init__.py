"""Chapter "A reader study": an example of the kit `dermimit.reader_study`, with simulated readers.

No human has read: `measure` computes the power of designs, `example` plays one study through, and `tables` and
`charts` show them.
"""
