"""Whether something fits the memory, asked before it is taken."""

import sys
from pathlib import Path

CGROUPS = (  # limit and use of a container: version 2, then version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
WORDS = ("out of memory", "can't allocate memory", "not enough memory", "unable to allocate", "cannot allocate memory")
"""What messages about too little memory say, in lower case."""


def available() -> int:
    """Bytes that this process may still take: of the machine, of its container, of its own limit (`ulimit -v`)."""
    return min([*_of_machine(), *_of_container(), *_of_limit()], default=sys.maxsize)


def _of_machine() -> list[int]:
    try:
        import psutil  # late: it imports modules that not every system has
    except ImportError:
        return []
    return [psutil.virtual_memory().available]


def _of_container() -> list[int]:
    for limit, used in CGROUPS:
        try:
            return [max(0, int(Path(limit).read_text(encoding="ascii")) - int(Path(used).read_text(encoding="ascii")))]
        except (OSError, ValueError):  # there is none; or it says "max"
            continue
    return []


def _of_limit() -> list[int]:
    try:
        import resource

        import psutil
    except ImportError:  # Windows
        return []
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return [] if limit == resource.RLIM_INFINITY else [max(0, limit - psutil.Process().memory_info().vms)]


def check_room(needed: int, what: str, remedy: str) -> None:
    """Raises MemoryError where so many bytes are not to be had.

    Args:
        needed: bytes.
        what: that needs them, for the message.
        remedy: for the message.
    """
    if needed > (there := available()):
        raise MemoryError(f"{what} would take at least {size(needed)} of memory, and {size(there)} are free: {remedy}")


def size(count: int) -> str:
    """Bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def is_about_memory(error: BaseException) -> bool:
    """Whether an error says that there was too little memory."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in WORDS)
