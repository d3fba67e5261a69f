"""The two datasets of the book: how they look, how well anybody could do, what is not real, and what to beware of."""
