"""What training leaves on disk, and looking items up in it."""

from leafcode.serving.ids_table import SPLITS, ids_batches, ids_table
from leafcode.serving.lookup import CodeIndex, Neighbors, quantized_vectors
from leafcode.serving.run_config import FORMAT_VERSION, RunConfig, settings_from_json
from leafcode.serving.run_folder import RunFolder

__all__ = [
    "FORMAT_VERSION",
    "SPLITS",
    "CodeIndex",
    "Neighbors",
    "RunConfig",
    "RunFolder",
    "ids_batches",
    "ids_table",
    "quantized_vectors",
    "settings_from_json",
]
