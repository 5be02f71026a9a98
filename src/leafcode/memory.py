"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back() -> None:
    """Give back what allocators keep of freed memory: that of Arrow, and with glibc that of everything else.

    They keep it for the next allocation, and beside arrays of tens of millions of items it adds up, the more
    so as each thread has an allocator's arena of its own. It takes milliseconds; call it where work on many
    small parts is over and that on all items begins.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
