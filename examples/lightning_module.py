"""The graded loss and hierarchical batches in Lightning: a projection that follows ICD-10-CM.

Items, features and model are those of own_training_loop.py: titles of ICD-10-CM leaf codes as hashed
n-grams, filed under chapter > block > category, and one linear layer. The figures are the share of each
held-out item's 10 nearest training items that have its chapter, block or category, before and after training.

    pip install lightning simple-icd-10-cm
    python examples/lightning_module.py
    python examples/lightning_module.py --tiny                               # a few seconds
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from typing import Any

import lightning
import numpy as np
import torch
from sklearn.feature_extraction.text import HashingVectorizer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from leafcode import GradedContrastiveLoss, Grades, HierarchicalBatchSampler, LeafcodeError, Taxonomy
from leafcode.catalog import split_by_content
from leafcode.evaluation import precision_at_k
from own_training_loop import DEPTHS, nearest, read_items


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


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=10_000, help="leaf codes to draw (default: 10000)")
    parser.add_argument("--steps", type=int, default=400, help="training steps (default: 400)")
    parser.add_argument("--batch-size", type=int, default=256, help="items in a batch (default: 256)")
    parser.add_argument("--features", type=int, default=2048, help="hashed n-grams (default: 2048)")
    parser.add_argument("--grades", default="depth", help="'depth' or grades by distance such as 1,0.5")
    parser.add_argument("--seed", type=int, default=0, help="of items, split, batches and weights")
    parser.add_argument("--tiny", action="store_true", help="few items, features and steps")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.items, arguments.steps = 2_000, 60
        arguments.batch_size, arguments.features = 128, 512
    return arguments


def main() -> None:
    """Run the example."""
    arguments = read_arguments()
    # Of processes that are not there, and of workers that arrays in memory do not need.
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    texts, paths = read_items(arguments.items, arguments.seed)
    tree, nodes = Taxonomy.from_paths(paths)
    hashed = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=arguments.features)
    features = torch.from_numpy(hashed.fit_transform(texts).toarray().astype(np.float32))
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
        shares = [
            precision_at_k(nearest(vectors[test], vectors[train]), ancestors[train], ancestors[test])
            for vectors in (features, model.cpu()(features))
        ]
    print(f"precision at 10, {len(test):,} held-out items\n{'':10}{'before':>8}{'after':>8}")
    for name, old, new in zip(DEPTHS, *(row.tolist() for row in shares), strict=True):
        print(f"{name:10}{old:8.3f}{new:8.3f}")


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
