"""Items: their texts, categories and embeddings, and how they are split."""

from leafcode.catalog.embedder import Embedder, embed_texts
from leafcode.catalog.embeddings import check_embeddings, load_embeddings
from leafcode.catalog.items import TEXT_SEPARATOR, Catalog, read_catalog
from leafcode.catalog.splits import split_by_content, split_by_leaf
from leafcode.catalog.vector_cache import VectorCache

__all__ = [
    "TEXT_SEPARATOR",
    "Catalog",
    "Embedder",
    "VectorCache",
    "check_embeddings",
    "embed_texts",
    "load_embeddings",
    "read_catalog",
    "split_by_content",
    "split_by_leaf",
]
