"""Tree and engagement in one code: what each of them, and both, do for retrieval and for new items.

Usage:
    python benchmarks/engagement.py DATA [--catalogues instacart amazon_beauty] [--seeds 3] [--settings both]

Held out are a fifth of the items, as everywhere, and engagement in time: the last fifth of Instacart's
orders, the last fifth of every Beauty user's purchases. Held-out items have no history in training. A query
is a line of a held-out order (Beauty: the purchase before a held-out one), and relevant are the order's other
products (the next purchase). All items of the catalogue are ranked by shared prefix of the codes, then by
cosine of the quantised vectors. Every training is kept, and the same command goes on; the figures are in
benchmarks/results/engagement.parquet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from figures import keep_figures
from leafcode import FitOptions, TrainingConfig, encode_items
from leafcode.catalog import Catalog, Engagement
from leafcode.errors import InputError
from leafcode.evaluation import code_neighbors, prefix_accuracy, recall_at_k, reconstruction_error
from leafcode.methods import Task
from leafcode.methods.network import train_network
from leafcode.pipeline.engagement import engagement_vectors, model_inputs
from leafcode.pipeline.items import catalog_embeddings, category_ancestors, hold_out
from leafcode.serving.storage import read_json, write_json
from options import RESULTS, WORK, benchmark_parser, run_and_print
from real_catalogues import load

CATALOGUES = ("instacart", "amazon_beauty")
K, QUERIES = 20, 4_000
LATEST = 0.2
"""Share of the orders, or of a user's purchases, that is held out."""

SETTINGS: Mapping[str, tuple[bool, tuple[float, ...] | None]] = {
    "content": (False, None),
    "tree": (True, None),
    "engagement": (False, (0.5,)),
    "both": (True, (0.5,)),
    "both, engagement 1": (True, (1.0,)),
    "both, engagement on all levels": (True, (0.5, 0.5, 0.5)),
    "both, engagement on fine levels": (True, (0.0, 0.5, 0.5)),
}
"""Name: whether the tree is used, and the weights of engagement by level. "both" is the default of `fit`."""

SCHEMA = pa.schema(
    [
        ("catalogue", pa.string()),
        ("setting", pa.string()),
        ("seed", pa.int64()),
        ("measure", pa.string()),
        ("depth", pa.int64()),
        ("value", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Shop:
    """A catalogue with embeddings, what was bought together in training, and what is to be found.

    Attributes:
        catalog: The items.
        basket: int64 (m,), the basket or user of each line of training.
        item: int64 (m,), its item.
        query: int64 (q,), the item that is looked at.
        relevant: (q, n) what is bought with it, or next.
    """

    catalog: Catalog
    basket: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    query: npt.NDArray[np.int64]
    relevant: sp.csr_array


def read_shop(data: Path, name: str, device: str) -> Shop:
    """Read a catalogue and its baskets or sessions.

    Raises:
        InputError: There are neither.
    """
    folder, catalog = data / name, load(data, name, device)
    place = {identity: row for row, identity in enumerate(catalog.ids.tolist())}

    def lines(name: str, column: str) -> tuple[pa.Table, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        table = pq.read_table(folder / name)
        _, basket = np.unique(np.asarray(table[column]), return_inverse=True)
        item = np.array([place[identity] for identity in table["item_id"].to_pylist()])
        return table, basket.astype(np.int64), item

    rng = np.random.default_rng(0)
    if (folder / "sessions.parquet").exists():
        table, user, item = lines("sessions.parquet", "user_id")
        order = np.lexsort((np.asarray(table["position"]), user))
        user, item = user[order], item[order]
        rank = np.arange(len(user)) - np.searchsorted(user, user)
        late = rank >= np.ceil((1 - LATEST) * np.bincount(user)[user])
        asked = rng.permutation(np.flatnonzero(late[1:] & (user[1:] == user[:-1]) & (item[1:] != item[:-1])))
        asked = asked[:QUERIES]
        found = sp.csr_array(
            (np.ones(len(asked)), (np.arange(len(asked)), item[asked + 1])), shape=(len(asked), len(catalog))
        )
        return Shop(catalog, user[~late], item[~late], item[asked], found)
    if not (folder / "baskets.parquet").exists():
        raise InputError(str(folder), "no engagement", "baskets.parquet or sessions.parquet")
    _, order_of, item = lines("baskets.parquet", "basket_id")
    late = order_of >= int((1 - LATEST) * (order_of.max() + 1))
    first = int(order_of[late].min())
    shape = (int(order_of.max()) + 1 - first, len(catalog))
    orders = sp.csr_array((np.ones(late.sum()), (order_of[late] - first, item[late])), shape=shape)
    orders.data[:] = 1
    asked = rng.permutation(np.flatnonzero(late & (np.bincount(order_of)[order_of] > 1)))[:QUERIES]
    found = sp.csr_array(orders[order_of[asked] - first])
    own = sp.csr_array((np.ones(len(asked)), (np.arange(len(asked)), item[asked])), shape=found.shape)
    found = sp.csr_array(found - own)
    found.eliminate_zeros()
    return Shop(catalog, order_of[~late], item[~late], item[asked], found)


def run_cell(shop: Shop, name: str, seed: int, device: str) -> dict[str, Any]:
    """Train one setting with one seed, and measure it."""
    with_tree, weights = SETTINGS[name]
    catalog, options = shop.catalog, FitOptions()
    vectors, held_out = catalog_embeddings(catalog), hold_out(catalog, options.holdout, seed)
    train = np.flatnonzero(~held_out)
    bought = np.isin(shop.item, train)
    engagement = Engagement.from_baskets(shop.basket[bought], shop.item[bought], len(catalog))
    shape, inputs = options.model(vectors.shape[1]), vectors
    training = TrainingConfig(seed=seed, contrast_weight="auto" if with_tree else 0.0)
    if weights is not None:
        history = engagement_vectors(catalog, engagement, train, options.engagement_dim, seed)
        inputs = model_inputs(vectors, history)
        shape = dataclasses.replace(shape, engagement_dim=history.shape[1])
        training = dataclasses.replace(training, engagement_weights=weights)
    task = Task(inputs[train], catalog.nodes[train], catalog.taxonomy, shape, training, device, progress=True)
    result = train_network(task, title=f"{name}, seed {seed}")
    encoded = encode_items(result.model, inputs, device=device)

    neighbors = code_neighbors(
        encoded.codes, encoded.quantized, encoded.codes[shop.query], encoded.quantized[shop.query], k=K + 1
    )
    # Without the query itself, or the last one where more than K others share all its codes.
    own = neighbors == shop.query[:, None]
    left_out = np.where(own.any(axis=1), own.argmax(axis=1), K)
    ranked = neighbors[np.arange(K + 1) != left_out[:, None]].reshape(len(neighbors), K)
    warm, ancestors = engagement.has_history[shop.query], category_ancestors(catalog)
    accuracy = prefix_accuracy(
        encoded.codes[train], ancestors[train], encoded.codes[held_out], ancestors[held_out]
    )
    return {
        "recall_at_20": recall_at_k(ranked, shop.relevant, K),
        "recall_at_20, query with history": recall_at_k(ranked[warm], shop.relevant[warm], K),
        "recall_at_20, query without": recall_at_k(ranked[~warm], shop.relevant[~warm], K),
        "reconstruction": reconstruction_error(vectors[held_out], encoded.reconstructions[held_out]),
        "prefix_accuracy": {str(depth): value for depth, value in enumerate(accuracy.tolist(), start=1)},
        "lambda": result.tree_weight,
    }


def run(
    data: Path,
    catalogues: Sequence[str],
    settings: Sequence[str],
    seeds: int,
    *,
    results: Path = RESULTS,
    work: Path = WORK / "engagement",
    device: str = "cpu",
) -> pa.Table:
    """Train what is missing, seed by seed; write and return the figures of all.

    Raises:
        InputError: A catalogue or setting cannot be used.
    """
    wrong = [name for name in settings if name not in SETTINGS]
    if wrong:
        raise InputError("--settings", ", ".join(wrong), f"some of {', '.join(map(repr, SETTINGS))}")
    shops = {name: read_shop(data, name, device) for name in catalogues}
    work.mkdir(parents=True, exist_ok=True)
    for seed in range(seeds):
        for name, shop in shops.items():
            for setting in settings:
                file = work / f"{name}.{list(SETTINGS).index(setting)}.seed{seed}.json"
                if not file.exists():
                    write_json(file, run_cell(shop, setting, seed, device))
    rows = [
        {"catalogue": name, "setting": setting, "seed": seed, "measure": measure, "depth": depth, "value": v}
        for name in catalogues
        for index, setting in enumerate(SETTINGS)
        for seed in range(seeds)
        if (file := work / f"{name}.{index}.seed{seed}.json").exists()
        for measure, value in _object(file).items()
        for depth, v in (
            ((int(d), one) for d, one in value.items()) if isinstance(value, dict) else [(None, value)]
        )
    ]
    return keep_figures(results, "engagement", rows, SCHEMA)


def _object(file: Path) -> dict[str, Any]:
    record: Any = read_json(file)
    return dict(record)


def table_lines(figures: pa.Table) -> list[str]:
    """Means over seeds as a Markdown table, a catalogue after the other."""
    cells: dict[tuple[str, str, str], list[float]] = {}
    for row in figures.to_pylist():
        column = row["measure"] if row["depth"] is None else f"accuracy {row['depth']}"
        if row["value"] is not None:
            cells.setdefault((row["catalogue"], row["setting"], column), []).append(row["value"])
    lines = []
    for name in dict.fromkeys(key[0] for key in cells):
        columns = list(dict.fromkeys(key[2] for key in cells if key[0] == name))
        lines += ["", f"| {name} | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
        for setting in dict.fromkeys(key[1] for key in cells if key[0] == name):
            values = [np.mean(cells.get((name, setting, column), [np.nan])) for column in columns]
            lines.append(f"| {setting} | {' | '.join(f'{value:.4f}' for value in values)} |")
    return lines


def main() -> None:
    """Run what is missing."""
    parser = benchmark_parser(__doc__, catalogues=CATALOGUES, seeds=3, work=WORK / "engagement")
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), metavar="NAME")
    parser.add_argument("--device", default="auto")
    run_and_print(parser, run, table_lines, "settings", "seeds")


if __name__ == "__main__":
    main()
