"""The graded loss and hierarchical batches in Lightning: a projection that follows ICD-10-CM.

Items, features and model are those of own_training_loop.py: titles of ICD-10-CM leaf codes as hashed
n-grams, filed under chapter > block > category, and one linear layer. The figures are the share of each
held-out item's 10 nearest training items that have its chapter, block or category, before and after training.

    pip install lightning simple-icd-10-cm
    python examples/lightning_module.py
    python examples/lightning_module.py --tiny                               # a few seconds
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from leafcode import GradedContrastiveLoss, Grades, HierarchicalBatchSampler, LeafcodeError, Taxonomy
from leafcode.catalog import split_by_content
from leafcode.evaluation import precision_at_k
from own_training_loop import hashed_ngrams, nearest, print_shares, read_arguments, read_items


class Projection(lightning.LightningModule):
    """A linear layer under the graded contrastive loss."""

    ancestors: Tensor

    def __init__(self, features: int, tree: Taxonomy, grades: Grades) -> None:
        super().__init__()
        self.layer = nn.Linear(features, 128)
        self.criterion = GradedContrastiveLoss(grades.levels)
        self.grades = grades
        self.register_buffer("ancestors", torch.tensor(tree.ancestors), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings (B, 128) of features (B, F)."""
        embeddings: Tensor = self.layer(features)
        return embeddings

    def on_train_epoch_start(self) -> None:
        """Let the batches differ from epoch to epoch; Lightning only tells samplers of single items."""
        loader: Any = self.trainer.train_dataloader
        loader.batch_sampler.set_epoch(self.current_epoch)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        """Loss of one batch of features and nodes."""
        features, nodes = batch
        output = self.criterion(self(features), self.grades.matrix(self.ancestors[nodes]))
        self.log_dict({"loss": output.loss, "anchors": output.anchors.float()})
        loss: Tensor = output.loss
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW, as in own_training_loop.py."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def main() -> None:
    """Run the example."""
    arguments = read_arguments(__doc__)
    # Of processes that are not there, and of workers that arrays in memory do not need.
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    texts, paths = read_items(arguments.items, arguments.seed)
    tree, nodes = Taxonomy.from_paths(paths)
    features = hashed_ngrams(texts, arguments.features)
    held_out = split_by_content(texts, 0.2, arguments.seed)
    train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)

    lightning.seed_everything(arguments.seed, verbose=False)
    model = Projection(arguments.features, tree, Grades.parse(arguments.grades, tree.max_depth))
    trainer = lightning.Trainer(
        max_steps=arguments.steps,
        accelerator="cpu",
        devices=1,
        use_distributed_sampler=False,  # with more devices, pass rank and world_size to the sampler
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    sampler = HierarchicalBatchSampler(
        nodes[train], tree, batch_size=arguments.batch_size, seed=arguments.seed
    )
    data = TensorDataset(features[train], torch.from_numpy(nodes[train]))
    trainer.fit(model, DataLoader(data, batch_sampler=sampler))

    ancestors = tree.ancestors[nodes]
    with torch.no_grad():
        before, after = (
            precision_at_k(nearest(vectors[test], vectors[train]), ancestors[train], ancestors[test])
            for vectors in (features, model.cpu()(features))
        )
    print_shares(len(test), before, after)


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
