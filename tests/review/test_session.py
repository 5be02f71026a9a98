import re

import numpy as np
import pytest
from tests.review.audits import ICE, ROWS, SALT, SHAMPOO, SOAP, SPICES, write_audit

from leafcode.errors import InputError
from leafcode.review import ACCEPT, CHOOSE, REJECT, DecisionStore, Filters, ReviewSession, read_audit
from leafcode.review.session import RANK_EVERY


def listed(session, **filters):
    return [row["id"] for row in session.listing(Filters(**filters))["rows"]]


def test_most_doubtful_first(session):
    assert listed(session) == [row[0] for row in ROWS]


def test_filters(session, audit):
    assert listed(session, kind="wrong branch") == ["7", "9"]
    assert listed(session, at_least=0.3, at_most=0.85) == ["9", "10", "11", "12"]
    assert listed(session, under=audit.taxonomy.find("Pantry")) == ["7", "8", "9", "12", "13", "14"]
    assert listed(session, under=audit.taxonomy.find(SALT)) == ["7", "8", "13"]


def test_a_part_at_a_time(session):
    parts = [session.listing(Filters(), start, 4) for start in (0, 4, 8)]
    assert [row["id"] for part in parts for row in part["rows"]] == [row[0] for row in ROWS]
    assert {part["total"] for part in parts} == {len(ROWS)}


def test_decided_findings_leave_the_open_ones(session):
    session.decide(0, ACCEPT)
    session.decide(2, REJECT)
    assert listed(session, state="open") == ["8", "10", "11", "12", "13", "14", "15"]
    assert listed(session, state="decided") == ["7", "9"]
    assert len(listed(session, state="all")) == len(ROWS)
    progress = session.listing(Filters())["progress"]
    assert progress == {"decided": 2, "wrong": 1, "accepted": 1, "precision": 0.5}


def test_decisions_change_the_order_once_there_are_enough(audit, tmp_path):
    session = ReviewSession(audit, DecisionStore(tmp_path / "a.sqlite"), "ann")
    before = session.scores({})
    for row in (0, 1, 2, 3, 4, 5, 6, 7, 8):
        session.decide(row, REJECT)
    assert len(session.decisions()) < RANK_EVERY
    np.testing.assert_array_equal(session.scores(session.decisions()), before)


def test_a_card_has_tree_and_evidence(session):
    card = session.card(0)
    assert (card["given"], card["suggested"]) == (("Pantry", "Salt"), ("Bath", "Care", "Soap"))
    roles = {line["name"]: line["role"] for line in card["tree"]}
    assert (roles["Salt"], roles["Soap"], roles["Care"], roles["Shampoo"]) == (
        "given",
        "suggested",
        "above",
        "sibling",
    )
    assert [each["id"] for each in card["evidence"]] == ["8", "9"]
    assert card["evidence"][0] | {"similarity": 0.8} == {
        "id": "8",
        "text": "smoked paprika <b>hot</b>",
        "similarity": 0.8,
        "path": ("Pantry", "Salt"),
        "at": "given",
    }


def test_verdicts_and_the_places_they_mean(session):
    assert session.decide(0, ACCEPT).node == SOAP
    assert session.decide(1, REJECT).node == SALT
    assert session.decide(2, CHOOSE, ICE).node == ICE
    assert session.decide(3, CHOOSE, SOAP).verdict == REJECT  # where it is already
    assert session.card(2)["decision"]["path"] == ("Frozen", "Ice cream")


@pytest.mark.parametrize(
    ("row", "verdict", "node", "named"),
    [
        (4, ACCEPT, None, "the audit suggests no place"),
        (0, CHOOSE, "Nowhere", "found 'Nowhere'; expected the key of a category"),
        (0, CHOOSE, None, "found None"),
        (len(ROWS), REJECT, None, f"expected a number in [0, {len(ROWS)})"),
        (-1, REJECT, None, "finding: found -1"),
        (0, "maybe", None, "'maybe'"),
    ],
)
def test_decisions_that_cannot_be(session, row, verdict, node, named):
    with pytest.raises(InputError, match=re.escape(named)):
        session.decide(row, verdict, node)
    assert session.decisions() == {}


def keys(found):
    return [each["key"] for each in found]


def test_searching_a_category(session):
    assert keys(session.categories("so")) == [SOAP]
    assert keys(session.categories("S"))[:3] == [SALT, SPICES, "Pantry > Sugar"]
    assert keys(session.categories("care bath")) == ["Bath > Care", SHAMPOO, SOAP]
    assert keys(session.categories("zz")) == []


def test_without_a_text_what_is_near(session, audit):
    near = keys(session.categories("", row=0))
    assert near[0] == SOAP
    assert SALT not in near  # it is there already
    assert {"Pantry > Oils", SPICES} <= set(near)
    roots = [audit.taxonomy.keys[node] for node in audit.taxonomy.children(-1)]
    assert keys(session.categories("")) == roots


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kind": "odd"}, "kind: found 'odd'"),
        ({"state": "odd"}, "state: found 'odd'"),
        ({"at_least": -0.1}, "probability: found from -0.1 to 1"),
        ({"at_least": 0.6, "at_most": 0.5}, "probability: found from 0.6 to 0.5"),
        ({"at_most": float("nan")}, "probability: found from 0 to nan"),
    ],
)
def test_filters_that_cannot_be(wrong, named):
    with pytest.raises(InputError, match=named):
        Filters(**wrong)


def test_decisions_on_another_audit_are_refused(audit, tmp_path):
    for number, (identity, given, node) in enumerate(
        [("gone", SALT, SOAP), ("7", SOAP, ICE), ("7", SALT, "X")]
    ):
        store = DecisionStore(tmp_path / f"{number}.sqlite")
        store.add(identity, CHOOSE, given, node, "ann")
        with pytest.raises(InputError, match=r"decision 1: .*expected items and categories of this audit"):
            ReviewSession(audit, store, "ann")


@pytest.fixture
def repeated(session, tmp_path):
    """The review of an audit after two of three decisions have been carried out."""
    session.decide(0, ACCEPT)
    session.decide(1, REJECT)
    session.decide(2, CHOOSE, ICE)
    places = {"7": SOAP, "9": ICE}
    rows = [(*row[:4], places.get(row[0], row[4]), None) for row in ROWS]
    return ReviewSession(read_audit(write_audit(tmp_path / "again", rows=rows).folder), session.store, "ann")


def test_decisions_that_were_carried_out_count_no_more(repeated):
    assert list(repeated.decisions()) == ["8"]
    assert {"7", "9"} <= set(listed(repeated))
    assert repeated.card(0)["given"] == ("Bath", "Care", "Soap")
    repeated.decide(0, CHOOSE, ICE)
    assert repeated.decisions()["7"].given == SOAP
    assert repeated.undo().id == "7"
    assert list(repeated.decisions()) == ["8"]


def test_what_was_carried_out_is_not_undone(repeated):
    assert repeated.undo().id == "8"
    assert repeated.undo() is None
    assert {each.id for each in repeated.store.current().values()} == {"7", "9"}
