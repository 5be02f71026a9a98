"""docs/speed.md, from the timings in benchmarks/results/speed.json.

Usage:
    python benchmarks/speed_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from figures import about_machine
from leafcode.files import write_text
from options import RESULTS
from result_tables import markdown
from speed_timing import LIMIT

ROOT = Path(__file__).parents[1]

_INTRO = """# Speed

Every step of leafcode beside other libraries and beside what the step cannot do without, timed in turn on one
machine. This page is generated: `make bench` times everything anew. A ratio says more than a time, for
machines differ; *× limit* is the time over that of the matrix products alone, which no way of computing the
same with the same products can undercut. On AMD's processors with AVX-512 that depends on whose products they
are: MKL, which PyTorch takes for float32, is less than half as fast there as oneDNN, which it has as well.
There leafcode takes oneDNN, in training too; in a loop of yours, `with leafcode.products.FastLinear():` does.
The limit is by the faster one, and beside it stand *the same products in PyTorch*.

To fill fresh memory takes as long as a good deal of computing. By default glibc gives large arrays back to
the system once they are freed, and asks it for the next; that is what users have, and what is timed. *Memory
kept* is the same with `MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_` raised to 2 GiB, from fewer
rounds."""

_SECTIONS = {
    "embedding": (
        "Embedding",
        """Texts to vectors, where no cache has them: by far the slowest step of a new catalogue on a CPU.
leafcode leaves it to sentence-transformers, with oneDNN for the products.""",
    ),
    "loss": (
        "Graded contrastive loss",
        """Forward and backward, from embeddings (B, 128) of items in 1,000 categories under 100 parents, at
temperature 0.1. The products are those of the similarities and of both their gradients: in PyTorch at once,
in the limit for 512 anchors at a time. Memory is resident and beyond the inputs.

A batch is sorted by the tree, so that whatever is related to a block of anchors stands side by side, in a
*window*; to all else it is a negative. Outside the windows a block needs two products, an exponential and a
sum; its gradient is known in closed form before the next block begins
([losses](losses.md)).""",
    ),
    "sampler": (
        "Hierarchical batches",
        """100,000 leaves in a tree of depth 5. Building is a counting sort; an epoch begins with a shuffle
within all categories. A batch is drawn by a few array operations.""",
    ),
    "codes": (
        "Codes",
        """Encoder and residual search of items in memory, float32. The codes are those of float64
([codes](codes.md)): float32 finds them, and whatever is too close to call is settled in float64, which is
part of the time here. All have the same encoder and codebooks, in chunks of the size that is best for each,
and the limit computes a chunk on each thread, as leafcode does.""",
    ),
    "training": (
        "Training",
        """AdamW (fused), batches drawn beforehand. The peer has no contrastive term; the limit counts the
products of the term, too. leafcode's encoder and decoder run within `FastLinear`. The times of the default
model are those of the whole step of each phase.""",
    ),
}


def section(name: str, kept: dict[str, Any]) -> str:
    """A section with its table."""
    title, words = _SECTIONS[name]
    timings = kept["timings"]
    limits = {one["case"]: one["seconds"] for one in timings if one["way"] == LIMIT}
    rows = []
    for one in timings:
        limit, raised = limits.get(one["case"]), one.get("raised")
        rows.append(
            {
                "what": one["case"],
                "way": one["way"],
                "ms": milliseconds(one["seconds"]),
                "× limit": "" if limit is None else f"{one['seconds'] / limit:.2f}",
                "ms, memory kept": "" if raised is None else milliseconds(raised),
                "a second": "" if one["items"] is None else f"{one['items'] / one['seconds']:,.0f}",
                "": one["note"],
            }
        )
    shown = [{key: row[key] for key in row if any(other[key] for other in rows)} for row in rows]
    about = about_machine(kept["machine"])
    foot = f"`python benchmarks/speed_{name}.py` prints these times. Machine: {about}."
    return f"## {title}\n\n{words}\n\n{markdown(shown)}\n\n{foot}"


def milliseconds(seconds: float) -> str:
    """As a number, with hundredths where they say something."""
    return f"{seconds * 1000:,.2f}" if seconds < 1 else f"{seconds * 1000:,.0f}"


def page(kept: dict[str, Any]) -> str:
    """docs/speed.md, from what the result file holds."""
    return "\n\n".join([_INTRO, *(section(name, kept[name]) for name in _SECTIONS if name in kept)]) + "\n"


def main() -> None:
    """Write the page."""
    kept = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))
    write_text(ROOT / "docs" / "speed.md", page(kept))


if __name__ == "__main__":
    main()
