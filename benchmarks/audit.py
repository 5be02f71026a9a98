"""Finding labels that were moved: leafcode's audit beside cleanlab and a k-NN margin.

Usage:
    python benchmarks/audit.py DATA [--catalogues usda_foods naics_2017] [--seeds 5] [--rate 0.05]

DATA holds a folder per catalogue with an items.parquet (id, text, path). A share of the labels is moved: to a
random sibling, to a random cousin (another parent, the same grandparent) or to any other category, each in a
run of its own. All methods get the same embeddings and the moved labels; what is measured is how well their
order puts what was moved first. Errors that the catalogue had already count as mistakes of the method. Each
cell (catalogue, kind of move, seed) leaves a JSON file in --work, so that a benchmark that is stopped goes on
with the same command; all of them are audit.parquet in --out. Needs cleanlab, which leafcode does not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp
from cleanlab.rank import get_label_quality_scores
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import average_precision_score

from figures import keep_figures
from leafcode.audit import KINDS, PROBABLE, AuditConfig, Kind, Neighbors, audit_labels, nearest_neighbors
from leafcode.audit.neighbors import unit_vectors
from leafcode.errors import InputError
from leafcode.evaluation import mean_interval
from leafcode.files import write_text
from leafcode.pipeline.items import catalog_embeddings
from leafcode.taxonomy import Taxonomy, lca_depth
from options import RESULTS, WORK, benchmark_parser, run_and_print
from real_catalogues import load, source_of

CATALOGUES = ("icd10cm", "naics_2017", "usda_foods", "bigbasket", "amazon_beauty", "onet_tools_unspsc")
MOVES = ("sibling", "cousin", "anywhere")
OURS = "leafcode"
LINEAR = 1_500
"""Most categories for which cleanlab gets a linear model too: it takes a covariance per category."""
SCHEMA = pa.schema(
    [
        ("catalogue", pa.string()),
        ("move", pa.string()),
        ("seed", pa.int64()),
        ("method", pa.string()),
        ("measure", pa.string()),
        ("value", pa.float64()),
    ]
)

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def move_labels(
    nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy, move: str, rate: float, seed: int
) -> IntArray:
    """Labels of which a share is moved, among the categories in use at the same depth.

    Args:
        nodes: (n,) category of each item.
        taxonomy: The tree.
        move: One of `MOVES`.
        rate: Share of all items to move; fewer if fewer have anywhere to go.
        seed: Of the choice.
    """
    rng = np.random.default_rng(seed)
    used = np.unique(nodes)
    depth, common = taxonomy.depths[used], lca_depth(taxonomy, used[:, None], used[None, :])
    alike = (depth[:, None] == depth[None, :]) & (used[:, None] != used[None, :])
    if move == "sibling":
        allowed = alike & (common == depth[:, None] - 1)
    elif move == "cousin":
        allowed = alike & (common == np.maximum(depth[:, None] - 2, 0)) & (common < depth[:, None] - 1)
    else:
        allowed = used[:, None] != used[None, :]
    place = np.searchsorted(used, nodes)
    movable = rng.permutation(np.flatnonzero(allowed.any(1)[place]))[: round(rate * len(nodes))]
    # Of each item a random one of the categories allowed.
    keys = np.where(allowed[place[movable]], rng.random((len(movable), len(used))), -1)
    moved = nodes.astype(np.int64)
    moved[movable] = used[keys.argmax(axis=1)]
    return moved


@dataclass(frozen=True)
class Labels:
    """A catalogue whose labels may be wrong, and the means to judge them.

    Attributes:
        unit: float32 (n, E).
        labels: (n,) as given.
        truth: (n,) before they were moved.
        taxonomy: The tree.
        near: Nearest items.
    """

    unit: npt.NDArray[np.float32]
    labels: IntArray
    truth: IntArray
    taxonomy: Taxonomy
    near: Neighbors

    @property
    def moved(self) -> npt.NDArray[np.bool_]:
        """Bool (n,): what is to be found."""
        return np.asarray(self.labels != self.truth)

    def votes(self, k: int, weights: npt.NDArray[np.floating[Any]]) -> sp.csr_array:
        """Sparse (n, categories in use): sums of the weights (n, k) of the nearest by category."""
        used, place = np.unique(self.labels, return_inverse=True)
        rows = np.repeat(np.arange(len(place)), k)
        columns = place[self.near.items[:, :k]].ravel()
        return sp.csr_array((weights.ravel(), (rows, columns)), shape=(len(place), len(used)))


def knn_margin(task: Labels, k: int) -> tuple[FloatArray, IntArray]:
    """Votes of the k nearest by cosine for the best other category, less those for the given one."""
    votes = task.votes(k, task.near.similarities[:, :k].astype(np.float64))
    used, place = np.unique(task.labels, return_inverse=True)
    rows = np.arange(len(place))
    own = np.asarray(votes[rows, place]).ravel()
    other = sp.csr_array(votes - sp.csr_array((own, (rows, place)), shape=votes.shape))
    best = np.asarray(other.argmax(axis=1)).ravel()
    return np.asarray(other[rows, best]).ravel() - own, used[best]


def cleanlab_scores(task: Labels, seed: int) -> dict[str, FloatArray]:
    """Scores of cleanlab, larger for worse labels, from two models that have not seen the item."""
    used, place = np.unique(task.labels, return_inverse=True)
    models = {"10 neighbours": task.votes(10, np.full((len(place), 10), 0.1, np.float32)).toarray()}
    if len(used) <= LINEAR:
        linear = np.zeros((len(place), len(used)), np.float32)
        folds = np.random.default_rng(seed).permutation(len(place)) % 5
        for fold in range(5):
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2)
            model.fit(task.unit[folds != fold], place[folds != fold])
            linear[np.ix_(folds == fold, model.classes_)] = model.predict_proba(task.unit[folds == fold])
        models["linear discriminant"] = linear
    return {
        f"cleanlab, {model}, {method.replace('_', ' ')}": -get_label_quality_scores(
            place, probabilities, method=method
        )
        for model, probabilities in models.items()
        for method in ("self_confidence", "normalized_margin")
    }


def calibration_error(probability: FloatArray, truth: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error: mean over items of |share that is true - mean probability| of their bin.

    Source: Guo et al., "On calibration of modern neural networks" (ICML 2017, equation 5).
    """
    place = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    gap = np.bincount(place, probability, bins) - np.bincount(place, truth, bins)
    return float(np.abs(gap[count > 0]).sum() / len(place))


def run_cell(task: Labels, seed: int) -> list[dict[str, Any]]:
    """Figures of all methods: method, measure, value."""
    moved = task.moved
    rows: list[dict[str, Any]] = []

    def add(method: str, **figures: float) -> None:
        rows.extend({"method": method, "measure": name, "value": value} for name, value in figures.items())

    begun = time.perf_counter()
    found = audit_labels(
        task.unit, task.labels, task.taxonomy, AuditConfig(seed=seed), neighbors=task.near, progress=False
    )
    seconds = time.perf_counter() - begun
    flagged = moved & (found.probability >= PROBABLE)
    sibling = task.taxonomy.parents[task.labels] == task.taxonomy.parents[task.truth]
    kind = np.where(sibling, KINDS.index(Kind.WRONG_SIBLING), KINDS.index(Kind.WRONG_BRANCH))
    beneath = (task.truth > task.labels) & (task.truth < task.taxonomy.end[task.labels])
    above = (task.labels > task.truth) & (task.labels < task.taxonomy.end[task.truth])
    kind = np.where(beneath, KINDS.index(Kind.TOO_GENERAL), kind)
    kind = np.where(above, KINDS.index(Kind.NO_FITTING_PLACE), kind)
    add(
        OURS,
        average_precision=float(average_precision_score(moved, found.probability)),
        suggestion=float((found.suggested == task.truth)[moved].mean()),
        kind=float((found.kind == kind)[flagged].mean()) if flagged.any() else float("nan"),
        found=float(flagged.sum() / moved.sum()),
        precision=float(moved[found.probability >= PROBABLE].mean()),
        calibration_error=calibration_error(found.probability, moved),
        seconds=seconds,
    )
    for k in (10, 20, 50):
        margin, best = knn_margin(task, k)
        add(
            f"margin of {k} neighbours",
            average_precision=float(average_precision_score(moved, margin)),
            suggestion=float((best == task.truth)[moved].mean()),
        )
    for method, score in cleanlab_scores(task, seed).items():
        add(method, average_precision=float(average_precision_score(moved, score)))
    return rows


def run(
    data: Path,
    catalogues: Sequence[str],
    seeds: int,
    rate: float,
    *,
    results: Path = RESULTS,
    work: Path = WORK / "audit",
    device: str = "cpu",
) -> pa.Table:
    """Run what is missing, seed by seed; write and return the figures of all.

    Raises:
        InputError: A catalogue cannot be used.
    """
    work.mkdir(parents=True, exist_ok=True)
    tasks: dict[str, tuple[npt.NDArray[np.float32], IntArray, Taxonomy, Neighbors]] = {}
    for seed in range(seeds):
        for name in catalogues:
            missing = [move for move in MOVES if not _file(work, name, move, seed, rate).exists()]
            if missing and name not in tasks:
                catalog = load(data, name, device)
                kept = catalog.subset(catalog.labelled)
                if kept.taxonomy is None:
                    raise InputError(source_of(data, name).place, "no categories", "a path for some items")
                unit = unit_vectors(catalog_embeddings(kept))
                tasks[name] = (unit, kept.nodes.astype(np.int64), kept.taxonomy, nearest_neighbors(unit, 50))
            for move in missing:
                unit, truth, taxonomy, near = tasks[name]
                labels = move_labels(truth, taxonomy, move, rate, seed)
                print(f"{name}, {move}, seed {seed}", flush=True)
                rows = run_cell(Labels(unit, labels, truth, taxonomy, near), seed)
                write_text(_file(work, name, move, seed, rate), json.dumps(rows))
    rows = [
        {"catalogue": name, "move": move, "seed": seed, **row}
        for name in catalogues
        for move in MOVES
        for seed in range(seeds)
        if (file := _file(work, name, move, seed, rate)).exists()
        for row in json.loads(file.read_text(encoding="utf-8"))
    ]
    return keep_figures(results, "audit", rows, SCHEMA, rate=rate)


def _file(work: Path, name: str, move: str, seed: int, rate: float) -> Path:
    return work / f"{name}.{move}.{rate:g}.seed{seed}.json"


def table_lines(figures: pa.Table) -> list[str]:
    """Means over seeds as Markdown: ours, the best of each family of rivals, and what else was measured."""
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for row in figures.to_pylist():
        key = (row["catalogue"], row["move"], row["method"], row["measure"])
        values.setdefault(key, []).append(row["value"])
    lines = [
        "| catalogue | moved | leafcode | cleanlab | k-NN margin | 1 - AP | suggestion | … of k-NN | kind "
        "| found | precision | calibration error |",
        "|---|---|" + "---:|" * 10,
    ]
    for name, move in dict.fromkeys(key[:2] for key in values):

        def mean(method: str, measure: str, name: str = name, move: str = move) -> float:
            return float(np.mean(values[name, move, method, measure]))

        ours = values[name, move, OURS, "average_precision"]
        rivals = [key[2] for key in values if key[:2] == (name, move) and key[3] == "average_precision"]
        best = {
            family: max((mean(one, "average_precision") for one in rivals if family in one), default=np.nan)
            for family in ("cleanlab", "margin of")
        }
        rival = np.nanmax(list(best.values()))
        suggestion = max(mean(one, "suggestion") for one in rivals if "margin of" in one)
        estimate = mean_interval(ours)
        shown = [
            f"{estimate.mean:.3f}" + (f" ± {estimate.high - estimate.mean:.3f}" if len(ours) > 1 else ""),
            *(f"{value:.3f}" for value in best.values()),
            f"{100 * ((1 - estimate.mean) / (1 - rival) - 1):+.0f}%",
            f"{mean(OURS, 'suggestion'):.3f}",
            f"{suggestion:.3f}",
            *(
                f"{mean(OURS, measure):.3f}"
                for measure in ("kind", "found", "precision", "calibration_error")
            ),
        ]
        lines.append(f"| {name} | {move} | " + " | ".join(shown) + " |")
    return lines


def main() -> None:
    """Run what is missing."""
    parser = benchmark_parser(__doc__, catalogues=CATALOGUES, seeds=5, work=WORK / "audit")
    parser.add_argument("--rate", type=float, default=0.05, help="share of the labels that is moved")
    parser.add_argument("--device", default="auto")
    run_and_print(parser, run, table_lines, "seeds", "rate")


if __name__ == "__main__":
    main()
