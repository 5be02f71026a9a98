"""Writers of taxonomies, one file format each."""

from leafcode.taxonomy.writers.formats import WRITERS, write_taxonomy

__all__ = ["WRITERS", "write_taxonomy"]
