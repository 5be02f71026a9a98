"""Items: their texts, categories and embeddings, and how they are split."""

from leafcode.catalog.agreement import agreement_weights, content_agreement, refine_relevance
from leafcode.catalog.attributes import Attributes
from leafcode.catalog.embedder import Embedder, embed_texts
from leafcode.catalog.embeddings import check_embeddings, load_embeddings
from leafcode.catalog.engagement import AssociationName, Engagement
from leafcode.catalog.engagement_reader import read_engagement
from leafcode.catalog.items import TEXT_SEPARATOR, Catalog, read_catalog
from leafcode.catalog.parts import CatalogPart, read_catalog_parts
from leafcode.catalog.rows import Rows, row_view
from leafcode.catalog.splits import split_by_content, split_by_leaf
from leafcode.catalog.vector_cache import VectorCache

__all__ = [
    "TEXT_SEPARATOR",
    "AssociationName",
    "Attributes",
    "Catalog",
    "CatalogPart",
    "Embedder",
    "Engagement",
    "Rows",
    "VectorCache",
    "agreement_weights",
    "check_embeddings",
    "content_agreement",
    "embed_texts",
    "load_embeddings",
    "read_catalog",
    "read_catalog_parts",
    "read_engagement",
    "refine_relevance",
    "row_view",
    "split_by_content",
    "split_by_leaf",
]
