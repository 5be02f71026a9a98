"""Categories to and from the graphs of networkx and the trees of bigtree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.tree import Taxonomy

if TYPE_CHECKING:
    import bigtree
    import networkx as nx


def to_networkx(graph: CategoryGraph) -> nx.DiGraph:
    """The categories as nodes with the attribute ``name``, and an edge from every parent to its child.

    A cycle is kept. Edges into a category are added primary parent first, which `from_networkx` goes by.

    Raises:
        InputError: networkx is not installed, an id repeats or a parent is missing.

    Example:
        >>> graph = to_networkx(CategoryGraph(("food", "tea"), ((), ("food",)), ("Food", "Tea")))
        >>> list(graph.edges), graph.nodes["tea"]["name"]
        ([('food', 'tea')], 'Tea')
    """
    try:
        import networkx as nx
    except ImportError as error:
        raise _missing("networkx") from error
    graph.rows_by_id()
    made = nx.DiGraph()
    for key, name in zip(graph.ids, graph.names, strict=True):
        made.add_node(key, name=name)
    made.add_edges_from(
        (parent, key) for key, above in zip(graph.ids, graph.parents, strict=True) for parent in above
    )
    return made


def from_networkx(graph: nx.DiGraph, name: str = "name", source: str = "networkx graph") -> CategoryGraph:
    """Categories from a directed graph with edges from parent to child.

    Args:
        graph: Its nodes are texts. Of several edges into a node the one added first comes from the primary
            parent.
        name: Node attribute with the display name; a node without it goes by its id.
        source: Place named in errors.

    Raises:
        InputError: The graph is undirected or empty, or a node is no text or has a name that is none.

    Example:
        >>> import networkx as nx
        >>> from_networkx(nx.DiGraph([("food", "tea"), ("gift", "tea")])).parents
        ((), ('food', 'gift'), ())
    """
    if not graph.is_directed():
        raise InputError(source, "an undirected graph", "edges from parent to child")
    for node, shown in graph.nodes(data=name):
        if not isinstance(node, str) or not isinstance(shown, str | None):
            found = f"the node {node!r} with the name {shown!r}"
            raise InputError(source, found, "texts", "nx.relabel_nodes(graph, str) makes texts of nodes.")
    return CategoryGraph(
        ids=tuple(graph.nodes),
        parents=tuple(tuple(graph.predecessors(node)) for node in graph.nodes),
        names=tuple(shown or node for node, shown in graph.nodes(data=name)),
        source=source,
    )


def to_bigtree(taxonomy: Taxonomy, root: str | None = None) -> bigtree.Node:
    """The tree as linked nodes named as the categories are, with their keys as the attribute ``key``.

    Args:
        taxonomy: The tree.
        root: Name of a node to put above several roots; it has no key.

    Raises:
        InputError: bigtree is not installed, there are several roots but no name for a node above them, or
            siblings have the same name, which bigtree does not allow.

    Example:
        >>> from leafcode.taxonomy import Taxonomy
        >>> made = to_bigtree(Taxonomy.from_paths(["Pantry > Spices", "Pantry > Oils"])[0])
        >>> made.show(attr_list=["key"])
        Pantry [key=Pantry]
        ├── Oils [key=Pantry > Oils]
        └── Spices [key=Pantry > Spices]
    """
    try:
        import bigtree
    except ImportError as error:
        raise _missing("bigtree") from error
    if root is None and len(taxonomy.children(-1)) > 1:
        found = f"{len(taxonomy.children(-1))} roots"
        raise InputError("taxonomy", found, "one root, or a name for a node above them")
    above = None if root is None else bigtree.Node(root)
    nodes: list[bigtree.Node] = []
    named: set[tuple[int, str]] = set()
    for key, name, parent in zip(taxonomy.keys, taxonomy.names, taxonomy.parents.tolist(), strict=True):
        if (parent, name) in named:
            raise InputError("taxonomy", f"a sibling of {key!r} with its name {name!r}", "different names")
        named.add((parent, name))
        nodes.append(bigtree.Node(name, parent=nodes[parent] if parent >= 0 else above, key=key))
    return above or nodes[0]


def from_bigtree(root: bigtree.Node, key: str = "key", separator: str = " > ") -> Taxonomy:
    """The tree below, and with, a bigtree node, siblings in their order.

    Args:
        root: The node that becomes the only root.
        key: Attribute with a node's key; a node without it has the names from the root down as its key.
        separator: Joins those names.

    Raises:
        InputError: A key repeats or is no text.

    Example:
        >>> from bigtree import list_to_tree
        >>> from_bigtree(list_to_tree(["Pantry/Spices", "Pantry/Oils"])).keys
        ('Pantry', 'Pantry > Spices', 'Pantry > Oils')
    """
    ids: list[str] = []
    parents: list[tuple[str, ...]] = []
    names: list[str] = []
    todo: list[tuple[bigtree.Node, tuple[str, ...], tuple[str, ...]]] = [(root, (), ())]
    while todo:
        node, parent, path_above = todo.pop()
        path = (*path_above, node.node_name)
        given = node.get_attr(key)
        if not isinstance(given, str | None):
            raise InputError("bigtree", f"the {key} {given!r} of {separator.join(path)!r}", "a text")
        identity = separator.join(path) if given is None else given
        ids.append(identity)
        parents.append(parent)
        names.append(node.node_name)
        todo += [(child, (identity,), path) for child in reversed(node.children)]
    return CategoryGraph(tuple(ids), tuple(parents), tuple(names), source="bigtree", ordered=True).taxonomy()


def _missing(package: str) -> InputError:
    return InputError(package, "no such package", package, f"Install it with: pip install {package}")
