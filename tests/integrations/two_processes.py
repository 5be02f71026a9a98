"""Two processes fine-tune an encoder on one global batch; the test beside it compares them with one.

Writes the gradients of the loss by itself, and the weights after training with the trainer.
"""

import gc
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from tests.integrations.trainers import TREE, one_column, train
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from leafcode.integrations.prototypes import CategoryPrototypes
from leafcode.integrations.sentence_transformers import TaxonomyContrastiveLoss
from leafcode.large_batches import own_rows

BATCH = 24
TEXTS = torch.randn(2, 12, 6, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(0, len(TREE), (12,), generator=torch.Generator().manual_seed(2))
LABELS[1:5] = -1  # so the first process has fewer labels than the second
STEPS = {"max_steps": 3, "optim": "sgd", "learning_rate": 0.5, "per_device_train_batch_size": BATCH}


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))

    def forward(self, features):
        return {"sentence_embedding": self.layers(features["texts"])}


def gathering(model, tree):
    return TaxonomyContrastiveLoss(model, tree, gather_across_devices=True)


def loss_and_gradients(model, rows, columns, **settings):
    """Of the texts and labels of some rows."""
    prototypes = CategoryPrototypes(TREE, np.arange(len(TREE)), np.eye(len(TREE), 4) + 0.1)
    loss_fn = TaxonomyContrastiveLoss(model, TREE, prototypes=prototypes, **settings)
    loss = loss_fn([{"texts": texts[rows]} for texts in TEXTS[:columns]], LABELS[rows])
    loss.backward()
    return loss.detach(), [parameter.grad.numpy() for parameter in model.parameters()]


def weights_of(model):
    return [parameter.detach().numpy() for parameter in model.parameters()]


def measured(folder, out):
    results = {}
    for columns in (1, 2):
        model = DistributedDataParallel(Encoder())
        loss, gradients = loss_and_gradients(model, own_rows(6), columns=columns, gather_across_devices=True)
        dist.all_reduce(loss)
        results[f"loss.{columns}"] = loss.numpy() / 2
        results |= {f"gradient.{columns}.{place}": value for place, value in enumerate(gradients)}
    trainer = train(
        folder,
        out,
        one_column(),
        loss=gathering,
        ddp_backend="gloo",
        accelerator_config={"split_batches": True},
        **STEPS,
    )
    return results | {f"weight.{place}": value for place, value in enumerate(weights_of(trainer.model))}


def main(folder, out):
    dist.init_process_group("gloo")
    results = measured(folder, out)
    if dist.get_rank() == 1:
        np.savez(Path(out) / "results.npz", **results)
    # If a model is the last to let go of the group, its end and the thread of the group wait for each other.
    gc.collect()
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
