"""Measures of codes, as pure functions of arrays: reconstruction, agreement with the tree, codebook use."""

from leafcode.evaluation.ceiling import knn_accuracy, probe_accuracy
from leafcode.evaluation.codebook import ami, collision_rate, perplexity, utilization
from leafcode.evaluation.front import clearly_dominated, non_dominated
from leafcode.evaluation.gain import (
    Estimate,
    error_reduction,
    mean_error_reduction,
    mean_interval,
    reconstruction_ratio,
)
from leafcode.evaluation.mistakes import hierarchical_distance, mistake_severity
from leafcode.evaluation.neighbors import code_neighbors, hp_at_k, precision_at_k
from leafcode.evaluation.prefix import prefix_accuracy
from leafcode.evaluation.reconstruction import reconstruction_error
from leafcode.evaluation.retrieval import ndcg_at_k, recall_at_k
from leafcode.evaluation.similarity import shared_prefix_at, similarity_depth_spearman
from leafcode.evaluation.summary import ceilings, evaluate, sample_rows, to_json

__all__ = [
    "Estimate",
    "ami",
    "ceilings",
    "clearly_dominated",
    "code_neighbors",
    "collision_rate",
    "error_reduction",
    "evaluate",
    "hierarchical_distance",
    "hp_at_k",
    "knn_accuracy",
    "mean_error_reduction",
    "mean_interval",
    "mistake_severity",
    "ndcg_at_k",
    "non_dominated",
    "perplexity",
    "precision_at_k",
    "prefix_accuracy",
    "probe_accuracy",
    "recall_at_k",
    "reconstruction_error",
    "reconstruction_ratio",
    "sample_rows",
    "shared_prefix_at",
    "similarity_depth_spearman",
    "to_json",
    "utilization",
]
