"""Two places in a tree, drawn together: what they share once, then both branches with their siblings."""

from __future__ import annotations

from typing import NamedTuple

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy


class BranchRow(NamedTuple):
    """A line of the drawing.

    Attributes:
        node: The node; -1 in a line that stands for several siblings that are not shown.
        depth: 1 for a root.
        role: ``given``, ``suggested``, ``above`` (leads to one of them), ``sibling`` or ``more``.
        hidden: Siblings that a line ``more`` stands for, else 0.
    """

    node: int
    depth: int
    role: str
    hidden: int


def branch_rows(taxonomy: Taxonomy, given: int, suggested: int = -1, *, siblings: int = 2) -> list[BranchRow]:
    """Lines of a drawing of two nodes, in the order of the tree.

    Args:
        taxonomy: The tree.
        given: Node that an item is filed at.
        suggested: Node where it seems to belong; -1 for none.
        siblings: Of each of the two, siblings shown on either side.

    Returns:
        Ancestors of both nodes once, the nodes, some siblings, and a line per parent for the others.

    Raises:
        InputError: No node of the tree.

    Example:
        >>> tree, node = Taxonomy.from_paths(["A > B > C", "A > B > D", "A > E > G", "A > E > H", "F"])
        >>> for row in branch_rows(tree, node[0], node[3], siblings=0):
        ...     print("  " * row.depth + tree.names[row.node], row.role)
          A above
            B above
              C given
              D sibling
            E above
              G sibling
              H suggested
    """
    if not (0 <= given < len(taxonomy) and -1 <= suggested < len(taxonomy)):
        found = f"the nodes {given} and {suggested}"
        raise InputError("branches", found, f"node ids in [0, {len(taxonomy)}), or no suggestion (-1)")
    ends = [node for node in (given, suggested) if node >= 0]
    shown = {int(node) for end in ends for node in taxonomy.ancestors[end] if node >= 0}
    roles = dict.fromkeys(shown, "above") | {suggested: "suggested", given: "given"}
    after: dict[int, tuple[int, int]] = {}  # the last line of a parent's children: how many are hidden
    for parent in {int(taxonomy.parents[end]) for end in ends}:
        family = taxonomy.children(parent).tolist()
        places = [place for place, node in enumerate(family) if node in ends]
        near = {
            family[place]
            for middle in places
            for place in range(max(0, middle - siblings), min(len(family), middle + siblings + 1))
        }
        lines = near | (shown & set(family))
        if len(lines) == len(family) - 1:  # a line for one sibling had better name it
            lines = set(family)
        shown |= lines
        if len(lines) < len(family):
            after[max(lines)] = (int(taxonomy.depths[family[0]]), len(family) - len(lines))

    rows: list[BranchRow] = []
    waiting: list[tuple[int, BranchRow]] = []  # lines that come once the subtree of a node is over
    for node in sorted(shown):
        while waiting and waiting[-1][0] <= node:
            rows.append(waiting.pop()[1])
        rows.append(BranchRow(node, int(taxonomy.depths[node]), roles.get(node, "sibling"), 0))
        if node in after:
            depth, hidden = after[node]
            waiting.append((int(taxonomy.end[node]), BranchRow(-1, depth, "more", hidden)))
    rows += [row for _, row in reversed(waiting)]
    return rows
