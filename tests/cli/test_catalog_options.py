import argparse

import pytest

from leafcode.cli.catalog_options import add_catalog_options, catalog_source
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource


def source(*words):
    parser = argparse.ArgumentParser()
    add_catalog_options(parser)
    return catalog_source(parser.parse_args(["items.csv", *words]))


def test_the_defaults_are_those_of_the_source():
    assert source() == CatalogSource("items.csv")


def test_every_option_has_its_field():
    words = ["--id-column", "sku", "--text", "name", "brand", "--category", "node", "--taxonomy", "tree.csv"]
    words += [
        "--taxonomy-format",
        "rdf",
        "--taxonomy-option",
        "ids=notation",
        "--taxonomy-option",
        "scheme=s",
    ]
    words += ["--taxonomy-columns", "node", "up", "title", "--separator", "/", "--embeddings", "x.npy"]
    assert source(
        *words,
        "--model",
        "m",
        "--path",
        "p",
        "--embedding",
        "v",
        "--paths-separator",
        "|",
        "--parents",
        "unfold",
    ) == CatalogSource(
        "items.csv",
        id_column="sku",
        text_columns=("name", "brand"),
        path_column="p",
        separator="/",
        category_column="node",
        taxonomy_file="tree.csv",
        taxonomy_columns=("node", "up", "title"),
        embedding_column="v",
        embeddings_file="x.npy",
        model="m",
        taxonomy_format="rdf",
        taxonomy_options=("ids=notation", "scheme=s"),
        paths_separator="|",
        parents="unfold",
    )


@pytest.mark.parametrize("columns", [["a"], ["a", "b", "c", "d"]])
def test_a_wrong_number_of_taxonomy_columns(columns):
    with pytest.raises(InputError, match="--taxonomy-columns"):
        source("--taxonomy-columns", *columns)
