"""Semantic IDs: the codes of items, the numbers that make them unique, and the tree of their prefixes."""

from leafcode.codes.checks import check_codes
from leafcode.codes.encode import CodeModel, EncodedItems, encode_codes, encode_items
from leafcode.codes.onnx_graph import OnnxGraph, export_onnx
from leafcode.codes.prefix_tree import Children, PrefixTree
from leafcode.codes.registry import IdRegistry, plain_strings
from leafcode.codes.search import ResidualSearch
from leafcode.codes.semantic_id import SemanticId, parse_semantic_id, semantic_id_array, semantic_id_text

__all__ = [
    "Children",
    "CodeModel",
    "EncodedItems",
    "IdRegistry",
    "OnnxGraph",
    "PrefixTree",
    "ResidualSearch",
    "SemanticId",
    "check_codes",
    "encode_codes",
    "encode_items",
    "export_onnx",
    "parse_semantic_id",
    "plain_strings",
    "semantic_id_array",
    "semantic_id_text",
]
