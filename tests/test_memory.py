import ctypes
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from leafcode.memory import give_back

KEPT, FREED = 64, 2048
ARRAY = 1 << 16
"""Bytes; larger arrays go back to the system by themselves."""


def resident():
    """Bytes of the process that are in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="takes Linux and glibc"
)
def test_freed_memory_goes_back():
    arrays = [np.ones(ARRAY, np.int8) for _ in range(FREED)]
    arrow = [pa.array(array) for array in arrays[:: FREED // KEPT]]
    before = resident()
    del arrays[:-1]  # what lies below the last one is not given back
    give_back()
    assert before - resident() > 0.8 * ARRAY * FREED
    assert (arrays[0] == 1).all()
    assert all(len(one) == ARRAY for one in arrow)


def test_it_may_be_called_at_any_time():
    give_back()
    give_back()
