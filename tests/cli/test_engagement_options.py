import argparse

import pytest
from tests.catalogues import COMMAND_OPTIONS
from tests.cli.commands import failure, success

from leafcode.catalog import read_catalog
from leafcode.cli.engagement_options import add_engagement_options, read_chosen_engagement
from leafcode.pipeline import Run


@pytest.fixture
def baskets(tmp_path, catalogue):
    """Orders of three neighbouring items, each order twice."""
    ids = [row["id"] for row in catalogue.rows]
    lines = [f"{order},{ids[order % 200 + place]}" for order in range(400) for place in range(3)]
    file = tmp_path / "baskets.csv"
    file.write_text("order_id,product_id\n" + "\n".join(lines) + "\n")
    return file


def test_fit_with_engagement(capsys, tmp_path, catalogue, baskets):
    words = ["fit", *catalogue.arguments, *COMMAND_OPTIONS, "--no-baselines", "--out", tmp_path / "run"]
    out = success(capsys, *words, "--engagement", baskets, "--engagement-weights", "0.5,0.25")
    assert "IDs" in out
    run = Run.open(tmp_path / "run")
    assert run.model.config.engagement_dim == 64
    assert run.model.engagement_weights == (0.5, 0.25)
    assert " of 240 items, weights by level 0.5, 0.25" in run.folder.report.read_text(encoding="utf-8")
    assert success(capsys, "evaluate", tmp_path / "run", "--quiet")


@pytest.mark.parametrize(
    ("line", "named"),
    [("7,nobody\n", "nobody|1 item"), ("7,\n", "row 1202"), ("", None)],
)
def test_mistakes_in_the_file(capsys, tmp_path, catalogue, baskets, line, named):
    with baskets.open("a") as file:
        file.write("8,sku000\n" + line)
    words = ["fit", *catalogue.arguments, *COMMAND_OPTIONS, "--no-baselines", "--out", tmp_path / "run"]
    if named is None:
        success(capsys, *words, "--engagement", baskets)
    else:
        message = failure(capsys, *words, "--engagement", baskets)
        assert str(baskets) in message
        assert any(part in message for part in named.split("|")), message
        assert not (tmp_path / "run").exists()


def test_every_option_reaches_the_reader(catalogue, baskets):
    catalog = read_catalog(catalogue.items, path_column="path")
    parser = argparse.ArgumentParser()
    add_engagement_options(parser)

    def read(*words):
        return read_chosen_engagement(parser.parse_args([str(word) for word in words]), catalog)

    assert read() is None
    twice = read("--engagement", baskets)
    assert read("--engagement", baskets, "--min-support", "5").pairs()[0].size < twice.pairs()[0].size
    named = ("--basket-column", "order_id", "--item-column", "product_id")
    assert read("--engagement", baskets, *named).digest() == twice.digest()
    renamed = baskets.read_text().replace("order_id,product_id", "id,place")
    baskets.write_text(renamed)
    swapped = ("--basket-column", "place", "--item-column", "id", "--unknown-items", "ignore")
    assert len(read("--engagement", baskets, *swapped).pairs()[0]) == 0
