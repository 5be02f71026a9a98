"""The tables of docs/results.md, each from the figures that result_files.py reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

import targets
from leafcode.evaluation import Estimate, error_reduction, mean_interval
from leafcode.methods import METHODS
from leafcode.report.compare_data import Setting
from leafcode.report.compare_words import dial_text, with_margin
from leafcode.report.figures import MINUS, UNDEFINED, by_index, count, decimal, percent, points
from result_files import TITLES, Catalogue, Split

Row = dict[str, str]


class Results(NamedTuple):
    """All figures.

    Attributes:
        items: With items held out.
        leaves: With whole categories held out.
        ablations: With the columns of `ablations.SCHEMA`, or None.
        about_ablations: What ablations.json says.
    """

    items: Split
    leaves: Split
    ablations: pa.Table | None = None
    about_ablations: Mapping[str, Any] = {}


def markdown(rows: Sequence[Row]) -> str:
    """Rows of the same keys as a Markdown table, columns of figures to the right."""
    if not rows:
        return "No figures yet."
    names = list(rows[0])
    bars = ["---:" if all(_is_figure(row[name]) for row in rows) else "---" for name in names]
    lines = [names, bars, *([row[name] for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _is_figure(text: str) -> bool:
    return not text or text[0].isdigit() or text[0] in f"{MINUS}+±*{UNDEFINED}"


def overview(results: Results) -> list[Row]:
    """Every target, on how many catalogues it holds, and by how much it falls short where it does not."""
    rows = []
    for target in targets.TARGETS:
        split = results.items if target.split == "items" else results.leaves
        checks = {one.title: target.check(one) for one in split.catalogues}
        known = {title: check for title, check in checks.items() if check.holds is not None}
        short = [
            f"{title.split(',')[0]} by {check.told}" for title, check in known.items() if not check.holds
        ]
        held = len(known) - len(short)
        verdict = UNDEFINED if not known else "holds" if not short else f"holds on {held} of {len(known)}"
        rows.append(
            {"target": target.text, "verdict": verdict, "falls short on": "; ".join(short) or UNDEFINED}
        )
    return rows


def gain(results: Results) -> list[Row]:
    """Cost and mean gain of each catalogue."""
    return [
        {
            **_named(one),
            "content error, × the better baseline’s": _ratio(targets.ratio(one)),
            "at most 1.02": str(targets.check_ratio(one)),
            "wrong categories, fewer": with_margin(targets.reduction(one)),
            "at least 20%": str(targets.check_mean_reduction(one)),
        }
        for one in results.items.catalogues
    ]


def depths(results: Results) -> list[Row]:
    """Gain at each depth."""
    return _by_depth(
        results.items.catalogues,
        lambda one: {depth: with_margin(targets.reduction(one, depth)) for depth in one.data.depths},
        "at least 10% at every depth",
        targets.check_reductions,
    )


def ceilings(results: Results) -> list[Row]:
    """Accuracy at each depth as a share of what the embedding itself allows."""
    rows = _by_depth(
        results.items.catalogues,
        lambda one: {depth: with_margin(share) for depth, share in targets.ceiling_shares(one).items()},
        "at least 90% at every depth",
        targets.check_ceiling,
    )
    seeds = {one.title: str(len(one.ceilings)) for one in results.items.catalogues}
    return [row | {"seeds": seeds[row["catalogue"]]} for row in rows]


def collisions(results: Results) -> list[Row]:
    """Items that share their full code."""
    return [
        {
            **_beside_baselines(one, "collision_rate"),
            "more than RQ-KMeans, points": _points(
                targets.difference(one.ours, one.setting("rq_kmeans"), "collision_rate")
            ),
            "not above": str(targets.check_collisions(one)),
        }
        for one in results.items.catalogues
    ]


def _beside_baselines(one: Catalogue, measure: str) -> Row:
    """A measure with each baseline and with leafcode."""
    return {
        **_named(one),
        "RQ-KMeans": _estimate(one.setting("rq_kmeans"), measure),
        "RQ-VAE, λ = 0": _estimate(one.setting("without_tree"), measure),
        "leafcode": _estimate(one.ours, measure),
    }


def methods(results: Results, name: str) -> list[Row]:
    """All methods and weights on one catalogue, on both axes, and which defaults are better on both."""
    one = next(one for one in results.items.catalogues if one.name == name)
    rows = []
    for setting in one.data.settings:
        rivals = targets.dominating(one, setting)
        default = " (default)" if setting.strength is None else ""
        rows.append(
            {
                "method": setting.title,
                "weight of the tree": f"{dial_text(setting)}{default}" if dial_text(setting) else "",
                "seeds": str(len(setting.runs)),
                "content error, ×": _ratio(one.data.ratio(setting)),
                "wrong categories, fewer": with_margin(one.data.reduction(setting)),
                "share a code": _estimate(setting, "collision_rate"),
                "relatedness of neighbours": _estimate(setting, "hp_at_10"),
                "better on both axes": ", ".join(rival.title for rival in rivals) or "none",
            }
        )
    return rows


def unseen(results: Results) -> list[Row]:
    """Relatedness of neighbours where whole categories were held out."""
    return [
        {
            **_beside_baselines(one, "hp_at_10"),
            "more than λ = 0, points": _points(
                targets.difference(one.ours, one.setting("without_tree"), "hp_at_10")
            ),
            "not below": str(targets.check_unseen(one)),
        }
        for one in results.leaves.catalogues
    ]


def sweep(results: Results) -> list[Row]:
    """λ from the data against the best of a sweep at no higher cost."""
    rows = []
    for one in results.items.catalogues:
        found = targets.sweep(one)
        if found is None:
            continue
        cells = {
            f"{who}: {what}": UNDEFINED for who in ("auto", "best") for what in ("λ", "content error", "gain")
        }
        for who, setting in (("auto", found.auto), ("best", found.best)):
            if setting is not None:
                cells[f"{who}: λ"] = dial_text(setting).removeprefix("λ ")
                cells[f"{who}: content error"] = _ratio(one.data.ratio(setting))
                cells[f"{who}: gain"] = with_margin(one.data.reduction(setting))
        share = UNDEFINED if math.isnan(found.share) else percent(found.share)
        verdict = {"auto, of the best": share, "at least 95%": str(targets.check_sweep(one))}
        rows.append(_named(one) | {"seeds": str(len(found.auto.runs))} | cells | verdict)
    return rows


def agreement(results: Results) -> list[Row]:
    """Which code follows which depth, leafcode's beside those with λ = 0."""
    widest = max((one.data.catalogue.depth for one in results.items.catalogues), default=0)
    rows = []
    for one in results.items.catalogues:
        ours, other = one.ours, one.setting("without_tree")
        runs = list(ours.runs.values()) if ours else []
        for level in sorted({level for run in runs for level in by_index(run, "ami")}):
            cells = {}
            for depth in range(1, widest + 1):
                means = [
                    math.nan if setting is None else setting.estimate("ami", str(level), str(depth)).mean
                    for setting in (ours, other)
                ]
                texts = [UNDEFINED if math.isnan(mean) else decimal(mean, 2) for mean in means]
                cells[f"depth {depth}"] = UNDEFINED if math.isnan(means[0]) else f"{texts[0]} ({texts[1]})"
            codes = "code 1" if level == 1 else f"codes 1 to {level}"
            rows.append({"catalogue": one.title, "codes": codes, **cells})
    return rows


def seconds(results: Results) -> list[Row]:
    """Seconds of training by method, means over the seeds."""
    rows = []
    for method in METHODS.values():
        settings = {one.title.split(",")[0]: one.setting(method.name) for one in results.items.catalogues}
        if any(setting is not None for setting in settings.values()):
            cells = {
                name: UNDEFINED if setting is None else decimal(setting.estimate("seconds").mean, 0)
                for name, setting in settings.items()
            }
            rows.append({"method": method.title, **cells})
    return rows


def ablation(results: Results, factor: str) -> list[Row]:
    """The settings of a factor against the default, paired by seed; the default first."""
    runs = ablation_runs(results.ablations)
    default = results.about_ablations.get("defaults", {}).get(factor, "leafcode’s own")
    wanted = [("default", "default"), *dict.fromkeys((of, name) for of, name, _ in runs if of == factor)]
    tried = dict.fromkeys(catalogue for of, _, catalogue in runs if of == factor)
    rows = []
    for of, name in wanted:
        for catalogue in tried:
            if (of, name, catalogue) not in runs:
                continue
            told = f"{default} (default)" if of == "default" else name
            mine = runs.get((of, name, catalogue), {})
            cells = _ablation_cells(mine, runs.get(("default", "default", catalogue), {}))
            rows.append({"setting": told, "catalogue": TITLES.get(catalogue, catalogue), **cells})
    return rows


def ablation_factors(results: Results) -> list[str]:
    """Factors with figures."""
    known = dict.fromkeys(factor for factor, _, _ in ablation_runs(results.ablations))
    return [factor for factor in known if factor != "default"]


Runs = dict[tuple[str, str, str], dict[int, dict[str, Any]]]


def ablation_runs(table: pa.Table | None) -> Runs:
    """Figures by factor, setting and catalogue, then by seed; a measure with depths is keyed by them."""
    runs: Runs = {}
    for row in [] if table is None else table.to_pylist():
        seeds = runs.setdefault((row["factor"], row["setting"], row["catalogue"]), {})
        figures = seeds.setdefault(row["seed"], {})
        if row["depth"] is None:
            figures[row["measure"]] = row["value"]
        else:
            figures.setdefault(row["measure"], {})[row["depth"]] = row["value"]
    return runs


def _ablation_cells(mine: Mapping[int, Any], default: Mapping[int, Any]) -> dict[str, str]:
    both = [(mine[seed], default[seed]) for seed in mine if seed in default]
    ratios = [a["reconstruction"] / b["reconstruction"] for a, b in both]
    fewer = [float(error_reduction(_mean_accuracy(a), _mean_accuracy(b))) for a, b in both]
    more = [a["collision_rate"] - b["collision_rate"] for a, b in both]
    weights = mean_interval([a.get("lambda", math.nan) for a, _ in both]).mean
    spent = mean_interval([a["seconds"] for a, _ in both]).mean
    return {
        "seeds": str(len(both)),
        "content error, × default": _ratio(mean_interval(ratios)),
        "wrong categories, fewer": with_margin(mean_interval(fewer)),
        "share a code, points more": _points(mean_interval(more)),
        "λ": UNDEFINED if math.isnan(weights) else f"{weights:.2g}",
        "seconds": UNDEFINED if math.isnan(spent) else decimal(spent, 0),
    }


def _mean_accuracy(figures: Mapping[str, Any]) -> float:
    known = [value for value in figures["prefix_accuracy"].values() if value is not None]
    return sum(known) / len(known) if known else math.nan


def readme(results: Results) -> list[Row]:
    """The table of the README: gain against the better baseline, its price, and what else it changes."""
    rows = []
    for one in results.items.catalogues:
        fewer = targets.reduction(one)
        by_depth = [targets.reduction(one, depth).mean for depth in one.data.depths]
        told = " / ".join(UNDEFINED if math.isnan(mean) else _signed(-mean, 0) for mean in by_depth)
        name, _, kind = one.title.partition(", ")
        items = f"{name}, {count(one.data.catalogue.items)} {kind or 'items'}"
        cost = targets.ratio(one)
        rates = [
            UNDEFINED if setting is None else percent(setting.estimate("collision_rate").mean, 0)
            for setting in (one.setting("rq_kmeans"), one.ours)
        ]
        rows.append(
            {
                "held-out items of": items,
                "seeds": str(fewer.seeds),
                "wrong category": UNDEFINED
                if math.isnan(fewer.mean)
                else f"**{_signed(-fewer.mean, 0)}%** ({told})",
                "content lost": UNDEFINED if math.isnan(cost.mean) else f"{_signed(cost.mean - 1, 1)}%",
                "items sharing all codes: RQ-KMeans → ours": " → ".join(rates),
            }
        )
    return rows


def _signed(share: float, decimals: int) -> str:
    rounded = round(100 * share, decimals)
    return f"{rounded or 0.0:+.{decimals}f}".replace("-", MINUS)


def _named(one: Catalogue) -> dict[str, str]:
    return {"catalogue": one.title, "seeds": str(len(one.ours.runs) if one.ours else 0)}


def _by_depth(
    catalogues: Iterable[Catalogue],
    cells: Callable[[Catalogue], Mapping[int, str]],
    target: str,
    check: Callable[[Catalogue], targets.Check],
) -> list[Row]:
    found = [(one, cells(one)) for one in catalogues]
    shown = sorted({depth for _, texts in found for depth in texts})
    return [
        {
            **_named(one),
            **{f"depth {depth}": texts.get(depth, UNDEFINED) for depth in shown},
            target: str(check(one)),
        }
        for one, texts in found
        if texts
    ]


def _ratio(estimate: Estimate) -> str:
    return with_margin(estimate, 3, share=False)


def _points(estimate: Estimate) -> str:
    if math.isnan(estimate.mean):
        return UNDEFINED
    text = points(estimate.mean)
    return text if math.isnan(estimate.low) else f"{text} ± {50 * (estimate.high - estimate.low):.1f}"


def _estimate(setting: Setting | None, key: str) -> str:
    return UNDEFINED if setting is None else with_margin(setting.estimate(key))
