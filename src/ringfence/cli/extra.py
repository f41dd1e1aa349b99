"""Commands that need an extra say which one to install, instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from ringfence.errors import MissingPart


@contextmanager
def needs_fence() -> Iterator[None]:
    """Imports of the block need `ringfence[fence]`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPart(f"this command needs {error.name}", "pip install 'ringfence[fence]'") from None
