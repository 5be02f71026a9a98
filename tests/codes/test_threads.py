import threading

import pytest
import torch

from leafcode.codes.threads import one_thread_each


def test_work_on_several_threads_comes_back_in_order(two_threads):
    def work(number):
        return number, threading.get_ident(), torch.get_num_threads()

    with one_thread_each(3) as each:
        numbers, idents, threads = zip(*each(work, range(100)), strict=True)
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    assert numbers == tuple(range(100))
    assert set(threads) == {1}
    assert threading.get_ident() not in idents
    assert later == [2], "threads of others compute as before"
    assert torch.get_num_threads() == 2


def test_one_thread_is_the_present_one(two_threads):
    with one_thread_each(1) as each:
        assert list(each(lambda _: torch.get_num_threads(), range(2))) == [2, 2]


def test_an_error_ends_the_work(two_threads):
    with pytest.raises(ZeroDivisionError), one_thread_each(2) as each:
        list(each(lambda number: 1 // number, range(10)))
