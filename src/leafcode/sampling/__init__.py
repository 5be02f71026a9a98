"""Batch samplers with stated guarantees."""

from leafcode.sampling.epoch import EpochBatchSampler
from leafcode.sampling.hierarchical import HierarchicalBatchSampler
from leafcode.sampling.uniform import UniformBatchSampler

__all__ = ["EpochBatchSampler", "HierarchicalBatchSampler", "UniformBatchSampler"]
