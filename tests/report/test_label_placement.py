import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.report.label_placement import Box, place_label

INSIDE = Box(0, 0, 480, 300)
numbers = st.floats(-50, 50)
sizes = st.floats(0, 50)
boxes = st.builds(Box, numbers, numbers, sizes, sizes)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_no_larger_than_either(a, b):
    shared = a.overlap(b)
    assert shared == b.overlap(a)
    assert 0 <= shared <= min(a.width * a.height, b.width * b.height) + 1e-9
    assert a.overlap(a) == pytest.approx(a.width * a.height)


def test_a_name_keeps_off_what_is_there():
    right = Box(256, 240 - 20, 100, 40)
    label = place_label("ours", [(250.0, 240.0)], 5.0, [(right, 1.0)], INSIDE)
    assert label.box.overlap(right) == 0
    assert label.leader is None


@given(st.floats(0, 480), st.floats(0, 300))
def test_a_short_name_stays_inside(x, y):
    box = place_label("name", [(x, y)], 5.0, [], INSIDE).box
    assert box.overlap(INSIDE) == pytest.approx(box.width * box.height)


def test_names_of_a_crowd_do_not_cover_each_other():
    taken = []
    for index in range(7):
        label = place_label(f"method {index}", [(240.0, 150.0 + index)], 5.0, taken, INSIDE)
        assert all(label.box.overlap(box) == 0 for box, _ in taken)
        taken.append((label.box, 4.0))
    assert label.leader is not None


def test_a_name_needs_a_point():
    with pytest.raises(ValueError, match="no point"):
        place_label("name", [], 5.0, [], INSIDE)
