"""Category trees: structure, distances, relevance grades and readers."""

from leafcode.taxonomy.distance import lca, lca_depth, lca_height, tree_distance
from leafcode.taxonomy.grades import Grades
from leafcode.taxonomy.readers import read_parent_table, read_path_list
from leafcode.taxonomy.tree import MAX_DEPTH, Taxonomy

__all__ = [
    "MAX_DEPTH",
    "Grades",
    "Taxonomy",
    "lca",
    "lca_depth",
    "lca_height",
    "read_parent_table",
    "read_path_list",
    "tree_distance",
]
