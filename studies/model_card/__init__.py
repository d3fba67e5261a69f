"""The model card: scores, intended use, energy, and the model that the page "Try it" runs.

`tables` puts the card together from records; `cost` adds up hours, energy and emissions of the published runs.
"""
