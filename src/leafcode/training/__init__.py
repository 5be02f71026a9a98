"""Training of an RQ-VAE with the tree's help: settings, loop, checkpoints, the weight of the tree."""

from leafcode.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from leafcode.training.config import TrainingConfig
from leafcode.training.trainer import Trainer, TrainingResult

__all__ = [
    "Checkpoint",
    "Trainer",
    "TrainingConfig",
    "TrainingResult",
    "load_checkpoint",
    "save_checkpoint",
]
