"""The page Explore: what its tabs show beside the widgets."""
