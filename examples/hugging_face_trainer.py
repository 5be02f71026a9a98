"""The graded loss and hierarchical batches in the Trainer of Hugging Face transformers.

Texts are titles of ICD-10-CM leaf codes, filed under chapter > block > category. The model is a small BERT of
random weights with a vocabulary of its own, or any encoder by name with --model. The figures are the share of
each held-out title's 10 nearest training titles that have its chapter, block or category, before and after
training.

    pip install transformers accelerate simple-icd-10-cm
    python examples/hugging_face_trainer.py
    python examples/hugging_face_trainer.py --model sentence-transformers/all-MiniLM-L6-v2 --lr 5e-5
    python examples/hugging_face_trainer.py --tiny                               # a few seconds
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    BertTokenizer,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from leafcode import GradedContrastiveLoss, Grades, HierarchicalBatchSampler, LeafcodeError, Taxonomy
from leafcode.catalog import split_by_content
from leafcode.evaluation import precision_at_k
from own_training_loop import nearest, print_shares, read_items


class Encoder(nn.Module):
    """Mean of a transformer's token vectors, under the graded contrastive loss."""

    ancestors: Tensor

    def __init__(self, transformer: nn.Module, tree: Taxonomy, grades: Grades) -> None:
        super().__init__()
        self.transformer = transformer
        self.criterion = GradedContrastiveLoss(grades.levels)
        self.grades = grades
        self.register_buffer("ancestors", torch.tensor(tree.ancestors), persistent=False)

    def embed(self, inputs: dict[str, Tensor]) -> Tensor:
        """Embeddings (B, D) of tokens."""
        tokens: Tensor = self.transformer(**inputs).last_hidden_state
        mask = inputs["attention_mask"][:, :, None]
        return (tokens * mask).sum(1) / mask.sum(1)

    def forward(self, labels: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """What the trainer wants: a loss, here of the texts' nodes (B,)."""
        embeddings = self.embed(inputs)
        relevance = self.grades.matrix(self.ancestors[labels])
        return {"loss": self.criterion(embeddings, relevance).loss, "embeddings": embeddings}


class TreeTrainer(Trainer):
    """A Trainer with hierarchical batches; its ``train_dataset`` is a list of (text, node)."""

    def __init__(self, sampler: HierarchicalBatchSampler, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        self.sampler = sampler

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of the sampler, which accelerate also tells of each epoch, in place of shuffled rows."""
        data: Any = self.train_dataset
        loader = DataLoader(data, batch_sampler=self.sampler, collate_fn=self.data_collator)
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared


def small_bert(texts: Sequence[str], seed: int) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """A BERT of two layers with random weights, and a vocabulary of the texts."""
    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(iter(texts), vocab_size=3_000, show_progress=False)
    with TemporaryDirectory() as folder:
        (vocabulary,) = pieces.save_model(folder)
        tokenizer = BertTokenizer(vocabulary)
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=64,
    )
    return BertModel(config), tokenizer


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=10_000, help="leaf codes to draw (default: 10000)")
    parser.add_argument("--steps", type=int, default=400, help="training steps (default: 400)")
    parser.add_argument("--batch-size", type=int, default=128, help="items in a batch (default: 128)")
    parser.add_argument("--model", help="an encoder's folder or name; a small BERT if left out")
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate (default: 0.001)")
    parser.add_argument("--grades", default="depth", help="'depth' or grades by distance such as 1,0.5")
    parser.add_argument("--seed", type=int, default=0, help="of items, split, batches and weights")
    parser.add_argument("--tiny", action="store_true", help="few items and steps")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.items, arguments.steps, arguments.batch_size = 1_500, 30, 64
    return arguments


def main() -> None:
    """Run the example."""
    arguments = read_arguments()
    texts, paths = read_items(arguments.items, arguments.seed)
    tree, nodes = Taxonomy.from_paths(paths)
    held_out = split_by_content(texts, 0.2, arguments.seed)
    train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    transformer: nn.Module
    if arguments.model is None:
        transformer, tokenizer = small_bert([texts[row] for row in train.tolist()], arguments.seed)
    else:
        transformer = AutoModel.from_pretrained(arguments.model)
        tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = Encoder(transformer, tree, Grades.parse(arguments.grades, tree.max_depth))

    def tokenize(texts: Sequence[str]) -> dict[str, Tensor]:
        limits = {"padding": True, "truncation": True, "max_length": 64}
        return dict(tokenizer(list(texts), **limits, return_tensors="pt"))

    def collate(rows: Sequence[tuple[str, int]]) -> dict[str, Tensor]:
        return {**tokenize([text for text, _ in rows]), "labels": torch.tensor([node for _, node in rows])}

    @torch.no_grad()
    def shares() -> npt.NDArray[np.float64]:
        model.eval()
        places = range(0, len(texts), 256)
        batches = (tokenize(texts[at : at + 256]) for at in places)
        device = model.ancestors.device
        vectors = torch.cat(
            [model.embed({key: one.to(device) for key, one in batch.items()}).cpu() for batch in batches]
        )
        ancestors = tree.ancestors[nodes]
        found = nearest(vectors[test], vectors[train])
        return precision_at_k(found, ancestors[train], ancestors[test])

    before = shares()
    sampler = HierarchicalBatchSampler(
        nodes[train], tree, batch_size=arguments.batch_size, seed=arguments.seed
    )
    with TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            max_steps=arguments.steps,
            learning_rate=arguments.lr,
            warmup_steps=arguments.steps // 10,
            seed=arguments.seed,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        rows = [(texts[row], int(nodes[row])) for row in train.tolist()]
        TreeTrainer(sampler, model=model, args=settings, train_dataset=rows, data_collator=collate).train()
    print_shares(len(test), before, shares())


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
