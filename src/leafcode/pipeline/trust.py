"""How far the category of each item is to be believed, as an audit has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog import Catalog
from leafcode.errors import InputError
from leafcode.review import DecisionStore, read_audit
from leafcode.review.decisions import DECISIONS


def read_trust(folder: str | Path, catalog: Catalog) -> npt.NDArray[np.float32]:
    """One minus the probability that an item is filed wrongly, or what a reviewer said of it.

    A finding speaks of an item where it was filed when it was audited. So an item that has been moved since
    counts fully, as does one that the audit does not have. Decisions of the review count more than
    probabilities: an item that stands where the reviewer wants it counts fully, one that still stands where
    the reviewer found it wrong not at all.

    Args:
        folder: Of an audit.
        catalog: The items, audited or corrected after it.

    Returns:
        float32 (n,), in [0, 1].

    Raises:
        InputError: The folder is no whole audit, or it has none of the items.
    """
    audit = read_audit(folder)
    row = pc.index_in(catalog.ids, value_set=pa.array(audit.ids, pa.large_string()))
    known = np.flatnonzero(row.is_valid())
    if not len(known):
        found = f"none of the {len(catalog)} items of the catalogue"
        raise InputError(str(folder), found, "an audit of this catalogue")
    finding = row.drop_null().to_numpy()
    # The last one is for unlabelled items, whose node is -1.
    keys = np.array([*(catalog.taxonomy.keys if catalog.taxonomy else ()), ""], object)
    audited = np.array(audit.taxonomy.keys, object)[audit.given[finding]]
    same = keys[catalog.nodes[known]] == audited
    trust = np.ones(len(catalog), np.float32)
    trust[known[same]] = 1 - audit.probability[finding[same]]
    decisions = Path(folder) / DECISIONS
    if decisions.exists():
        said = DecisionStore(decisions).current()
        spoken_of = np.asarray(pc.is_in(catalog.ids, value_set=pa.array(list(said), pa.large_string())))
        for place in known[spoken_of[known]].tolist():
            decision, key = said[catalog.ids[place].as_py()], keys[catalog.nodes[place]]
            if key in (decision.given, decision.node):
                trust[place] = key == decision.node
    return trust
