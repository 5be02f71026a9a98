"""leafcode: Semantic IDs and embeddings that respect a catalogue's category tree."""

from leafcode.catalog import Catalog, Engagement, embed_texts, read_catalog, read_engagement
from leafcode.codes import IdRegistry, encode_items
from leafcode.errors import InputError, LeafcodeError, RunFolderError, TrainingError
from leafcode.evaluation import ceilings, evaluate
from leafcode.losses import GradedContrastiveLoss, graded_contrastive_loss
from leafcode.pipeline import CatalogSource, CompareOptions, FitOptions, Run, compare, fit
from leafcode.quantizers import RQVAE, ResidualQuantizer, RQVAEConfig
from leafcode.sampling import HierarchicalBatchSampler, UniformBatchSampler
from leafcode.taxonomy import Grades, Taxonomy, TreeRelevance, ancestor_rows
from leafcode.training import Trainer, TrainingConfig

__all__ = [
    "RQVAE",
    "Catalog",
    "CatalogSource",
    "CompareOptions",
    "Engagement",
    "FitOptions",
    "GradedContrastiveLoss",
    "Grades",
    "HierarchicalBatchSampler",
    "IdRegistry",
    "InputError",
    "LeafcodeError",
    "RQVAEConfig",
    "ResidualQuantizer",
    "Run",
    "RunFolderError",
    "Taxonomy",
    "Trainer",
    "TrainingConfig",
    "TrainingError",
    "TreeRelevance",
    "UniformBatchSampler",
    "ancestor_rows",
    "ceilings",
    "compare",
    "embed_texts",
    "encode_items",
    "evaluate",
    "fit",
    "graded_contrastive_loss",
    "read_catalog",
    "read_engagement",
]
