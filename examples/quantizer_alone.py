"""The quantiser alone: RQ-KMeans codes for the vectors of any .npy file, with their measures.

No tree and no training: k-means level by level, on what the levels before left over. This is the baseline
that trained codes have to beat.

    python examples/quantizer_alone.py --vectors embeddings.npy
    python examples/quantizer_alone.py --vectors embeddings.npy --levels 1024,256,64 --out codes.npy
    python examples/quantizer_alone.py --tiny                                 # made-up vectors
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from leafcode import LeafcodeError, ResidualQuantizer
from leafcode.catalog import check_embeddings, load_embeddings, split_by_content
from leafcode.codes import PrefixTree
from leafcode.evaluation import (
    collision_rate,
    perplexity,
    reconstruction_error,
    similarity_depth_spearman,
    utilization,
)


def made_up_vectors(count: int, dim: int = 32, clusters: int = 20, seed: int = 0) -> npt.NDArray[np.float32]:
    """Points around random centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, dim))
    points = centres[rng.integers(clusters, size=count)] + 0.5 * rng.normal(size=(count, dim))
    return points.astype(np.float32)


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", type=Path, help=".npy or .safetensors (n, D) (default: made up)")
    parser.add_argument("--levels", default="64,32,16", help="codes of each level, coarse to fine")
    parser.add_argument("--holdout", type=float, default=0.2, help="share of rows to measure on")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of k-means")
    parser.add_argument("--out", type=Path, help="write the codes (n, levels) as .npy")
    parser.add_argument("--tiny", action="store_true", help="few made-up vectors and small levels")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.levels = "8,4,4"
    return arguments


def main() -> None:
    """Run the example."""
    arguments = read_arguments()
    sizes = tuple(int(size) for size in arguments.levels.split(","))
    if arguments.vectors:
        embeddings = load_embeddings(arguments.vectors)
        check_embeddings(embeddings, str(arguments.vectors))
    else:
        embeddings = made_up_vectors(500 if arguments.tiny else 20_000)
    held_out = split_by_content(embeddings, arguments.holdout, arguments.seed)

    # Content is compared by cosine, so only directions count. In float64, a code depends on its vector alone
    # and not on the rows that it is computed with.
    points = F.normalize(torch.from_numpy(np.asarray(embeddings, np.float64)), dim=1)
    quantizer = ResidualQuantizer(points.shape[1], sizes).double()
    train = points[torch.from_numpy(~held_out)]
    quantizer.fit(train, torch.Generator().manual_seed(arguments.seed))
    encoded = quantizer.encode(points)
    codes, quantized = encoded.numpy(), quantizer.decode(encoded).detach().numpy()

    error = reconstruction_error(embeddings[held_out], quantized[held_out])
    spearman = similarity_depth_spearman(codes[held_out], embeddings[held_out], seed=arguments.seed)
    print(f"{len(codes):,} items, {' x '.join(map(str, sizes))} codes")
    print(f"reconstruction error, held out   {error:.4f}")
    print(f"similarity and shared prefix     {spearman:.3f}")
    print(f"share of codes in use            {np.round(utilization(codes, sizes), 3).tolist()}")
    print(f"codes in effective use           {np.round(perplexity(codes), 1).tolist()}")
    print(f"items that share their full code {collision_rate(codes):.3f}")

    tree = PrefixTree(codes)
    groups = tree.children(())
    print("\nlargest groups by code 1")
    for place in np.argsort(-groups.counts, kind="stable")[:5].tolist():
        code, count = int(groups.codes[place]), int(groups.counts[place])
        print(f"  code {code:4}: {count:6,} items in {len(tree.children((code,)).codes)} groups by code 2")
    if arguments.out:
        np.save(arguments.out, codes)
        print(f"\ncodes in {arguments.out}")


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
