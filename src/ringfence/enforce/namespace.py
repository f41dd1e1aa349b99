"""A network namespace that is entered for a while by one thread (setns(2)): hosts of a lab, containers of a host."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ringfence.errors import EnforceError

_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def entered(path: str) -> Iterator[None]:
    """The calling thread, and what it starts, is inside until the block ends. Raises `EnforceError`."""
    try:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise EnforceError(f"network namespaces cannot be told apart here: {error.strerror}") from None
    try:
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
    except OSError as error:
        os.close(home)
        raise EnforceError(f"the network namespace {path} cannot be entered: {error.strerror}", "run as root") from None
    try:
        yield
    finally:
        _enter(home)
        os.close(home)


def _enter(handle: int) -> None:
    if _LIBC.setns(handle, _NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
