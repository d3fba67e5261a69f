"""The names of the tasks, which is all that reading a record or an exported model needs of them."""

TASKS = ("body_part", "attributes", "disease")
SELECTING_TASKS = ("attributes", "disease")
"""Those whose heads read selected patches: the body part is a property of the whole photograph."""
