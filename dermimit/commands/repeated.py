"""An option with several values that is given more than once: its values are one list, and none is lost."""

SEVERAL = ("map", "options", "tasks", "model-kwargs", "data-options", "features", "methods", "fitzpatrick", "visits",
           "allowed-host", "C")  # fmt: skip
"""The options that take several values, without dashes."""


def together(arguments: list[str]) -> list[str]:
    """Command-line arguments in which `--map a --map b` is `--map a b`.

    Of an option with one value the last one given holds, as usual.
    """
    found: list[str] = []
    values: dict[str, list[str]] = {}
    parts: list[str | list[str]] = []
    into: list[str] | None = None
    for word in arguments:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            into = None
        if name.startswith("--") and name[2:].replace("_", "-") in SEVERAL:
            option = name[2:].replace("_", "-")
            if option not in values:
                parts += [name, values.setdefault(option, [])]
            into = values[option]
            into += [value] if equals else []
        elif into is not None:
            into.append(word)
        else:
            parts.append(word)
    for part in parts:
        found += [part] if isinstance(part, str) else part
    return found
