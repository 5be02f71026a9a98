from leafcode.methods import METHODS
from leafcode.pipeline.cells import Cell, plan_cells


def test_the_first_seed_comes_first_and_defaults_before_strengths():
    cells = plan_cells(METHODS, [0, 1], front_seeds=1)
    assert len(set(cells)) == len(cells)
    first, second = ([cell for cell in cells if cell.seed == seed] for seed in (0, 1))
    assert cells == [*first, *second]
    assert [(c.method, c.strength) for c in second] == [(name, None) for name in METHODS]
    assert [cell.method for cell in first[: len(METHODS)]] == list(METHODS)
    assert all((cell.strength is None) == (place < len(METHODS)) for place, cell in enumerate(first))


def test_no_strength_is_trained_twice():
    for cell in plan_cells(METHODS, [0], front_seeds=1):
        assert cell.strength is None or cell.strength != METHODS[cell.method].default


def test_without_fronts_there_is_one_cell_for_each_method_and_seed():
    assert len(plan_cells(METHODS, [0, 1, 2], front_seeds=0)) == 3 * len(METHODS)


def test_keys_are_unique_and_exact():
    cells = [Cell("tree", strength, 0) for strength in (None, 0.1, 0.1 + 1e-12, 1.0, 10.0)]
    assert len({cell.key for cell in cells}) == len(cells)
