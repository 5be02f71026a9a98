"""Category trees: structure, distances, relevance grades and readers."""

from leafcode.taxonomy.ancestors import ancestor_rows
from leafcode.taxonomy.categories import Categories, find_categories
from leafcode.taxonomy.dag import Unfolded, unfold
from leafcode.taxonomy.distance import lca, lca_depth, lca_height, tree_distance
from leafcode.taxonomy.grades import Grades
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers import read_parent_table, read_path_list, read_taxonomy
from leafcode.taxonomy.several_paths import places_from_keys, places_from_paths, relevance_over_paths
from leafcode.taxonomy.tree import MAX_DEPTH, Taxonomy
from leafcode.taxonomy.tree_relevance import TreeRelevance

__all__ = [
    "MAX_DEPTH",
    "Categories",
    "CategoryGraph",
    "Grades",
    "Taxonomy",
    "TreeRelevance",
    "Unfolded",
    "ancestor_rows",
    "find_categories",
    "lca",
    "lca_depth",
    "lca_height",
    "places_from_keys",
    "places_from_paths",
    "read_parent_table",
    "read_path_list",
    "read_taxonomy",
    "relevance_over_paths",
    "tree_distance",
    "unfold",
]
