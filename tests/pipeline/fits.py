"""Fits of a few seconds, with a checkpoint every few steps: ``python -m tests.pipeline.fits DATA OUT``.

A process of its own, so that a test can kill it.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
from tests.catalogues import OPTIONS

from leafcode.pipeline import CatalogSource, FitOptions, Run, fit

LONG = dataclasses.replace(
    OPTIONS,
    training=dataclasses.replace(
        OPTIONS.training,
        tree_steps=80,
        content_steps=60,
        steps=80,
        evaluate_every=10,
        contrast_weight="auto",
        seed=3,
    ),
)


def source(items: Path, vectors: Path) -> CatalogSource:
    """The catalogue as the command line would name it."""
    return CatalogSource(str(items), path_column="path", embeddings_file=str(vectors))


def fit_files(items: Path, out: Path, options: FitOptions = LONG, **more) -> Run:
    """Fit on a catalogue with its vectors beside it."""
    named = source(items, items.with_suffix(".npy"))
    return fit(named.load(), out, options, source=named, progress=False, **more)


if __name__ == "__main__":
    np.seterr(all="raise")
    fit_files(Path(sys.argv[1]), Path(sys.argv[2]), resume=True)
