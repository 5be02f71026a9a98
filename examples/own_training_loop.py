"""The loss and the sampler in a training loop of your own: a projection that follows ICD-10-CM.

Items are ICD-10-CM leaf codes, described by their titles and filed under chapter > block > category. The
features are hashed character n-grams, so that no embedding model is needed, and the model is one linear
layer. The figures are the share of each held-out item's 10 nearest training items that have its chapter,
block or category, before and after training.

    pip install simple-icd-10-cm
    python examples/own_training_loop.py
    python examples/own_training_loop.py --items 20000 --steps 1000 --grades 1,0.5
    python examples/own_training_loop.py --tiny                               # a few seconds
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import numpy.typing as npt
import simple_icd_10_cm as icd
import torch
from sklearn.feature_extraction.text import HashingVectorizer
from torch import nn
from torch.nn import functional as F

from leafcode import GradedContrastiveLoss, Grades, HierarchicalBatchSampler, LeafcodeError, Taxonomy
from leafcode.catalog import split_by_content
from leafcode.evaluation import precision_at_k

DEPTHS = ("chapter", "block", "category")


def read_items(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Titles and category paths of some leaf codes, drawn at random."""
    leaves = [code for code in icd.get_all_codes(True) if icd.is_leaf(code)]
    drawn = np.random.default_rng(seed).permutation(len(leaves))[:count]
    codes = [leaves[place] for place in np.sort(drawn).tolist()]
    # A code that is a category itself stands beneath its own name.
    lines = [[*reversed(icd.get_ancestors(code)), code][: len(DEPTHS)] for code in codes]
    return [icd.get_description(code) for code in codes], [" > ".join(line) for line in lines]


@torch.no_grad()
def nearest(query: torch.Tensor, train: torch.Tensor, k: int = 10) -> npt.NDArray[np.int64]:
    """The k training items (m, k) with the largest cosine to each query."""
    train = F.normalize(train, dim=1)
    blocks = [(F.normalize(rows, dim=1) @ train.T).topk(k).indices for rows in torch.split(query, 1024)]
    return np.asarray(torch.cat(blocks).numpy(), np.int64)


def hashed_ngrams(texts: list[str], features: int) -> torch.Tensor:
    """Character n-grams of texts, hashed: float32 (n, features) of unit length."""
    hashed = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=features)
    return torch.from_numpy(hashed.fit_transform(texts).toarray().astype(np.float32))


def print_shares(held_out: int, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> None:
    """Precision at 10 by depth, before and after training."""
    print(f"precision at 10, {held_out:,} held-out items\n{'':10}{'before':>8}{'after':>8}")
    for name, old, new in zip(DEPTHS, before.tolist(), after.tolist(), strict=True):
        print(f"{name:10}{old:8.3f}{new:8.3f}")


def read_arguments(description: str | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=10_000, help="leaf codes to draw (default: 10000)")
    parser.add_argument("--steps", type=int, default=400, help="training steps (default: 400)")
    parser.add_argument("--batch-size", type=int, default=256, help="items in a batch (default: 256)")
    parser.add_argument("--features", type=int, default=2048, help="hashed n-grams (default: 2048)")
    parser.add_argument("--grades", default="depth", help="'depth' or grades by distance such as 1,0.5")
    parser.add_argument("--seed", type=int, default=0, help="of items, split, batches and weights")
    parser.add_argument("--tiny", action="store_true", help="few items, features and steps")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.items, arguments.steps = 2_000, 60
        arguments.batch_size, arguments.features = 128, 512
    return arguments


def main() -> None:
    """Run the example."""
    arguments = read_arguments(__doc__)
    texts, paths = read_items(arguments.items, arguments.seed)
    tree, nodes = Taxonomy.from_paths(paths)
    features = hashed_ngrams(texts, arguments.features)
    held_out = split_by_content(texts, 0.2, arguments.seed)
    train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    ancestors = tree.ancestors[nodes]

    def precision(vectors: torch.Tensor) -> npt.NDArray[np.float64]:
        return precision_at_k(nearest(vectors[test], vectors[train]), ancestors[train], ancestors[test])

    before = precision(features)

    # From here on: the whole of leafcode in a loop of your own.
    torch.manual_seed(arguments.seed)
    grades = Grades.parse(arguments.grades, tree.max_depth)
    criterion = GradedContrastiveLoss(grades.levels)
    sampler = HierarchicalBatchSampler(
        nodes[train], tree, batch_size=arguments.batch_size, seed=arguments.seed
    )
    model = nn.Linear(arguments.features, 128)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step in range(arguments.steps):
        epoch, index = divmod(step, len(sampler))
        sampler.set_epoch(epoch)
        items = train[sampler.batch(index)]
        relevance = torch.from_numpy(grades.matrix(ancestors[items]))
        output = criterion(model(features[items]), relevance)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        if step % max(1, arguments.steps // 5) == 0:
            print(f"step {step:5}  loss {output.loss.item():.3f}  anchors {output.anchors.item()}")

    with torch.no_grad():
        after = precision(model(features))
    print()
    print_shares(len(test), before, after)


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
