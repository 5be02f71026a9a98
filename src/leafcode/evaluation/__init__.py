"""Measures of codes, as pure functions of arrays: reconstruction, agreement with the tree, codebook use."""

from leafcode.evaluation.ceiling import knn_accuracy, probe_accuracy
from leafcode.evaluation.codebook import ami, collision_rate, perplexity, utilization
from leafcode.evaluation.neighbors import code_neighbors, hp_at_k, precision_at_k
from leafcode.evaluation.prefix import prefix_accuracy
from leafcode.evaluation.reconstruction import reconstruction_error
from leafcode.evaluation.similarity import shared_prefix_at, similarity_depth_spearman
from leafcode.evaluation.summary import ceilings, evaluate, to_json

__all__ = [
    "ami",
    "ceilings",
    "code_neighbors",
    "collision_rate",
    "evaluate",
    "hp_at_k",
    "knn_accuracy",
    "perplexity",
    "precision_at_k",
    "prefix_accuracy",
    "probe_accuracy",
    "reconstruction_error",
    "shared_prefix_at",
    "similarity_depth_spearman",
    "to_json",
    "utilization",
]
