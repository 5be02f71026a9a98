"""Semantic IDs: the codes of items, the numbers that make them unique, and the tree of their prefixes."""

from leafcode.codes.checks import check_codes
from leafcode.codes.encode import EncodedItems, encode_items
from leafcode.codes.prefix_tree import Children, PrefixTree
from leafcode.codes.registry import IdRegistry
from leafcode.codes.semantic_id import SemanticId, parse_semantic_id, semantic_id_text

__all__ = [
    "Children",
    "EncodedItems",
    "IdRegistry",
    "PrefixTree",
    "SemanticId",
    "check_codes",
    "encode_items",
    "parse_semantic_id",
    "semantic_id_text",
]
