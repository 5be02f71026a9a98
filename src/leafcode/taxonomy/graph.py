"""Categories and their parents as a file states them, before anything is judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from leafcode.errors import InputError
from leafcode.taxonomy._build import check_acyclic, first_cycle, nodes_from_table
from leafcode.taxonomy.dag import Unfolded, unfold
from leafcode.taxonomy.tree import Taxonomy


@dataclass(frozen=True, eq=False, repr=False)
class CategoryGraph:
    """Categories and their parents, one row per category; what every reader of a taxonomy file returns.

    A graph may be faulty: an id may repeat, a parent may be missing, and parents may go round in a circle.
    `leafcode taxonomy check` reports such faults; `taxonomy` and `unfold` refuse them.

    Args:
        ids: Id of each category.
        parents: Ids of all its parents in the order of the file, none for a root. The first is the primary
            parent, the one that it has in the tree.
        names: Display names; the id where a category has none.
        labels: Names by language tag and id, such as ``labels["de"]["tea"]``; empty if the format has no
            languages.
        source: The file, named in errors.
        places: Where in the file each row stands, such as ``"line 12"``; None if unknown.
        ordered: Whether siblings stand in an order of the file's own, which the tree then keeps; otherwise it
            sorts them by id.

    Raises:
        InputError: The lengths differ, or there is no category.

    Example:
        >>> ids, parents = ("food", "tea", "gift"), ((), ("food", "gift"), ())
        >>> graph = CategoryGraph(ids, parents, ("Food", "Tea", "Gifts"))
        >>> graph
        CategoryGraph(3 categories, 2 parents, source='taxonomy')
        >>> graph.taxonomy().path(1)
        ('Food', 'Tea')
        >>> graph.unfold().nodes["tea"]
        (1, 3)
    """

    ids: tuple[str, ...]
    parents: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    source: str = "taxonomy"
    places: tuple[str, ...] | None = None
    ordered: bool = False

    def __post_init__(self) -> None:
        counts = {len(self.ids), len(self.parents), len(self.names)}
        if self.places is not None:
            counts.add(len(self.places))
        if len(counts) > 1 or counts == {0}:
            found = f"{len(self.ids)} ids, {len(self.parents)} parents, {len(self.names)} names"
            if self.places is not None:
                found += f", {len(self.places)} places"
            raise InputError(self.source, found, "at least one category, and the same number of each")

    @classmethod
    def from_taxonomy(cls, taxonomy: Taxonomy, source: str = "taxonomy") -> CategoryGraph:
        """The nodes of a tree as categories, with its keys as ids and in its order.

        Example:
            >>> tree, _ = Taxonomy.from_paths(["Pantry > Spices"])
            >>> CategoryGraph.from_taxonomy(tree).parents
            ((), ('Pantry',))
        """
        keys = taxonomy.keys
        parents = tuple((keys[parent],) if parent >= 0 else () for parent in taxonomy.parents.tolist())
        return cls(keys, parents, taxonomy.names, source=source, ordered=True)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def with_several_parents(self) -> int:
        """Number of categories that have more than one parent."""
        return sum(len(above) > 1 for above in self.parents)

    def __repr__(self) -> str:
        edges = sum(map(len, self.parents))
        return f"CategoryGraph({len(self):,} categories, {edges:,} parents, source={self.source!r})"

    def taxonomy(self) -> Taxonomy:
        """The tree by primary parents, whose keys are the ids.

        Raises:
            InputError: Naming the file and the place: an id that repeats or is empty, a parent that is
                missing, a cycle; or a tree deeper than `MAX_DEPTH`.
        """
        row_of = self.rows_by_id()
        primary = [above[0] if above else None for above in self.parents]
        upwards = np.array([-1 if parent is None else row_of[parent] for parent in primary], np.int64)
        cycle = first_cycle(upwards)
        if cycle:
            check_acyclic(upwards, self.ids, self.where(cycle[0]))
        nodes = nodes_from_table(self.ids, primary, self.names, self.source, sort_siblings=not self.ordered)
        return Taxonomy(*nodes)

    def unfold(self, separator: str = " > ", limit: int = 1_000_000) -> Unfolded:
        """The tree by all parents, in which a category stands beneath each of them; see `unfold`.

        Args:
            separator: Joins ids to the keys of the tree's nodes; occurs in no id.
            limit: Most nodes that the tree may have.

        Raises:
            InputError: As for `taxonomy`, or a tree of more than ``limit`` nodes.
        """
        self.rows_by_id()
        return unfold(self.ids, self.parents, self.names, separator=separator, limit=limit, where=self.source)

    def unfolded(self) -> CategoryGraph:
        """The tree of `unfold` as categories again: one for each node, with the names of its category.

        Raises:
            InputError: As for `unfold`.

        Example:
            >>> ids, parents = ("food", "tea", "gift"), ((), ("food", "gift"), ())
            >>> graph = CategoryGraph(ids, parents, ids, labels={"de": {"tea": "Tee"}}).unfolded()
            >>> graph.ids, graph.labels["de"]
            (('food', 'food > tea', 'gift', 'gift > tea'), {'food > tea': 'Tee', 'gift > tea': 'Tee'})
        """
        tree, nodes = self.unfold()
        labels = {
            tag: {tree.keys[node]: text for key, text in texts.items() for node in nodes.get(key, ())}
            for tag, texts in self.labels.items()
        }
        return dataclasses.replace(CategoryGraph.from_taxonomy(tree, self.source), labels=labels)

    def named(self, language: str) -> CategoryGraph:
        """The same categories with their names in one language, the default name where there is none.

        Args:
            language: A language tag of the file, such as ``en`` or ``pt-br``; case does not matter.

        Raises:
            InputError: The file has no label in that language, naming those it has.

        Example:
            >>> graph = CategoryGraph(("tea",), ((),), ("Tea",), {"en": {"tea": "Tea"}, "de": {"tea": "Tee"}})
            >>> graph.named("de").names
            ('Tee',)
        """
        by_tag = {tag.lower(): labels for tag, labels in self.labels.items()}
        if language.lower() not in by_tag:
            there = ", ".join(sorted(self.labels)) or "none, for this file's labels have no language"
            raise InputError(f"{self.source}: language", repr(language), f"one of its languages ({there})")
        labels = by_tag[language.lower()]
        names = tuple(labels.get(key, name) for key, name in zip(self.ids, self.names, strict=True))
        return dataclasses.replace(self, names=names)

    def primary_only(self) -> CategoryGraph:
        """The same categories with their primary parents alone.

        Example:
            >>> CategoryGraph(("a", "b", "c"), ((), (), ("a", "b")), ("A", "B", "C")).primary_only().parents
            ((), (), ('a',))
        """
        return dataclasses.replace(self, parents=tuple(above[:1] for above in self.parents))

    def where(self, row: int) -> str:
        """The place of a row for an error: the file and, if known, where in it.

        Example:
            >>> CategoryGraph(("a",), ((),), ("A",), source="a.csv", places=("line 2",)).where(0)
            'a.csv: line 2'
        """
        return self.source if self.places is None else f"{self.source}: {self.places[row]}"

    def rows_by_id(self) -> dict[str, int]:
        """Row of every id.

        Raises:
            InputError: Naming the file and the place: an id that repeats, or a parent that is missing.
        """
        row_of: dict[str, int] = {}
        for row, key in enumerate(self.ids):
            if row_of.setdefault(key, row) != row:
                first = "before" if self.places is None else f"as in {self.places[row_of[key]]}"
                found = f"the id {key!r} again, {first}"
                hint = "Further parents go into a column parent_ids of a parent table, not into rows."
                raise InputError(self.where(row), found, "a unique id per category", hint)
        for row, above in enumerate(self.parents):
            missing = next((each for each in above if each not in row_of), None)
            if missing is not None:
                found = f"the parent {missing!r} of {self.ids[row]!r}, which is missing"
                raise InputError(self.where(row), found, "the id of a category of the same file")
        return row_of
