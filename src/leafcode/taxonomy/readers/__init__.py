"""Readers of taxonomies, one file format each."""

from leafcode.taxonomy.readers.parent_table import read_parent_table
from leafcode.taxonomy.readers.path_list import read_path_list
from leafcode.taxonomy.readers.table_file import column_names, first_null, read_columns, text_column

__all__ = ["column_names", "first_null", "read_columns", "read_parent_table", "read_path_list", "text_column"]
