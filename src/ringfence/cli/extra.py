"""Commands that need an extra say which one to install, instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ringfence.errors import MissingPart


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Imports of the block need `ringfence[EXTRA]`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPart(f"this command needs {error.name}", f"pip install 'ringfence[{extra}]'") from None


needs_fence = partial(needs, "fence")
needs_watch = partial(needs, "watch")
