"""The model in the reader's browser: a widget for Jupyter and for static pages, and the files that it needs."""
