"""Measure a model and its baselines on the items held out, and write metrics and report."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from leafcode.catalog import Catalog
from leafcode.codes import EncodedItems
from leafcode.evaluation import ceilings, evaluate
from leafcode.pipeline.baselines import encode_lambda_0, encode_rq_kmeans
from leafcode.pipeline.items import (
    catalog_embeddings,
    catalogue_summary,
    category_ancestors,
    category_paths,
)
from leafcode.pipeline.source import catalog_title
from leafcode.quantizers import RQVAE
from leafcode.report import (
    CodedItems,
    Neighbor,
    NeighborExample,
    ReportData,
    ReportSettings,
    write_report,
)
from leafcode.serving import CodeIndex, RunFolder

_EXAMPLES = 8
_NEIGHBORS = 5


def measure(
    folder: RunFolder,
    model: RQVAE,
    catalog: Catalog,
    held_out: npt.NDArray[np.bool_],
    encoded: EncodedItems,
    *,
    with_ceilings: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Compute every measure, with baselines where the folder has them; write metrics.json and report.html.

    Args:
        folder: With config, history, ids and possibly baselines.
        model: The trained model.
        catalog: The items that the model was fitted on, held-out ones included.
        held_out: (n,) mask.
        encoded: What the model makes of the items.
        with_ceilings: Also measure what the embedding itself allows.
        progress: Show a progress bar.

    Returns:
        The contents of metrics.json.
    """
    vectors = catalog_embeddings(catalog)
    ancestors = category_ancestors(catalog)
    seed = int(folder.read_config().split["seed"])

    def measures(encoded: EncodedItems) -> dict[str, Any]:
        return evaluate(
            encoded.codes,
            held_out,
            ancestors,
            vectors,
            encoded.reconstructions,
            encoded.quantized,
            model.config.sizes,
            seed=seed,
        )

    parts = 4 if folder.baselines.exists() else 2
    with tqdm(total=parts, desc="measure", unit="part", disable=not progress) as bar:
        metrics = measures(encoded)
        bar.update()
        if with_ceilings:
            metrics["ceiling"] = ceilings(vectors, ancestors, held_out, seed)
        bar.update()
        if folder.baselines.exists():
            tensors = folder.load_baselines()
            metrics["baseline"] = {}
            for name, encode in (("rq_kmeans", encode_rq_kmeans), ("lambda_0", encode_lambda_0)):
                metrics["baseline"][name] = measures(encode(model.config, tensors, vectors))
                bar.update()
    folder.write_metrics(metrics)
    write_report(folder.report, _report(folder, model, catalog, held_out, encoded, metrics))
    return metrics


def _report(
    folder: RunFolder,
    model: RQVAE,
    catalog: Catalog,
    held_out: npt.NDArray[np.bool_],
    encoded: EncodedItems,
    metrics: dict[str, Any],
) -> ReportData:
    config = folder.read_config()
    history = folder.read_history()
    table = folder.read_ids()
    table = table.filter(table["active"])
    row = pc.index_in(pa.array(catalog.ids, pa.string()), value_set=table["id"].combine_chunks())
    suffixes = table["suffix"].combine_chunks().take(row).to_numpy()
    semantic_ids = table["semantic_id"].combine_chunks().take(row).to_pylist()
    texts = catalog.texts if catalog.texts is not None else [str(identity) for identity in catalog.ids]
    items = CodedItems(
        encoded.codes,
        suffixes,
        texts,
        category_paths(catalog),
        ids=catalog.ids.tolist(),
    )
    source = config.source.get("catalog") or {}
    used_model = (
        None if source.get("embedding_column") or source.get("embeddings_file") else source.get("model")
    )
    return ReportData(
        title=catalog_title(source.get("items"), folder.path),
        catalogue=catalogue_summary(catalog, int(held_out.sum())),
        settings=ReportSettings(
            level_sizes=model.config.sizes,
            contrast_weight=config.contrast_weight,
            level_weights=config.level_weights,
            embedding_model=used_model,
            seed=config.training["seed"],
            more={
                "tree steps": config.training["tree_steps"],
                "content steps": config.training["content_steps"],
                "code steps": config.training["steps"],
                **_beside_the_catalogue(folder, model, len(catalog)),
            },
        ),
        metrics=metrics,
        items=items,
        history=[row for row in history if "step" in row],
        neighbors=_examples(items, semantic_ids, encoded, held_out),
        warnings=[text for row in history for text in row.get("warnings", [])],
    )


def _beside_the_catalogue(folder: RunFolder, model: RQVAE, items: int) -> dict[str, str]:
    """What the run learned from beside the catalogue, in words."""
    found = {}
    history = folder.load_engagement(items)
    if history is not None:
        weights = ", ".join(f"{weight:g}" for weight in model.engagement_weights)
        known = int(history.any(axis=1).sum())
        found["engagement"] = f"of {known:,} of {items:,} items, weights by level {weights}"
    if folder.read_config().source.get("trust"):
        found["labels"] = "weighed by an audit"
    return found


def _examples(
    items: CodedItems, semantic_ids: list[str], encoded: EncodedItems, held_out: npt.NDArray[np.bool_]
) -> list[NeighborExample]:
    """Neighbours by code, among the training items, of a few items spread evenly over those held out."""
    train = np.flatnonzero(~held_out)
    queries = np.flatnonzero(held_out) if held_out.any() else train
    queries = queries[np.linspace(0, len(queries) - 1, num=min(_EXAMPLES, len(queries)), dtype=np.int64)]
    index = CodeIndex(encoded.codes[train], encoded.quantized[train], [str(place) for place in train])
    examples = []
    for query in queries.tolist():
        found = index.neighbors(encoded.codes[query], encoded.quantized[query], _NEIGHBORS + 1)
        near = [
            Neighbor(items.texts[place] or "", items.paths[place], semantic_ids[place], shared, cosine)
            for place, shared, cosine in zip(
                train[found.positions].tolist(),
                found.shared_prefix.tolist(),
                found.cosines.tolist(),
                strict=True,
            )
            if place != query
        ]
        examples.append(
            NeighborExample(
                items.texts[query] or "", items.paths[query], semantic_ids[query], near[:_NEIGHBORS]
            )
        )
    return examples
