"""Training of an RQ-VAE with the tree's help: settings, loop, checkpoints, the weight of the tree."""

from leafcode.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from leafcode.training.code_term import CodeTerm, cumulative_sums
from leafcode.training.config import TrainingConfig
from leafcode.training.contrast_term import ContrastTerm
from leafcode.training.new_model import new_model
from leafcode.training.randomness import seeded
from leafcode.training.trainer import Trainer, TrainingResult
from leafcode.training.world import World, current_world, join_world

__all__ = [
    "Checkpoint",
    "CodeTerm",
    "ContrastTerm",
    "Trainer",
    "TrainingConfig",
    "TrainingResult",
    "World",
    "cumulative_sums",
    "current_world",
    "join_world",
    "load_checkpoint",
    "new_model",
    "save_checkpoint",
    "seeded",
]
