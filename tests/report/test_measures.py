from tests.report.reports import figures, full_report

from leafcode.report.measures import MEASURES, figure_table, find_key


def block(metrics, name):
    return next(b for b in figure_table(metrics) if b.name == name)


def test_every_figure_of_a_run_has_an_explanation():
    metrics = full_report().metrics
    blocks = figure_table(metrics)
    assert "Other figures" not in [b.name for b in blocks]
    assert {b.key for b in blocks} == set(figures())
    assert all(b.meaning.endswith(".") and "{}" not in b.meaning for b in blocks)


def test_undefined_is_a_dash_and_never_best():
    (row,) = block(
        {"hp_at_10": None, "baseline": {"lambda_0": {"hp_at_10": 0.3}}}, "Relatedness of 10 neighbours"
    ).rows
    assert row.cells == ["–", "30.0%"]
    assert row.best == []


def test_the_best_is_the_smallest_where_lower_is_better():
    metrics = {"reconstruction": 0.2, "baseline": {"rq_kmeans": {"reconstruction": 0.3}}}
    assert block(metrics, "Content lost").rows[0].best == [0]
    metrics = {"hp_at_10": 0.2, "baseline": {"rq_kmeans": {"hp_at_10": 0.3}}}
    assert block(metrics, "Relatedness of 10 neighbours").rows[0].best == [1]


def test_figures_that_read_the_same_are_best_together_or_not_at_all():
    same = {"hp_at_10": 0.30001, "baseline": {"lambda_0": {"hp_at_10": 0.3}}}
    assert block(same, "Relatedness of 10 neighbours").rows[0].best == []
    same["baseline"]["rq_kmeans"] = {"hp_at_10": 0.2}
    assert block(same, "Relatedness of 10 neighbours").rows[0].best == [0, 1]


def test_the_ceiling_is_the_better_of_both():
    metrics = {"prefix_accuracy": {"1": 0.5}, "ceiling": {"knn": {"1": 0.8}, "probe": {"1": 0.7}}}
    assert block(metrics, "Right category from the code").rows[0].ceiling == "80.0%"


def test_unknown_figures_are_listed_too():
    (other,) = figure_table({"novelty": {"1": 0.5}, "pairs": 12})
    assert [(row.label, row.cells) for row in other.rows] == [("novelty.1", ["0.500"]), ("pairs", ["12.000"])]


def test_another_number_of_neighbours_names_itself():
    assert find_key({"hp_at_20": 0.5}, MEASURES[1].pattern) == ("hp_at_20", "20")
    assert block({"hp_at_20": 0.5}, "Relatedness of 20 neighbours").meaning.count("20") == 2


def test_levels_and_depths_are_named_in_order():
    rows = block(
        {"ami": {"10": {"1": 0.1}, "2": {"2": 0.1, "1": 0.2}}}, "Agreement of codes and categories"
    ).rows
    assert [row.label for row in rows] == ["level 2, depth 1", "level 2, depth 2", "level 10, depth 1"]
