"""Measure a model and its baselines on the items held out, and write metrics and report."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from leafcode.catalog import Catalog
from leafcode.codes import EncodedItems, semantic_id_text
from leafcode.evaluation import ceilings, evaluate
from leafcode.pipeline.baselines import encode_lambda_0, encode_rq_kmeans
from leafcode.pipeline.coding import Coding, code_items
from leafcode.pipeline.items import (
    catalog_embeddings,
    catalogue_summary,
    category_ancestors,
    category_paths,
)
from leafcode.pipeline.source import catalog_title
from leafcode.quantizers import RQVAE
from leafcode.report import (
    CatalogueSummary,
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
    coding: Coding,
    *,
    with_ceilings: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Compute every measure, with baselines where the folder has them; write metrics.json and report.html.

    Of a catalogue so large that only some items are compared with each other, the report shows those alone.

    Args:
        folder: With config, history, ids and possibly baselines.
        model: The trained model.
        catalog: The items that the model was fitted on, held-out ones included.
        held_out: (n,) mask.
        coding: What the model makes of the items.
        with_ceilings: Also measure what the embedding itself allows.
        progress: Show a progress bar.

    Returns:
        The contents of metrics.json.
    """
    ancestors, rows = category_ancestors(catalog), coding.rows
    compared = catalog if rows is None else catalog.subset(rows)
    among = held_out if rows is None else held_out[rows]
    vectors = catalog_embeddings(compared)
    seed = int(folder.read_config().split["seed"])

    def measures(coding: Coding) -> dict[str, Any]:
        return evaluate(
            coding.codes,
            held_out,
            ancestors,
            vectors,
            coding.encoded.reconstructions,
            coding.encoded.quantized,
            model.config.sizes,
            seed=seed,
            rows=rows,
        )

    parts = 4 if folder.baselines.exists() else 2
    with tqdm(total=parts, desc="measure", unit="part", disable=not progress) as bar:
        metrics = measures(coding)
        bar.update()
        if with_ceilings:
            metrics["ceiling"] = ceilings(vectors, category_ancestors(compared), among, seed)
        bar.update()
        if folder.baselines.exists():
            tensors = folder.load_baselines()
            metrics["baseline"] = {}
            for name, encode in (("rq_kmeans", encode_rq_kmeans), ("lambda_0", encode_lambda_0)):
                encode_all = partial(encode, model.config, tensors)
                metrics["baseline"][name] = measures(
                    code_items(encode_all, catalog_embeddings(catalog), rows)
                )
                bar.update()
    folder.write_metrics(metrics)
    summary = catalogue_summary(catalog, int(held_out.sum()))
    write_report(folder.report, _report(folder, model, compared, summary, among, coding.encoded, metrics))
    return metrics


def sample_warnings(held_out: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64] | None) -> list[str]:
    """What a reader should know of measures that are taken on some items (r,) of n; nothing where it is all.

    Example:
        >>> sample_warnings(np.array([True, False, False]), np.array([0, 1]))
        ['Measures that compare items take 1 held-out and 1 training items of 3, drawn at random; the report \
lists those. Codes in use, collisions and prefix accuracy are of all items.']
    """
    if rows is None:
        return []
    queries = int(held_out[rows].sum())
    return [
        f"Measures that compare items take {queries:,} held-out and {len(rows) - queries:,} training items "
        f"of {len(held_out):,}, drawn at random; the report lists those. Codes in use, collisions and prefix "
        "accuracy are of all items."
    ]


def _report(
    folder: RunFolder,
    model: RQVAE,
    catalog: Catalog,
    summary: CatalogueSummary,
    held_out: npt.NDArray[np.bool_],
    encoded: EncodedItems,
    metrics: dict[str, Any],
) -> ReportData:
    config = folder.read_config()
    history = folder.read_history()
    # Of these codes, also where an item has had others since.
    suffixes, _ = folder.read_registry().assign(catalog.ids, encoded.codes)
    semantic_ids = semantic_id_text(encoded.codes, suffixes)
    ids = catalog.ids.to_pylist()
    texts = catalog.texts if catalog.texts is not None else ids
    items = CodedItems(encoded.codes, suffixes, texts, category_paths(catalog), ids=ids)
    source = config.source.get("catalog") or {}
    used_model = (
        None if source.get("embedding_column") or source.get("embeddings_file") else source.get("model")
    )
    return ReportData(
        title=catalog_title(source.get("items"), folder.path),
        catalogue=summary,
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
                **_beside_the_catalogue(folder, model, summary.items),
            },
        ),
        metrics=metrics,
        items=items,
        history=[row for row in history if "step" in row],
        neighbors=_examples(model, items, semantic_ids, encoded, held_out),
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
    model: RQVAE,
    items: CodedItems,
    semantic_ids: list[str],
    encoded: EncodedItems,
    held_out: npt.NDArray[np.bool_],
) -> list[NeighborExample]:
    """Neighbours by code, among the training items, of a few items spread evenly over those held out."""
    train = np.flatnonzero(~held_out)
    queries = np.flatnonzero(held_out) if held_out.any() else train
    queries = queries[np.linspace(0, len(queries) - 1, num=min(_EXAMPLES, len(queries)), dtype=np.int64)]
    books = [book.detach().numpy() for book in model.quantizer.codebooks]
    index = CodeIndex(encoded.codes[train], books, [str(place) for place in train])
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
