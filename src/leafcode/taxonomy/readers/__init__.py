"""Readers of taxonomies, one file format each."""

from leafcode.taxonomy.readers.call_numbers import read_lcc
from leafcode.taxonomy.readers.claml import read_claml
from leafcode.taxonomy.readers.code_schemes import CodeScheme
from leafcode.taxonomy.readers.formats import FORMATS, TaxonomyFormat, find_format, read_taxonomy
from leafcode.taxonomy.readers.genres import read_genres
from leafcode.taxonomy.readers.icd10 import read_icd10
from leafcode.taxonomy.readers.options import parse_options
from leafcode.taxonomy.readers.parent_table import read_parent_table
from leafcode.taxonomy.readers.path_list import read_path_list
from leafcode.taxonomy.readers.prefix_codes import read_codes, read_prefix_codes
from leafcode.taxonomy.readers.table_file import (
    PARQUET,
    coded_column,
    column_names,
    count_rows,
    find_files,
    first_null,
    read_batches,
    read_columns,
    text_column,
)
from leafcode.taxonomy.readers.tracker import read_tracker
from leafcode.taxonomy.readers.tree_numbers import read_mesh

__all__ = [
    "FORMATS",
    "PARQUET",
    "CodeScheme",
    "TaxonomyFormat",
    "coded_column",
    "column_names",
    "count_rows",
    "find_files",
    "find_format",
    "first_null",
    "parse_options",
    "read_batches",
    "read_claml",
    "read_codes",
    "read_columns",
    "read_genres",
    "read_icd10",
    "read_lcc",
    "read_mesh",
    "read_parent_table",
    "read_path_list",
    "read_prefix_codes",
    "read_taxonomy",
    "read_tracker",
    "text_column",
]
