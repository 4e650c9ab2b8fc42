"""The adapter on the stand-in GitHub: what it writes is what it reads, and what a person sees."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.github import App, GitHubTracker, Shared, Token, board_documents
from adapters.http import Deadlines
from adapters.tracker import Gone, Health, Outcome, RateLimited, Unreachable
from mapping.changes import Change, DropComment, EditStatus, MoveTo, SetLabels
from mapping.issue import Column, Happened, Issue, IssueRef, Marker, Standing
from tests.adapter_github_answers import ref
from tests.contracts import Recorder
from tests.standins.github.client import Clock
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import FRESH, LABELS, QUEUE, STATUS, always

SHOP = "acme/shop"
LABEL_SPECS = [("P0", "b60205", "Critical"), ("emergency", "b60205", "An emergency")]
HOOK = ("https://integrator.example/webhooks/github", "s3cret")
FORM = "name: Customer emergency\n"
FORM_PATH = ".github/ISSUE_TEMPLATE/emergency.yml"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


@pytest.fixture
def github(clock: Clock, recorder: Recorder) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock) as github:
        recorder.register(github.url, "github")
        github.person("alice", "write", member=True)
        github.person("carol")
        github.repository(SHOP, labels=["P0", "P1", "emergency"])
        github.repository("acme/web")
        github.project()
        yield github
    assert github.unexpected == []


Connect = Callable[..., GitHubTracker]


@pytest.fixture
def connect(github: GitHubStandIn, clock: Clock) -> Iterator[Connect]:
    made: list[GitHubTracker] = []
    app = github.install_app()
    auth = App(app.app_id, app.installation_id, app.private_key)

    def make(**changes: Any) -> GitHubTracker:
        plain: dict[str, Any] = {
            "name": "github",
            "url": github.url,
            "repositories": [SHOP],
            "project": ("acme", 1),
            "auth": auth,
            "clock": clock,
            "labels": LABEL_SPECS,
            "deadlines": Deadlines(connect=5, read=10, total=10),
        }
        made.append(GitHubTracker(**(plain | changes)))
        return made[-1]

    yield make
    for tracker in made:
        tracker.close()


def read(tracker: GitHubTracker, number: int) -> Issue:
    found = tracker.read([ref(number)])[ref(number)]
    assert isinstance(found, Issue)
    return found


def apply(tracker: GitHubTracker, number: int, changes: Sequence[Change]) -> Outcome:
    return tracker.apply({ref(number): changes}, always)[ref(number)]


def test_a_fresh_issue_is_brought_into_shape_in_four_requests(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down", "Nobody can pay")
    tracker = connect()
    read(tracker, github.open_issue(SHOP, "carol", "To warm up"))
    clock.pass_by(2)
    before = len(github.requests)
    found = read(tracker, number)
    outcome = apply(tracker, number, FRESH)
    assert len(github.requests) - before == 3
    assert outcome.applied == FRESH
    assert found.author is not None
    assert (found.author.id, found.author.standing) == ("carol", Standing.OUTSIDER)
    seen = github.issue(SHOP, number)
    assert seen.labels == {"P0", "emergency"}
    assert seen.column == "Emergency Queue"
    again = read(tracker, number)
    (comment,) = again.comments
    assert comment.body == "P0 Critical"
    assert comment.marker is not None
    assert (comment.marker.key, comment.marker.digest, comment.marker.memo) == (
        "status",
        STATUS.digest,
        STATUS.memo,
    )
    assert comment.by is not None
    assert comment.by.standing is Standing.SELF
    assert again.card is not None
    assert again.card.column is Column.EMERGENCY_QUEUE
    assert outcome.updated_at is not None
    assert outcome.updated_at <= again.updated_at
    assert {(e.kind, e.value) for e in again.timeline} >= {
        (Happened.LABELED, "P0"),
        (Happened.LABELED, "emergency"),
        (Happened.MOVED, "Emergency Queue"),
    }


def test_a_first_read_asks_for_token_issue_and_team_and_knows_all_ids(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, FRESH)
    paths = [request.path.rpartition("/")[2] for request in github.requests]
    assert paths == ["access_tokens", "graphql", "collaborators", "graphql", "graphql"]


def test_edits_moves_and_removals_are_done_and_may_be_done_again(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, FRESH)
    comment = read(tracker, number).comments[0].id
    changes = (
        SetLabels(frozenset({"P1"}), frozenset({"P0", "emergency"}), ()),
        MoveTo(Column.BACKLOG, ()),
        EditStatus(STATUS.facts, {"n": 2}, comment, (), "P1 High"),
    )
    assert apply(tracker, number, changes).failed == ()
    assert apply(tracker, number, changes).failed == ()
    again = read(tracker, number)
    assert again.labels == {"P1"}
    assert again.comments[0].body == "P1 High"
    assert again.comments[0].marker is not None
    assert again.comments[0].marker.memo == {"n": 2}
    drop = DropComment(comment, ())
    assert apply(tracker, number, [drop]).applied == (drop,)
    assert apply(tracker, number, [drop]).applied == (drop,)
    assert read(tracker, number).comments == ()


def test_a_comment_of_ours_that_a_person_edited_keeps_only_its_key(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, FRESH)
    seen = github.issue(SHOP, number).comments[0]
    github.comment(SHOP, number, "carol", seen.body)
    github.edit_comment(seen.id, "alice", seen.body)
    ours, theirs = read(tracker, number).comments
    assert (ours.marker, theirs.marker) == (Marker("status", ""), None)
    assert ours.edited_by is not None
    assert ours.edited_by.id == "alice"


def test_an_archived_card_is_seen_and_left_where_it_is(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Dark mode")
    github.move_card(SHOP, number, "alice", "Done")
    github.archive_card(SHOP, number)
    card = read(connect(), number).card
    assert card is not None
    assert card.name == "Done"
    assert set(card.barred) == set(Column)


def test_enterprise_server_has_other_paths_and_needs_nothing_else(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect(url=github.enterprise_url)
    read(tracker, number)
    assert apply(tracker, number, FRESH).failed == ()
    assert github.issue(SHOP, number).column == "Emergency Queue"


def test_a_transferred_a_deleted_and_a_pull_request(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    to = github.transfer(SHOP, number, "alice", "acme/web")
    pull = github.open_pull(SHOP, "alice", "A fix")
    found = connect().read([ref(number), ref(pull), ref(999)])
    assert found[ref(number)] == Gone(f"moved to acme/web#{to}", IssueRef("github", f"acme/web#{to}"))
    assert found[ref(pull)] == Gone("a pull request, not an issue")
    assert found[ref(999)] == Gone("no such issue, or no access to it")


def test_a_deleted_account_is_nobody(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    github.forget("carol")
    assert read(connect(), number).author is None


def test_two_hundred_comments_come_in_their_order(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    for n in range(205):
        github.comment(SHOP, number, "carol", f"comment {n}")
    assert [c.body for c in read(connect(), number).comments] == [f"comment {n}" for n in range(205)]


def test_two_hundred_open_issues_are_listed_and_read_in_five_requests(github: GitHubStandIn, connect: Connect) -> None:
    numbers = [github.open_issue(SHOP, "carol", f"Issue {n}") for n in range(201)]
    github.close(SHOP, numbers.pop(), "alice")
    tracker = connect()
    pages = list(tracker.pages(None, None))
    assert [r for page in pages for r in page.refs] == [ref(n) for n in numbers]
    assert [page.total for page in pages] == [200, 200]
    found = tracker.read([ref(n) for n in numbers])
    assert all(isinstance(issue, Issue) for issue in found.values())
    assert len([r for r in github.requests if r.path == "/graphql"]) == 4


def test_a_lost_answer_leaves_one_comment_that_the_next_read_finds(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    read(tracker, number)
    for kind in (Kind.BAD_GATEWAY_AFTER, Kind.RESET_AFTER, Kind.TRUNCATED):
        github.fault(lambda _method, _path, body: "mutation" in str(body), kind)
        with pytest.raises(Unreachable):
            apply(tracker, number, [STATUS])
    assert [c.marker and c.marker.key for c in read(tracker, number).comments] == ["status"] * 3


def test_a_dripping_answer_ends_at_the_total_deadline(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect(deadlines=Deadlines(connect=1, read=1, total=0.5))
    read(tracker, number)
    github.fault(lambda _method, path, _body: path == "/graphql", Kind.DRIP, seconds=0.05)
    with pytest.raises(Unreachable, match=r"0\.5 s"):
        read(tracker, number)


@pytest.mark.parametrize("kind", [Kind.TOO_MANY, Kind.SECONDARY_LIMIT, Kind.PRIMARY_LIMIT, Kind.GRAPHQL_RATE_LIMITED])
def test_every_kind_of_limit_says_when_to_come_back(
    github: GitHubStandIn, connect: Connect, clock: Clock, kind: Kind
) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    github.fault(lambda _method, path, _body: path == "/graphql", kind, retry_after=90)
    with pytest.raises(RateLimited) as raised:
        read(tracker, number)
    assert raised.value.retry_at is not None
    assert (raised.value.retry_at - clock()).total_seconds() == 90


def test_outdated_option_ids_are_looked_up_again(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    read(tracker, number)
    project = github._project(1)
    status = next(field for field in project.fields if field.name == "Status")
    options = [{"name": o.name, "color": o.color, "description": ""} for o in status.options]
    github.board.set_options(status, options)
    assert apply(tracker, number, FRESH).failed == ()
    assert github.issue(SHOP, number).column == "Emergency Queue"


# -- doctor and init


def findings(tracker: GitHubTracker) -> dict[str, tuple[Health, str]]:
    return {finding.about: (finding.health, finding.says) for finding in tracker.doctor()}


def test_init_makes_what_doctor_misses_and_a_second_run_finds_all_there(
    github: GitHubStandIn, connect: Connect
) -> None:
    github.person("spark", "admin", member=True)
    number = github.open_issue(SHOP, "carol", "Dark mode")
    tracker = connect(
        auth=Token(github.token("spark")), form=FORM, webhook=HOOK, labels=[*LABEL_SPECS, ("P9", "ededed", "")]
    )
    shop_options(github, "Backlog", "In Progress", "Review", "Done")
    github.move_card(SHOP, number, "alice", "Review")
    before = findings(tracker)
    assert before["labels of acme/shop"] == (Health.WARNING, "missing: P9")
    assert before["project acme/1"] == (Health.FAULT, 'Status has no option "Emergency Queue"')
    assert before["webhook of acme/shop"][0] is Health.FAULT
    assert before["issue form of acme/shop"][0] is Health.WARNING

    writes = len([r for r in github.requests if r.is_write])
    planned = [step.state for step in tracker.prepare(dry_run=True)]
    assert len([r for r in github.requests if r.is_write]) == writes
    done = list(tracker.prepare(dry_run=False))
    assert planned.count("would do") == 5  # a label, the column, the form, two webhooks
    assert [s.state for s in done] == [{"would do": "done"}.get(state, state) for state in planned]
    assert all(s.state in {"done", "already there"} for s in done), done
    assert {s.state for s in tracker.prepare(dry_run=False)} == {"already there"}

    after = findings(tracker)
    assert {health for health, _ in after.values()} <= {Health.OK, Health.WARNING}
    assert [about for about, (health, _) in after.items() if health is Health.WARNING] == ["credentials"]
    assert github.issue(SHOP, number).column == "Review"


CARDS = 264


def statuses(github: GitHubStandIn) -> Counter[str | None]:
    return Counter(github.issue(SHOP, number).column for number in github.numbers(SHOP))


def full_board(github: GitHubStandIn) -> Counter[str | None]:
    """264 cards, all of them in one of four columns."""
    shop_options(github, "Backlog", "In Progress", "Review", "Done")
    for n in range(CARDS):
        number = github.open_issue(SHOP, "carol", f"Card {n}")
        github.move_card(SHOP, number, "alice", ("Backlog", "In Progress", "Review", "Done")[n % 4])
    return statuses(github)


def test_a_new_option_costs_none_of_264_cards_its_status(github: GitHubStandIn, connect: Connect) -> None:
    before = full_board(github)
    (step,) = [step for step in connect().prepare(dry_run=False) if "columns" in step.what]
    assert (step.state, step.how) == ("done", f"{CARDS} cards kept their Status")
    assert statuses(github) == before == Counter(dict.fromkeys(("Backlog", "In Progress", "Review", "Done"), CARDS / 4))


def test_the_naive_way_would_cost_all_of_them_theirs(github: GitHubStandIn, connect: Connect) -> None:
    full_board(github)
    status = next(field for field in github._project(1).fields if field.name == "Status")
    names = [*(option.name for option in status.options), "Emergency Queue"]
    options = [{"name": name, "color": "GRAY", "description": ""} for name in names]
    variables = {"input": {"fieldId": status.node_id, "singleSelectOptions": options}}
    connect()._client.graphql(board_documents.UPDATE_OPTIONS, variables, "changing options")
    assert statuses(github) == {None: CARDS}


def shop_options(github: GitHubStandIn, *names: str) -> None:
    status = next(field for field in github._project(1).fields if field.name == "Status")
    github.board.set_options(status, [{"name": n, "color": "GRAY", "description": ""} for n in names])


def test_no_option_is_added_where_cards_would_lose_their_status(github: GitHubStandIn, connect: Connect) -> None:
    shop_options(github, "Backlog", "In Progress", "Review", "Done")
    number = github.open_issue(SHOP, "carol", "Dark mode")
    github.move_card(SHOP, number, "alice", "Review")
    github.option_ids = False
    steps = [step for step in connect().prepare(dry_run=False) if "columns" in step.what]
    assert [step.state for step in steps] == ["by hand"]
    assert '"Emergency Queue"' in steps[0].how
    assert github.issue(SHOP, number).column == "Review"
    github.unexpected.clear()


def test_an_app_in_good_order(github: GitHubStandIn, connect: Connect) -> None:
    github.file(SHOP, FORM_PATH, FORM)
    found = findings(connect())
    assert found["credentials"][0] is Health.OK
    assert found["people of acme/shop"] == (Health.OK, "1 people with write access decide there")
    assert found["project acme/1"][0] is Health.OK


def test_an_account_that_a_person_uses_is_a_fault(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    github.comment(SHOP, number, "alice", "I'm on it")
    health, says = findings(connect(auth=Token(github.token("alice"))))["account in acme/shop"]
    assert health is Health.FAULT
    assert "shared with a person" in says


def test_own_comments_are_no_sign_of_a_person(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect(auth=Token(github.token("alice")), shared=Shared())
    read(tracker, number)
    apply(tracker, number, [LABELS, QUEUE, STATUS])
    assert "account in acme/shop" not in findings(tracker)


def test_what_cannot_be_seen_is_named(github: GitHubStandIn, connect: Connect) -> None:
    found = findings(connect(repositories=["acme/nowhere"], project=("acme", 9)))
    assert found["repository acme/nowhere"][0] is Health.FAULT
    assert found["project acme/9"][0] is Health.FAULT
