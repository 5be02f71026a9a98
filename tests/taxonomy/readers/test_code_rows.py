import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers.code_rows import CodeRows, read_code_rows


def test_lines_and_tables_hold_the_same_rows(tmp_path):
    (tmp_path / "a.txt").write_text(
        "# NAICS\n11\tAgriculture, Forestry\r\n\n111  Crop Production\n1111\n", "utf-8"
    )
    (tmp_path / "a.csv").write_text('code,title\n11,"Agriculture, Forestry"\n111,Crop Production\n1111,\n,\n')
    expected = (["11", "111", "1111"], ["Agriculture, Forestry", "Crop Production", "1111"])
    assert read_code_rows(tmp_path / "a.txt") == CodeRows(*expected, ["line 2", "line 4", "line 5"])
    assert read_code_rows(tmp_path / "a.csv") == CodeRows(*expected, ["row 1", "row 2", "row 3"])


def test_columns_have_other_names_and_codes_may_be_numbers(tmp_path):
    pq.write_table(pa.table({"hs": [10, 11], "text": ["Cereals", "Milling"]}), tmp_path / "a.parquet")
    assert read_code_rows(tmp_path / "a.parquet", "hs", "text").codes == ["10", "11"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "# nothing\n", "a.txt: found no code"),
        ("a.csv", "code,title\n11,A\n,Lost\n", r"a.csv: row 2: found the title 'Lost' without a code"),
        ("a.csv", "id,title\n11,A\n", "expected one column 'code'"),
        ("a.xlsx", "", "found the suffix '.xlsx'"),
    ],
)
def test_errors_name_file_and_row(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_code_rows(tmp_path / name)
