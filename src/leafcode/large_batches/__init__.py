"""Large batches in small memory, on one process or several."""

from leafcode.large_batches.gather import gather_with_gradient, own_rows, process_weight
from leafcode.large_batches.gradient_cache import GradientCache
from leafcode.large_batches.memory_bank import MemoryBank

__all__ = ["GradientCache", "MemoryBank", "gather_with_gradient", "own_rows", "process_weight"]
