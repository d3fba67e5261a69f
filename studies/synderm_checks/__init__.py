"""Checks of SynDerm-49: shortcuts, visibility of attributes, likeness to real photographs.

`shortcuts` asks what can be named without looking at the lesion, `visibility` whether an attribute can be seen where it
is said to be, `realism` how far the pictures are from photographs; `gallery` shows them.
"""
