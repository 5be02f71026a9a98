import importlib.util
import threading
import urllib.request

import pyarrow as pa
import pyarrow.csv
import pytest
from tests.cli.commands import failure, success
from tests.review.audits import SALT, SOAP, write_audit

from leafcode.cli import main, review
from leafcode.review import ACCEPT, DecisionStore
from leafcode.review.server import review_server


@pytest.fixture
def files(tmp_path):
    return write_audit(tmp_path / "audit")


def test_export_without_a_server(capsys, tmp_path, files):
    DecisionStore(files.folder / "review.sqlite").add("7", ACCEPT, SALT, SOAP, "ann")
    out = tmp_path / "corrected.csv"
    printed = success(capsys, "review", files.folder, "--export", out)
    assert printed.splitlines() == [
        f"1 of 1 decided items moved in {out}",
        f"decisions in {tmp_path / 'corrected.decisions.csv'}",
    ]
    assert {row["id"]: row["path"] for row in pa.csv.read_csv(out).to_pylist()}[7] == SOAP


def test_export_after_an_audit_of_the_corrected_catalogue(capsys, tmp_path, files):
    DecisionStore(files.folder / "review.sqlite").add("7", ACCEPT, SOAP, SALT, "ann")  # where it lies by now
    printed = success(capsys, "review", files.folder, "--export", tmp_path / "corrected.csv")
    assert printed.startswith("0 of 0 decided items moved")
    assert (tmp_path / "corrected.csv").read_bytes() == files.items.read_bytes()


def test_the_address_is_printed_and_ctrl_c_ends_it(capsys, monkeypatch, files):
    opened = []
    monkeypatch.setattr(review.webbrowser, "open", opened.append)

    def started(*arguments, **options):
        context = review_server(*arguments, **options)
        server = context.__enter__()

        class Once:
            port = server.port

            @staticmethod
            def serve_forever():
                thread = threading.Thread(target=server.handle_request)
                thread.start()
                with urllib.request.urlopen(opened[0], timeout=30) as answer:
                    assert b"leafcode review" in answer.read()
                thread.join()
                raise KeyboardInterrupt

        class Context:
            def __enter__(self):
                return Once

            def __exit__(self, *error):
                return context.__exit__(*error)

        return Context()

    monkeypatch.setattr(review, "review_server", started)
    assert main(["review", str(files.folder), "--open"]) == 0
    assert capsys.readouterr().out.startswith(opened[0])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nowhere"], "nowhere: found no such folder; expected the folder of an audit"),
        (["{audit}", "--export", "{items}"], "found the catalogue itself"),
        (["{audit}", "--export", "out.txt"], "found the suffix '.txt'"),
        (["{audit}", "--port", "70000"], "--port: found 70000"),
        (["{audit}", "--export", "{audit}/o.csv", "--items", "gone.csv"], "gone.csv: found no such file"),
    ],
)
def test_mistakes(capsys, files, words, named):
    given = [word.format(audit=files.folder, items=files.items) for word in words]
    assert named in failure(capsys, "review", *given)


def test_without_flask_only_the_export_works(capsys, monkeypatch, tmp_path, files):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'leafcode[review]'" in failure(capsys, "review", files.folder)
    success(capsys, "review", files.folder, "--export", tmp_path / "corrected.csv")
