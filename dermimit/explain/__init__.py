"""Seeing what the network uses: attribution maps, selected patches, and the figures that show them."""
