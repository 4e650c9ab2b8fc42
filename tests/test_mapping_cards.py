"""What cards and internal drafts show: late ETAs, days told as days, drafts that fill up, one retrospective."""

from dataclasses import replace

from mapping.card import ETA, card_fields, late_eta
from mapping.changes import PostDraft
from mapping.clocks import clocks
from mapping.issue import IssueRef, Marker, Opened
from mapping.promises import retrospective_of
from mapping.ruling import Ruling, together
from tests.mapping_house import POLICY, an_issue, at, case_of, did, form, plan_of, said

STOPPED = form(process="Critical", workaround="None")
CONFIRMED = said(0, "alice", "/p0")


def test_an_eta_that_has_passed_is_flagged() -> None:
    """R20: also one that is later than what was promised."""
    case = case_of(an_issue(body=STOPPED, comments=(CONFIRMED, said(1, "alice", "/eta 2h"))))
    timed = clocks(case, POLICY, at(2))
    assert late_eta(case, timed, POLICY, at(2)) == ""
    assert "has passed" in late_eta(case, timed, POLICY, at(121))
    late = case_of(an_issue(body=STOPPED, comments=(CONFIRMED, said(1, "alice", "/eta 9h"))))
    assert "later than the time" in late_eta(late, timed, POLICY, at(2))


def test_a_field_that_holds_days_shows_an_instant_as_its_day() -> None:
    issue = an_issue(body=STOPPED, comments=(CONFIRMED, said(1, "alice", "/eta 2h")), writable=frozenset({ETA}))
    (change,) = card_fields(case_of(issue), (), POLICY)
    assert change.values == {ETA: "2026-11-23T11:01Z"}
    for shown in ("2026-11-23", "2026-11-23T11:01:00.000+0000", "2026-11-23T11:01Z"):
        assert not list(card_fields(case_of(replace(issue, fields={ETA: shown})), (), POLICY))
    for other in ("2026-11-24", "soon", ""):
        assert list(card_fields(case_of(replace(issue, fields={ETA: other})), (), POLICY))


def test_a_draft_is_written_where_only_the_team_reads_it_and_edited_while_it_fills() -> None:
    """R46: once the same facts are there, nothing is written."""
    issue = an_issue(body=STOPPED, comments=(CONFIRMED,), has_internal_comments=True)
    (draft,) = [change for change in plan_of(issue).changes if isinstance(change, PostDraft)]
    assert (draft.facts.kind, draft.comment, draft.because) == ("acknowledgement", None, ("R46",))
    assert [place for place, _ in draft.facts.missing] == ["engineer"]
    there = said(0, "us", "", id="d", marker=Marker(draft.key, draft.digest))
    written = replace(issue, comments=(CONFIRMED, there))
    assert not [change for change in plan_of(written).changes if isinstance(change, PostDraft)]
    filled = replace(written, comments=(*written.comments, said(2, "alice", "/engineer @bob")))
    (edited,) = [change for change in plan_of(filled, minutes=3).changes if isinstance(change, PostDraft)]
    assert (edited.comment, edited.facts.missing) == ("d", ())
    assert not [
        change
        for change in plan_of(an_issue(body=STOPPED, comments=(CONFIRMED,))).changes
        if isinstance(change, PostDraft)
    ]


def test_a_sent_with_gaps_is_refused_where_drafts_are_posted() -> None:
    """R48; elsewhere people send what they wrote, and it counts (G2)."""
    sent = (CONFIRMED, said(5, "bob", "/sent"))
    private = case_of(an_issue(body=STOPPED, comments=sent, has_internal_comments=True))
    assert (private.updates, [refusal.said for refusal in private.refused]) == ((), ["/sent"])
    public = case_of(an_issue(body=STOPPED, comments=sent))
    assert (len(public.updates), public.refused) == (1, ())


def test_the_retrospective_of_a_resolution_is_one_that_was_open_then() -> None:
    """R39: one that was done before belongs to an earlier resolution."""
    turns = (did(60, "alice", "closed"), did(100, "carol", "reopened"), did(200, "alice", "closed"))
    done = Opened("retrospective@1", IssueRef("github", "acme/shop#10"), at(61), at(90))
    new = Opened("retrospective@2", IssueRef("github", "acme/shop#11"), at(201), None)
    issue = an_issue(body=STOPPED, comments=(CONFIRMED,), timeline=turns, closed_at=at(200), opened=(new, done))
    case = case_of(issue)
    assert [retrospective_of(case, run) for run in case.runs] == [done, new]
    assert retrospective_of(case_of(replace(issue, opened=(done,))), case.runs[-1]) is None


def test_two_rulings_on_one_card_are_joined() -> None:
    first, second = Ruling(paused=True, because=("R33",)), Ruling(paused=False, because=("R18", "R33"))
    assert together({"a": second}, {"a": first}) == {"a": Ruling(paused=False, because=("R18", "R33"))}
