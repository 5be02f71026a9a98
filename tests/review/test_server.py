import re
import socket

import pyarrow as pa
import pyarrow.csv
import pytest
from tests.review.audits import ROWS, SALT, SOAP

from leafcode.errors import InputError
from leafcode.review.server import HOST, TOKEN_HEADER, create_app, review_server

PORT = 8123
HERE = f"http://{HOST}:{PORT}"


@pytest.fixture
def client(session):
    return create_app(session, port=PORT, title="Fruit & veg").test_client()


def page_of(client):
    return client.get("/", base_url=HERE).get_data(as_text=True)


def token_of(client):
    return re.search(r'name="review-token" content="([^"]+)"', page_of(client)).group(1)


def post(client, path, value, **more):
    headers = {TOKEN_HEADER: token_of(client)} | more.pop("headers", {})
    return client.post(path, json=value, base_url=more.pop("base_url", HERE), headers=headers)


def test_the_page_escapes_and_loads_only_its_own_files(client):
    page = page_of(client)
    assert "<h1>Fruit &amp; veg</h1>" in page
    assert "overlap" in page
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {source for source in sources if not source.startswith(("#", "data:"))} == {
        "/report.css",
        "/static/review.css",
        "/static/review.js",
    }
    for source in ("/report.css", "/static/review.css", "/static/review.js", "/static/picker.js"):
        with client.get(source, base_url=HERE) as answer:
            assert answer.status_code == 200
    assert "<script>" not in page
    assert "style=" not in page


def test_headers_forbid_what_comes_from_elsewhere(client):
    headers = client.get("/", base_url=HERE).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", f"{HOST}:1", HOST])
@pytest.mark.parametrize("path", ["/", "/api/findings", "/static/review.js"])
def test_other_host_names_are_refused(client, host, path):
    assert client.get(path, base_url=f"http://{host}").status_code == 403


def test_localhost_is_this_machine_too(client):
    assert client.get("/", base_url=f"http://localhost:{PORT}").status_code == 200


@pytest.mark.parametrize("host", [HOST, "localhost", f"{HOST}:80"])
def test_the_port_that_addresses_leave_out(session, host):
    client = create_app(session, port=80).test_client()
    assert client.get("/", base_url=f"http://{host}").status_code == 200
    origin = {"Origin": f"http://{host.removesuffix(':80')}"}
    token = re.search(r'review-token" content="([^"]+)"', client.get("/").get_data(as_text=True)).group(1)
    answer = client.post(
        "/api/undo", json={}, base_url=f"http://{host}", headers=origin | {TOKEN_HEADER: token}
    )
    assert answer.status_code == 200
    assert client.get("/", base_url="http://evil.example").status_code == 403


def test_a_post_needs_the_token_of_the_page(client, session):
    verdict = {"row": 0, "verdict": "reject"}
    for path in ("/api/decisions", "/api/undo", "/api/export"):
        for headers in ({TOKEN_HEADER: "wrong"}, {TOKEN_HEADER: ""}, {TOKEN_HEADER: "ä"}):
            assert post(client, path, verdict, headers=headers).status_code == 403
        assert client.post(path, json=verdict, base_url=HERE).status_code == 403
        foreign = {"Origin": "http://evil.example"}
        assert post(client, path, verdict, headers=foreign).status_code == 403
    assert session.decisions() == {}
    assert post(client, "/api/decisions", verdict, headers={"Origin": HERE}).status_code == 200


def test_findings_and_filters(client):
    def ids(query):
        answer = client.get(f"/api/findings?{query}", base_url=HERE).get_json()
        return [row["id"] for row in answer["rows"]], answer["total"]

    assert ids("") == ([row[0] for row in ROWS], len(ROWS))
    assert ids("start=1&count=2") == (["8", "9"], len(ROWS))
    assert ids("kind=wrong+branch") == (["7", "9"], 2)
    assert ids(f"under={SALT}&at_least=0.5") == (["7", "8"], 2)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("kind=odd", "kind: found 'odd'"),
        ("under=Nowhere", "node: found 'Nowhere'"),
        ("at_least=much", "at_least: found 'much'; expected a number"),
        ("at_least=nan", "probability: found"),
        ("count=0", "count in [1, 1000]"),
        ("start=nan", "start: found 'nan'"),
    ],
)
def test_wrong_queries_are_told(client, query, named):
    answer = client.get(f"/api/findings?{query}", base_url=HERE)
    assert answer.status_code == 400
    assert named in answer.get_json()["error"]


def test_deciding_and_undoing(client, session):
    answer = post(client, "/api/decisions", {"row": 0, "verdict": "accept"}).get_json()
    assert answer["card"]["decision"]["node"] == SOAP
    assert answer["progress"] == {"decided": 1, "wrong": 1, "accepted": 1, "precision": 1.0}
    assert session.decisions()["7"].reviewer == "ann"
    chosen = post(client, "/api/decisions", {"row": 1, "verdict": "choose", "node": SOAP}).get_json()
    assert post(client, "/api/undo", {"number": answer["number"]}).get_json()["card"]["id"] == "7"
    assert list(session.decisions()) == ["8"]
    assert post(client, "/api/undo", {}).get_json()["card"]["id"] == "8"
    assert post(client, "/api/undo", {"number": chosen["number"]}).get_json()["card"] is None


def test_undo_leaves_the_decisions_of_others(client, session):
    mine = post(client, "/api/decisions", {"row": 0, "verdict": "accept"}).get_json()
    session.store.add("8", "reject", SALT, SALT, "bob")
    assert post(client, "/api/undo", {"number": mine["number"] + 1}).get_json()["card"] is None
    assert post(client, "/api/undo", {}).get_json()["card"]["id"] == "7"
    assert post(client, "/api/undo", {}).get_json()["card"] is None
    assert list(session.decisions()) == ["8"]


def test_a_number_that_is_none_is_told(client, session):
    session.decide(0, "accept")
    assert post(client, "/api/undo", {"number": "1"}).status_code == 400
    assert list(session.decisions()) == ["7"]


@pytest.mark.parametrize(
    "value", [None, [], {"row": "0", "verdict": "accept"}, {"row": 0}, {"row": 99, "verdict": "reject"}]
)
def test_wrong_decisions_are_told(client, session, value):
    answer = post(client, "/api/decisions", value)
    assert answer.status_code == 400
    assert "expected" in answer.get_json()["error"]
    assert session.decisions() == {}


def test_a_finding_that_is_not_there(client):
    assert client.get("/api/findings/0", base_url=HERE).get_json()["id"] == "7"
    assert client.get("/api/findings/99", base_url=HERE).status_code == 400


def test_categories(client):
    found = client.get("/api/categories?q=so", base_url=HERE).get_json()
    assert [each["key"] for each in found] == [SOAP]
    assert client.get("/api/categories?q=&row=99", base_url=HERE).status_code == 400
    assert client.get("/api/categories?q=&row=x", base_url=HERE).status_code == 400


def test_export_writes_into_the_folder_of_the_audit(client, files):
    post(client, "/api/decisions", {"row": 0, "verdict": "accept"})
    written = post(client, "/api/export", {}).get_json()
    assert (written["changed"], written["decided"]) == (1, 1)
    assert written["catalogue"] == str(files.folder / "corrected.csv")
    paths = {row["id"]: row["path"] for row in pa.csv.read_csv(written["catalogue"]).to_pylist()}
    assert paths[7] == SOAP


def test_a_catalogue_of_several_files_is_named_first(client, session):
    session.audit.source["items"] = ["a.csv", "b.csv"]
    answer = post(client, "/api/export", {})
    assert answer.status_code == 400
    assert "several files" in answer.get_json()["error"]


def test_it_listens_on_this_machine_only(session):
    with review_server(session) as server:
        assert server.server_address[0] == HOST
        assert server.port > 0


def test_a_port_that_is_taken(session):
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(InputError, match=rf"--port: found {port} .*expected a free port"),
            review_server(session, port=port),
        ):
            pass
    with (
        pytest.raises(InputError, match="--port: found 70000; expected a port in"),
        review_server(session, port=70000),
    ):
        pass
