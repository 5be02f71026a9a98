"""Training of a tiny text encoder with sentence-transformers."""

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

from leafcode import Taxonomy
from leafcode.integrations.sentence_transformers import TaxonomyBatchSampler, TaxonomyContrastiveLoss

LEAVES = [f"{a} > {b}" for a in ("food", "tools", "books") for b in ("red", "blue", "old")]
TREE, _ = Taxonomy.from_paths(LEAVES)


def rows(per_leaf=8, seed=0):
    """Texts that tell their category to those who learn its words, and node ids."""
    rng = np.random.default_rng(seed)
    _, nodes = Taxonomy.from_paths(LEAVES * per_leaf)
    noise = rng.integers(0, 30, (len(nodes), 3))
    texts = [
        f"w{node * 2} n{a} w{node * 2 + 1} n{b} n{c}"
        for node, (a, b, c) in zip(nodes.tolist(), noise.tolist(), strict=True)
    ]
    return texts, nodes


def save_model(folder, dropout=0.1):
    """A transformer of two layers with random weights."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(40))]
    words += [f"n{i}" for i in range(30)]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    BertModel(config).save_pretrained(folder)


def encoder(folder):
    transformer = Transformer(str(folder))
    return SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_embedding_dimension())], device="cpu"
    )


def train(folder, out, dataset, *, loss=TaxonomyContrastiveLoss, resume=False, **changes):
    settings = {
        "output_dir": str(out),
        "max_steps": 12,
        "per_device_train_batch_size": 24,
        "learning_rate": 5e-3,
        "batch_sampler": TaxonomyBatchSampler.of(TREE),
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        **changes,
    }
    model = encoder(folder)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(**settings),
        train_dataset=dataset,
        loss=loss(model, TREE),
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def one_column(**options):
    texts, nodes = rows(**options)
    return Dataset.from_dict({"text": texts, "label": nodes})
