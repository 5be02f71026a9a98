"""Where wrong categories come from: the tree part, its way into the codes, or votes of few items.

Usage:
    python benchmarks/where_errors_arise.py DATA [--catalogues instacart naics_2017] [--seed 0]

Trains the default model and lets the category of held-out items be told in three ways: by what the tree part
holds for the most probable category, by the first code, and by the longest prefix that any training item has,
which is `prefix_accuracy`. Items are divided by the length of that prefix. A Markdown table goes to standard
output.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from leafcode.catalog import Catalog
from leafcode.codes import encode_codes
from leafcode.evaluation import prefix_accuracy
from leafcode.methods import Task
from leafcode.methods.network import train_network
from leafcode.pipeline import CompareOptions
from leafcode.pipeline.items import catalog_embeddings, hold_out
from leafcode.quantizers import TreeEncoder
from leafcode.report.figures import percent
from real_catalogues import load
from result_files import TITLES
from result_tables import Row, markdown

_AT_ONCE = 1024


@torch.no_grad()
def most_probable(encoder: TreeEncoder, embeddings: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """The category (n,) of the prototype that is nearest to each item (n, E)."""
    unit = torch.nn.functional.normalize(encoder.prototypes, dim=1)
    parts = [
        (encoder.project(torch.from_numpy(np.array(part, np.float32))) @ unit.T).argmax(1)
        for part in np.split(embeddings, range(_AT_ONCE, len(embeddings), _AT_ONCE))
    ]
    return torch.cat(parts).numpy()


def shared_codes(
    train: npt.NDArray[np.int64], test: npt.NDArray[np.int64], sizes: Sequence[int]
) -> npt.NDArray[np.int64]:
    """Length (m,) of the longest prefix of each code (m, L) that any of the codes (n, L) has.

    Example:
        >>> shared_codes(np.array([[0, 1], [2, 0]]), np.array([[0, 1], [2, 3], [1, 1]]), (3, 4)).tolist()
        [2, 1, 0]
    """
    shared = np.zeros(len(test), np.int64)
    for length in range(1, len(sizes) + 1):
        ours, theirs = (
            np.ravel_multi_index(tuple(codes[:, :length].T), sizes[:length]) for codes in (train, test)
        )
        shared[np.isin(theirs, ours)] = length
    return shared


def rows(name: str, catalog: Catalog, options: CompareOptions, seed: int) -> list[Row]:
    """The table of a catalogue: a row for each number of shared codes, and one for all items."""
    embeddings, held_out = catalog_embeddings(catalog), hold_out(catalog, options.holdout, seed)
    model = train_network(
        Task(
            embeddings=embeddings[~held_out],
            nodes=catalog.nodes[~held_out],
            taxonomy=catalog.taxonomy,
            shape=options.budget.model(embeddings.shape[1]),
            training=dataclasses.replace(options.training, seed=seed),
        )
    ).model
    if model.tree_encoder is None:
        raise SystemExit(f"{name}: the catalogue has no tree that could teach")
    own = catalog.nodes[:, None]  # the finest category, however deep
    codes = encode_codes(model, embeddings)
    ways = {
        "tree part": most_probable(model.tree_encoder, embeddings)[:, None],
        "first code": codes[:, :1],
        "codes": codes,
    }
    asked = held_out & (own[:, 0] >= 0)
    shared = np.zeros(len(codes), np.int64)
    shared[asked] = shared_codes(codes[~held_out], codes[asked], model.config.sizes)
    found = []
    for length in [*range(len(model.config.sizes) + 1), None]:
        some = asked if length is None else asked & (shared == length)
        right = {
            way: prefix_accuracy(told[~held_out], own[~held_out], told[some], own[some])[0]
            for way, told in ways.items()
        }
        if some.any():
            found.append(
                {
                    "catalogue": TITLES.get(name, name),
                    "codes shared": "all items" if length is None else str(length),
                    "items": percent(some.sum() / asked.sum()),
                    **{f"right by the {way}": percent(share) for way, share in right.items()},
                }
            )
    return found


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder with a folder per catalogue")
    parser.add_argument("--catalogues", nargs="+", default=("instacart", "naics_2017"), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = []
    for name in options.catalogues:
        table += rows(name, load(options.data, name), CompareOptions(), options.seed)
    print(markdown(table))


if __name__ == "__main__":
    main()
