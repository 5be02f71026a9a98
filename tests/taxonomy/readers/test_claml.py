import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import read_taxonomy
from leafcode.taxonomy.readers.claml import read_claml

ICD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ClaML SYSTEM "ClaML.dtd">
<ClaML version="2.0.0">
  <Title name="ICD-10" date="2019-01-01"/>
  <Modifier code="S05V20_4"><SubClass code=".0"/></Modifier>
  <ModifierClass code=".0" modifier="S05V20_4"><SuperClass code="S05V20_4"/>
    <Rubric kind="preferred"><Label xml:lang="en">Driver</Label></Rubric></ModifierClass>
  <Class code="I" kind="chapter"><SubClass code="A00-A09"/>
    <Rubric kind="preferred"><Label xml:lang="en">Certain infectious
      and parasitic diseases</Label></Rubric></Class>
  <Class code="A00-A09" kind="block"><SuperClass code="I"/>
    <Rubric kind="preferred"><Label xml:lang="en">Intestinal infectious diseases</Label>
      <Label xml:lang="de">Infektiöse Darmkrankheiten</Label></Rubric></Class>
  <Class code="A00" kind="category"><SuperClass code="A00-A09"/>
    <Rubric kind="inclusion"><Label xml:lang="en">not the name</Label></Rubric>
    <Rubric kind="preferred"><Label xml:lang="en">Cholera due to <Term class="italics">Vibrio</Term></Label>
    </Rubric></Class>
  <Class code="A01" kind="category"><SuperClass code="A00-A09"/></Class>
</ClaML>
"""


def write(folder, text):
    (folder / "icd10.xml").write_text(text, encoding="utf-8")
    return folder / "icd10.xml"


def test_classes_labels_and_languages(tmp_path):
    graph = read_taxonomy(write(tmp_path, ICD))
    assert graph.ids == ("I", "A00-A09", "A00", "A01")
    assert graph.parents == ((), ("I",), ("A00-A09",), ("A00-A09",))
    assert graph.names[0] == "Certain infectious and parasitic diseases"
    assert graph.names[2:] == ("Cholera due to Vibrio", "A01")
    assert graph.named("de").names[1] == "Infektiöse Darmkrankheiten"
    assert graph.taxonomy().max_depth == 3


def test_a_missing_superclass_names_its_line(tmp_path):
    last = '<Class code="A01" kind="category"><SuperClass code="'
    graph = read_claml(write(tmp_path, ICD.replace(f"{last}A00-A09", f"{last}A02")))
    with pytest.raises(InputError, match=r"icd10.xml: line 18: found the parent 'A02' of 'A01'"):
        graph.taxonomy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ICD.replace("</ClaML>", ""), r"icd10.xml: line 20: found XML that is not well-formed"),
        (ICD.replace('<Class code="A01"', "<Class"), r"line 18: found an element Class without a code"),
        (
            ICD.replace('"ClaML.dtd"', '"ClaML.dtd" [<!ENTITY a "b">]'),
            r"line 2: found the declaration of an entity 'a'",
        ),
        (ICD.replace('"ClaML.dtd"', '"x" [<!ENTITY a SYSTEM "/etc/passwd">]'), r"declaration of an entity"),
        ("<html/>", "found no element Class"),
        ("", "icd10.xml: line 1: found XML"),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_claml(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_claml(tmp_path / "none.xml")
