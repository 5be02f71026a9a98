"""Batch samplers with stated guarantees."""

from leafcode.sampling.epoch import EpochBatchSampler
from leafcode.sampling.hierarchical import HierarchicalBatchSampler
from leafcode.sampling.pair_counts import PairCounts, average_hierarchical, count_pairs, expected_uniform
from leafcode.sampling.pairs import PairBatchSampler
from leafcode.sampling.sharded import ShardedBatchSampler
from leafcode.sampling.uniform import UniformBatchSampler

__all__ = [
    "EpochBatchSampler",
    "HierarchicalBatchSampler",
    "PairBatchSampler",
    "PairCounts",
    "ShardedBatchSampler",
    "UniformBatchSampler",
    "average_hierarchical",
    "count_pairs",
    "expected_uniform",
]
