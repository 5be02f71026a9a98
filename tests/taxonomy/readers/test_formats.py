import collections

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy import read_parent_table, read_path_list, read_taxonomy
from leafcode.taxonomy.readers.formats import FORMATS, find_format
from leafcode.taxonomy.readers.options import parse_options


def test_a_suffix_belongs_to_one_format():
    count = collections.Counter(suffix for form in FORMATS.values() for suffix in form.suffixes)
    assert set(count.values()) == {1}
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in count)
    assert all(name == form.name and form.description for name, form in FORMATS.items())


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_every_option_can_be_given_as_a_word(form):
    words = [f"{name}=1" for name in form.options]
    assert tuple(parse_options(form.read, words, "options")) == form.options


def test_the_suffix_decides_unless_a_format_is_named(tmp_path):
    listed, table = tmp_path / "tree.TXT", tmp_path / "tree.csv"
    listed.write_text("1 - Animals\n2 - Animals > Birds\n")
    table.write_text("id,parent_id\na,\nb,a\n")
    assert read_taxonomy(listed).taxonomy() == read_path_list(listed)
    assert read_taxonomy(table).taxonomy() == read_parent_table(table)
    assert read_taxonomy(table, "parent-table", name_column="parent_id").names == ("a", "a")
    assert find_format("tree.parquet", "path-list").name == "path-list"


@pytest.mark.parametrize(
    ("name", "format", "options", "message"),
    [
        ("tree.docx", "auto", {}, r"tree.docx: found the suffix '.docx'; expected one of .parquet"),
        ("tree.csv", "yaml", {}, r"tree.csv: format: found 'yaml'; expected auto, parent-table, path-list"),
        (
            "tree.txt",
            "auto",
            {"separater": "/"},
            r"format path-list: found the option 'separater'; expected one of",
        ),
    ],
)
def test_unknown_formats_and_options(name, format, options, message):
    with pytest.raises(InputError, match=message):
        read_taxonomy(name, format, **options)
