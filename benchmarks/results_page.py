"""docs/results.md and the table of the README, from the result files.

Usage:
    python benchmarks/results_page.py           # write them
    python benchmarks/results_page.py TABLE     # print one table, such as gain or methods.icd10cm

Every figure is computed from the files in benchmarks/results; what is said in words besides stands in
words.md there. The same files give the same page.
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import result_tables as tables
import targets
from leafcode.files import write_text
from leafcode.report.figures import count
from leafcode.serving.storage import read_table
from result_chart import gain_chart
from result_files import Catalogue, read_split
from result_tables import Results, Row, markdown

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- results -->", "<!-- /results -->"
FIRST = "What to conclude"
"""The section of words.md that stands at the top of the page; the others follow at its end."""

TABLES: dict[str, Callable[[Results], list[Row]]] = {
    "overview": tables.overview,
    "gain": tables.gain,
    "depths": tables.depths,
    "ceilings": tables.ceilings,
    "collisions": tables.collisions,
    "sweep": tables.sweep,
    "unseen": tables.unseen,
    "agreement": tables.agreement,
    "seconds": tables.seconds,
}

_INTRO = """# Results

leafcode with its defaults on real catalogues, beside the other [methods](methods.md), all with the same
number of codes and on the same held-out items. This page is generated from the files in
`benchmarks/results` by `make results`; `make trials DATA=folder` trains everything again, from a folder with
an `items.parquet` in a folder for each [catalogue](../benchmarks/README.md). Of Gutenberg, the 20,000 items
are used whose ids have the smallest SHA-256.

The **better baseline** is RQ-KMeans or the same network without the tree (λ = 0), whichever is better with
the same seed at the very figure in question; see [compare](compare.md). A seed decides what is held out and
how training goes. Figures are means over the seeds, ± half of their 95% interval (Student’s t, paired by
seed); with one seed there is none. Whether a target holds is judged by the mean."""

_SECTIONS = {
    "gain": (
        "Gain and cost",
        "Content error is the mean of 1 − cosine of embedding and reconstruction; a wrong category is one "
        "that the code does not tell, averaged over the depths of the tree ([measures](evaluation.md)).",
    ),
    "depths": (
        "At each depth",
        "Wrong categories, fewer than with the better baseline, by depth from the top.",
    ),
    "ceilings": (
        "Against what the embedding allows",
        "Accuracy of the codes as a share of the better of two ceilings without any codes: a vote of the "
        "20 nearest neighbours, and a linear probe on the embedding. Ceilings are measured with the first "
        "seed.",
    ),
    "collisions": ("Collisions", "Items whose full code some other item has too, before the suffix."),
    "sweep": (
        "λ from the data",
        "`auto` beside the best of several fixed λ whose content error is within the target, or no higher "
        "than that of `auto`.",
    ),
    "unseen": (
        "Categories never seen",
        "A fifth of the *categories* held out, with all their items. Relatedness of the first 10 "
        "neighbours by code (`hp_at_10`).",
    ),
    "agreement": (
        "Which code follows which depth",
        "Adjusted mutual information of the leading codes and the categories at each depth, on held-out "
        "items: leafcode, and λ = 0 in brackets.",
    ),
    "seconds": ("Seconds of training", "Means over the seeds, beside other work on the machine."),
}


def read_results(folder: Path) -> Results:
    """All result files of a folder."""
    ablations, about = folder / "ablations.parquet", folder / "ablations.json"
    return Results(
        read_split(folder, "items"),
        read_split(folder, "leaves"),
        read_table(ablations) if ablations.exists() else None,
        json.loads(about.read_text(encoding="utf-8")) if about.exists() else {},
    )


def read_words(text: str) -> dict[str, str]:
    """Sections with second-level headings by their heading, those with nothing beneath left out.

    Args:
        text: Markdown; comments are left out.
    """
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)[1:]
    sections = zip(parts[::2], parts[1::2], strict=True)
    return {heading.strip(): body.strip() for heading, body in sections if body.strip()}


def results_page(results: Results, words: Mapping[str, str]) -> str:
    """docs/results.md.

    Args:
        results: All figures.
        words: Sections by heading, see `read_words`.
    """
    parts = [_INTRO, _machine(results)]
    if FIRST in words:
        parts.append(f"## {FIRST}\n\n{words[FIRST]}")
    parts.append("## Targets\n\n" + _table("overview", tables.overview(results)))
    for key in ("gain", "depths", "ceilings", "collisions"):
        parts.append(_section(results, key))
    parts.append(_methods(results))
    for key in ("sweep", "unseen", "agreement"):
        parts.append(_section(results, key))
    parts.append(_ablations(results))
    parts.append(_section(results, "seconds"))
    parts += [f"## {heading}\n\n{body}" for heading, body in words.items() if heading != FIRST]
    return "\n\n".join(part for part in parts if part) + "\n"


def readme_block(results: Results) -> str:
    """What stands in the README between the two marks."""
    sizes = (
        " × ".join(map(str, results.items.about.get("defaults", {}).get("sizes", ()))) or "a fixed number of"
    )
    text = (
        "What the tree gains and what it costs, with defaults, on items that training never saw, against "
        "the better of RQ-KMeans and the same network without the tree. The first number is the change of "
        "the share of items whose code names the wrong category, where shares are averaged over the depths "
        "first, so that the deep ones, with most errors, weigh most; in brackets, the change at each depth "
        "from the top (– where all items have one category):"
    )
    about = (
        f"All with {sizes} codes, all-MiniLM-L6-v2 embeddings, and a fifth of the items held out. "
        "[All results](docs/results.md): every method, depth and catalogue, and what falls short."
    )
    rows = tables.readme(results)
    parts = (_wrap(text), markdown(rows), _wrap(about) if rows else "")
    body = "\n\n".join(part for part in parts if part)
    return f"{BEGIN}\n{body}\n{END}"


def with_block(readme: str, block: str) -> str:
    """The README with another block between the marks."""
    before, rest = readme.split(BEGIN, 1)
    return before + block + rest.split(END, 1)[1]


def charts(results: Results) -> dict[str, str]:
    """SVG texts by file name."""
    found = {_chart_name(one): gain_chart(one, targets.RATIO) for one in results.items.catalogues}
    return {name: svg for name, svg in found.items() if svg is not None}


def _chart_name(catalogue: Catalogue) -> str:
    return f"results-{catalogue.name}.svg"


def _table(key: str, rows: list[Row]) -> str:
    return f"{markdown(rows)}\n\n`python benchmarks/results_page.py {key}` prints this table."


def _section(results: Results, key: str) -> str:
    heading, lead = _SECTIONS[key]
    rows = TABLES[key](results)
    return f"## {heading}\n\n{_wrap(lead)}\n\n{_table(key, rows)}" if rows else ""


def _wrap(text: str) -> str:
    return textwrap.fill(text, 110, break_on_hyphens=False, break_long_words=False)


def _methods(results: Results) -> str:
    lead = (
        "Every method at its default and, where it was tried, with other weights of the tree. *Better on "
        "both axes* names the methods that, at their defaults, cost no more content and get no more "
        "categories wrong, paired by seed. The target looks at all weights of the methods with the tree."
    )
    drawn, parts = charts(results), [f"## All methods\n\n{_wrap(lead)}"]
    for one in results.items.catalogues:
        verdict = targets.check_dominated(one)
        catalogue = one.data.catalogue
        facts = (
            f"{count(catalogue.items)} items, {count(catalogue.categories)} categories, depth "
            f"{catalogue.depth}. No other method with the tree better on both axes: {verdict}."
        )
        name = _chart_name(one)
        picture = f"\n\n![Gain against cost on {one.title}](images/{name})" if name in drawn else ""
        table = _table(f"methods.{one.name}", tables.methods(results, one.name))
        parts.append(f"### {one.title}\n\n{_wrap(facts)}{picture}\n\n{table}")
    return "\n\n".join(parts) if len(parts) > 1 else ""


def _ablations(results: Results) -> str:
    factors = tables.ablation_factors(results)
    if not factors:
        return ""
    lead = (
        "One setting at a time away from the defaults, compared with them seed by seed. Joint contrast "
        "trains encoder or codes together with reconstruction, as published recipes do, instead of "
        "leafcode’s own use of the tree. λ is the same wherever it is not the setting: `auto` would find "
        "another one for each. `python benchmarks/ablations.py folder` trains them."
    )
    parts = [f"## Ablations\n\n{_wrap(lead)}"]
    for factor in factors:
        table = _table(f"'ablation.{factor}'", tables.ablation(results, factor))
        title = factor if factor.startswith("λ") else f"{factor[0].upper()}{factor[1:]}"
        parts.append(f"### {title}\n\n{table}")
    return "\n\n".join(parts)


def _machine(results: Results) -> str:
    machine: Mapping[str, Any] = results.items.about.get("machine", {})
    if not machine:
        return ""
    where = machine["gpu"] or f"{machine['cores']} cores of {machine['cpu']}"
    defaults = results.items.about["defaults"]
    return _wrap(
        f"Machine: {where}; Python {machine['python']}, torch {machine['torch']}, leafcode "
        f"{machine['leafcode']}. Codes: {' × '.join(map(str, defaults['sizes']))}. Held out: "
        f"{defaults['holdout']:g}."
    )


def table_by_key(results: Results, key: str) -> list[Row]:
    """The rows of a table of the page.

    Raises:
        KeyError: No such table.
    """
    kind, _, which = key.partition(".")
    if kind == "methods" and which in [one.name for one in results.items.catalogues]:
        return tables.methods(results, which)
    if kind == "ablation" and which in tables.ablation_factors(results):
        return tables.ablation(results, which)
    return TABLES[key](results)


def main() -> None:
    """Write the page, the charts and the README's table, or print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("table", nargs="?", help=f"{', '.join(TABLES)}, methods.CATALOGUE or ablation.FACTOR")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of README.md and docs")
    options = parser.parse_args()
    results = read_results(options.results)
    if options.table is not None:
        try:
            print(markdown(table_by_key(results, options.table)))
        except KeyError:
            parser.error(f"no table {options.table!r} from these files")
        return
    words = read_words((options.results / "words.md").read_text(encoding="utf-8"))
    images = options.root / "docs" / "images"
    drawn = charts(results)
    for old in images.glob("results-*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, svg in drawn.items():
        write_text(images / name, svg)
    write_text(options.root / "docs" / "results.md", results_page(results, words))
    readme = options.root / "README.md"
    write_text(readme, with_block(readme.read_text(encoding="utf-8"), readme_block(results)))


if __name__ == "__main__":
    main()
