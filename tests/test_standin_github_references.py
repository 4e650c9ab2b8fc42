"""Mentions on the stand-in GitHub: where they show, to whom, when; and reactions, which nobody hears of."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contracts import Recorder
from tests.standins.github.client import Clock, app_client, ask, client
from tests.standins.github.references import mentions
from tests.standins.github.server import GitHubStandIn
from tests.test_standin_github import ids, mutate

SHOP = "acme/shop"
NAMES = "repository { nameWithOwner } number"
QUERY = f"""query($owner: String!, $name: String!, $n: Int!) {{ repository(owner: $owner, name: $name) {{
  issue(number: $n) {{ updatedAt timelineItems(first: 20, itemTypes: [CROSS_REFERENCED_EVENT]) {{
    filteredCount nodes {{ ... on CrossReferencedEvent {{ actor {{ login }} createdAt isCrossRepository
      source {{ ... on Issue {{ {NAMES} closedAt }} ... on PullRequest {{ {NAMES} }} }}
      target {{ ... on Issue {{ number }} }} }} }} }} }} }} }}"""


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


@pytest.fixture
def github(clock: Clock, recorder: Recorder) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock) as github:
        recorder.register(github.url, "github")
        github.person("alice", "write", member=True)
        github.person("carol")
        github.repository(SHOP, labels=["bug", "P0"])
        github.repository("acme/secret", private=True)
        github.project()
        yield github
    assert github.unexpected == []


def referring(github: GitHubStandIn, number: int, who: str = "alice", repo: str = SHOP) -> list[str]:
    owner, _, name = repo.partition("/")
    issue = ask(client(github, who), QUERY, owner=owner, name=name, n=number)["repository"]["issue"]
    nodes = issue["timelineItems"]["nodes"]
    assert issue["timelineItems"]["filteredCount"] == len(nodes)
    return [f"{n['source']['repository']['nameWithOwner']}#{n['source']['number']}" for n in nodes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See #1.", [(SHOP, 1)]),
        ("(acme/web#2), Acme/Web#3 and #4", [("acme/web", 2), ("Acme/Web", 3), (SHOP, 4)]),
        ("<!-- #1 --> `#2` ```\n#3\n``` a#4 x/y/z#5 #06 #7a ##8 &#9; github:#10", [(SHOP, 10)]),
        ("acme/shop#12\n<!-- acme/shop#13 -->", [(SHOP, 12)]),
        ("", []),
    ],
)
def test_what_a_text_mentions(text: str, expected: list[tuple[str, int]]) -> None:
    assert list(mentions(text, SHOP)) == expected


def test_an_issue_shows_once_who_mentions_it(github: GitHubStandIn, clock: Clock) -> None:
    one = github.open_issue(SHOP, "carol", "Down")
    clock.pass_by(60)
    two = github.open_issue(SHOP, "alice", "Later", f"Because of #{one}, acme/shop#{one} and #{99}")
    github.comment(SHOP, two, "alice", f"Again #{one}, and itself #{two}")
    three = github.open_issue(SHOP, "carol", "Comments", "")
    comment = github.comment(SHOP, three, "carol", "nothing")
    assert referring(github, one) == [f"{SHOP}#{two}"]
    github.edit_comment(comment, "carol", f"oh: acme/shop#{one}")
    github.edit_body(SHOP, one, "carol", f"now mentions #{two}")
    assert referring(github, one) == [f"{SHOP}#{two}", f"{SHOP}#{three}"]
    assert referring(github, two) == [f"{SHOP}#{one}"]


def test_a_mention_updates_nothing_and_nobody_is_told(github: GitHubStandIn, clock: Clock) -> None:
    one = github.open_issue(SHOP, "carol", "Down")
    before = github.issue(SHOP, one).updated_at
    clock.pass_by(60)
    told = len(github.deliveries)
    two = github.open_issue(SHOP, "alice", "Later", f"#{one}")
    assert [(d.action, d.payload["issue"]["number"]) for d in github.deliveries[told:]] == [("opened", two)]
    assert github.issue(SHOP, one).updated_at == before


def test_a_mention_shows_a_while_later_and_reads_lag_besides(github: GitHubStandIn, clock: Clock) -> None:
    one = github.open_issue(SHOP, "carol", "Down")
    clock.pass_by(60)
    github.references_after = 30
    two = github.open_issue(SHOP, "alice", "Later", f"#{one}")
    assert referring(github, one) == []
    clock.pass_by(30)
    assert referring(github, one) == [f"{SHOP}#{two}"]
    github.lag = 1
    assert referring(github, one) == []
    clock.pass_by(1)
    assert referring(github, one) == [f"{SHOP}#{two}"]


def test_who_may_not_see_the_source_sees_no_mention(github: GitHubStandIn) -> None:
    one = github.open_issue(SHOP, "carol", "Down")
    hidden = github.open_issue("acme/secret", "alice", "Plans", f"acme/shop#{one}")
    assert referring(github, one) == [f"acme/secret#{hidden}"]
    assert referring(github, one, "carol") == []
    github.open_issue(SHOP, "carol", "Guess", f"acme/secret#{hidden}")
    assert referring(github, hidden, repo="acme/secret") == []


def test_a_mention_follows_both_ends_where_they_go(github: GitHubStandIn) -> None:
    github.repository("acme/web")
    one, two = github.open_issue(SHOP, "carol", "Down"), github.open_issue(SHOP, "alice", "Later", "#1")
    moved = github.transfer(SHOP, one, "alice", "acme/web")
    away = github.transfer(SHOP, two, "alice", "acme/web")
    assert referring(github, moved, repo="acme/web") == [f"acme/web#{away}"]


def test_everything_a_mention_tells(github: GitHubStandIn, clock: Clock) -> None:
    one = github.open_issue(SHOP, "carol", "Down")
    known = ids(github, one)
    given = {"repositoryId": known["repository"], "title": "Later", "body": f"#{one}", "labelIds": [known["P0"]]}
    made = mutate(github, "createIssue", "issue { number createdAt repository { nameWithOwner } }", **given)
    assert made == {"issue": {"number": 2, "createdAt": "2026-11-23T09:00:00Z", "repository": {"nameWithOwner": SHOP}}}
    github.close(SHOP, 2, "alice")
    found = ask(app_client(github), QUERY, owner="acme", name="shop", n=one)["repository"]["issue"]
    assert found["timelineItems"]["nodes"] == [
        {
            "actor": {"login": "alice"},
            "createdAt": "2026-11-23T09:00:00Z",
            "isCrossRepository": False,
            "source": {"repository": {"nameWithOwner": SHOP}, "number": 2, "closedAt": "2026-11-23T09:00:00Z"},
            "target": {"number": one},
        }
    ]


def test_a_reaction_updates_nothing_tells_nobody_and_its_group_dates_from_the_first(
    github: GitHubStandIn, clock: Clock
) -> None:
    github.comment(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "/p0")
    comment, before = github.issue(SHOP, 1).comments[0], github.issue(SHOP, 1).updated_at
    told = len(github.deliveries)
    clock.pass_by(60)
    github.react(comment.id, "carol", "EYES")
    clock.pass_by(60)
    groups = "reactionGroups { content createdAt viewerHasReacted }"
    given = {"subjectId": comment.node_id, "content": "EYES"}
    answer: Any = mutate(github, "addReaction", groups, **given)
    eyes = [g for g in answer["reactionGroups"] if g["createdAt"]]
    assert eyes == [{"content": "EYES", "createdAt": "2026-11-23T09:01:00Z", "viewerHasReacted": True}]
    assert len(answer["reactionGroups"]) == 8
    assert (github.issue(SHOP, 1).updated_at, len(github.deliveries)) == (before, told)
