"""The page on the benchmark: how its splits were made, the answers that it publishes, and their table."""
