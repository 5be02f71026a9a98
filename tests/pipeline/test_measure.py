import dataclasses

import numpy as np
import pytest

from leafcode.catalog import split_by_content
from leafcode.codes import semantic_id_text
from leafcode.pipeline import Run
from leafcode.serving import RunFolder


def test_measures_are_those_of_the_ids_on_disk(fitted):
    """prefix_accuracy and collision_rate from ids.parquet alone, with sets and counts."""
    table = RunFolder(fitted).read_ids().to_pylist()
    metrics = RunFolder(fitted).read_metrics()
    train = [row for row in table if row["split"] == "train"]
    for depth in (1, 2):
        right = []
        for row in table:
            parts = (row["path"] or "").split(" > ")
            if row["split"] != "heldout" or not row["path"] or len(parts) < depth:
                continue
            for length in (2, 1, 0):
                code = (row["c1"], row["c2"])[:length]
                alike = [other for other in train if (other["c1"], other["c2"])[:length] == code]
                if alike or length == 0:
                    break
            named = [tuple(other["path"].split(" > ")[:depth]) for other in alike if other["path"]]
            named = [path for path in named if len(path) == depth]
            counts = sorted((-named.count(path), path) for path in set(named))
            right.append(bool(length and counts) and counts[0][1] == tuple(parts[:depth]))
        assert np.isclose(metrics["prefix_accuracy"][str(depth)], np.mean(right))
    codes = [(row["c1"], row["c2"]) for row in table]
    assert np.isclose(metrics["collision_rate"], np.mean([codes.count(code) > 1 for code in codes]))


def test_the_held_out_items_are_those_of_the_split(fitted):
    run = Run.open(fitted)
    catalog = run.source.load()
    held_out = {row["id"] for row in run.ids().to_pylist() if row["split"] == "heldout"}
    assert held_out == set(catalog.ids.filter(split_by_content(catalog.texts, 0.2, 0)).tolist())


def test_the_report_is_one_file_with_every_part(fitted):
    page = (fitted / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert all(text in page for text in ("Root A", "RQ-KMeans", "240", "item 5"))


def test_a_report_can_be_written_without_history_of_training(run_copy):
    run = Run.open(run_copy)
    run.folder.write_history([])
    metrics = run.evaluate(run.source.load(), progress=False)
    assert metrics == run.folder.read_metrics()


def test_the_report_shows_the_ids_of_the_codes_that_it_shows(run_copy, catalogue):
    """Also of items that have been given other vectors, and with them other IDs, since."""
    run = Run.open(run_copy)
    catalog = run.source.load()
    before = dict(zip(run.ids()["id"].to_pylist(), run.ids()["semantic_id"].to_pylist(), strict=True))
    changed = catalog.subset(np.arange(20))
    run.encode(dataclasses.replace(changed, embeddings=-changed.embeddings))
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leafcode.pipeline.measure.write_report", lambda _, data: shown.append(data.items))
        run.evaluate(catalog, progress=False)
    (items,) = shown
    assert semantic_id_text(items.codes, items.suffixes) == [before[name] for name in items.ids]
