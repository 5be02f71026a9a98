from leafcode.methods import METHODS
from leafcode.pipeline.cells import Cell
from leafcode.pipeline.compare_results import RESULTS_SCHEMA, results_table, settings_of


def record(**metrics):
    return {"seconds": 1.5, "settings": {"lambda": 2}, "metrics": metrics}


def test_every_figure_has_a_row_that_says_what_it_is():
    table = results_table(
        {
            Cell("tree", 0.5, 1): record(
                reconstruction=0.2,
                prefix_accuracy={"1": 0.7, "2": None},
                ami={"1": {"1": 0.4, "2": 0.3}},
                utilization={"1": 1.0},
            )
        }
    )
    assert table.schema == RESULTS_SCHEMA
    assert {(r["method"], r["strength"], r["seed"]) for r in table.to_pylist()} == {("tree", 0.5, 1)}
    assert {(r["measure"], r["level"], r["depth"]): r["value"] for r in table.to_pylist()} == {
        ("seconds", None, None): 1.5,
        ("settings.lambda", None, None): 2.0,
        ("reconstruction", None, None): 0.2,
        ("prefix_accuracy", None, 1): 0.7,
        ("prefix_accuracy", None, 2): None,
        ("ami", 1, 1): 0.4,
        ("ami", 1, 2): 0.3,
        ("utilization", 1, None): 1.0,
    }


def test_no_cells_give_an_empty_table():
    assert results_table({}).schema == RESULTS_SCHEMA


def test_settings_stand_in_the_order_of_the_methods_defaults_first():
    cells = [Cell("tree", 2.0, 0), Cell("tree", None, 1), Cell("rq_kmeans", None, 0), Cell("tree", 0.5, 0)]
    settings = settings_of({cell: record(reconstruction=0.1) for cell in cells}, METHODS)
    assert [(one.method, one.strength, list(one.runs)) for one in settings] == [
        ("rq_kmeans", None, [0]),
        ("tree", None, [1]),
        ("tree", 0.5, [0]),
        ("tree", 2.0, [0]),
    ]
    assert settings[1].title == METHODS["tree"].title
    assert settings[1].runs[1] == {"reconstruction": 0.1, "seconds": 1.5, "settings": {"lambda": 2}}
