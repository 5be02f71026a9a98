import threading

import pytest

from leafcode.training.prefetch import prefetch


@pytest.mark.parametrize("ahead", [0, 1, 3, 50])
def test_all_come_in_order(ahead):
    assert list(prefetch(lambda step: -step, range(5, 20), ahead)) == [-step for step in range(5, 20)]
    assert list(prefetch(abs, [], ahead)) == []


def test_the_next_is_made_while_the_caller_has_this_one():
    made = {step: threading.Event() for step in range(3)}
    results = prefetch(lambda step: made[step].set(), range(3))
    next(results)
    assert made[1].wait(10)
    assert not made[2].is_set()  # no further ahead than it was told
    results.close()


def test_an_error_comes_at_its_step_and_ends_the_thread():
    before = threading.active_count()
    results = prefetch(lambda step: 1 // (2 - step), range(9), 3)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.active_count() == before


def test_a_caller_that_goes_leaves_no_thread():
    before = threading.active_count()
    results = prefetch(abs, range(100))
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
