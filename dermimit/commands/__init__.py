"""The commands of `dermimit`, one module each: what a user may say, in words and types; the work is done elsewhere."""

Options = dict[str, bool | int | float | str | None]
