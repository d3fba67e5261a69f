"""Parts that need more than the core: where a library of theirs is absent, one line says which extra brings it."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ImportError):
    """A library of an extra is not installed; says how to install it."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """The imports within need an extra of the package.

    Args:
        name: of the extra, as pyproject.toml lists it.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        remedy = f'{error.name} is needed for this and not installed: pip install "dermimit[{name}]"'
        raise MissingExtraError(remedy, name=error.name) from error
