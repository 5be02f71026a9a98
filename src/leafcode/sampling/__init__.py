"""Batch samplers with stated guarantees."""

from leafcode.sampling.epoch import EpochBatchSampler
from leafcode.sampling.hierarchical import HierarchicalBatchSampler
from leafcode.sampling.pairs import PairBatchSampler
from leafcode.sampling.sharded import ShardedBatchSampler
from leafcode.sampling.uniform import UniformBatchSampler

__all__ = [
    "EpochBatchSampler",
    "HierarchicalBatchSampler",
    "PairBatchSampler",
    "ShardedBatchSampler",
    "UniformBatchSampler",
]
