"""Published models: what this project trained, without the frozen trunk, which comes from its own package.

A folder here is a model, and its name is the model's: the record of its run, the weights of heads and interaction, how
photographs are prepared, its model card, and a manifest with the SHA-256 of each file and of the trunk. `resolve` finds
it by name, `loading` puts it together, `publish` makes it, and `card` writes what is known of it.
"""
