"""`integrator draft` on both trackers: the message, what it lacks, and nothing that a terminal would obey."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.connected import P0_FORM, P0_WIKI, P2_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.here import Done, run

OWN = 'texts:\n  update: |\n    Neues: {{ place("issue") }}\n\n    {{ place("status") }}\n'


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Company]:
    with company(tmp_path_factory.mktemp("acme"), recorder, policy=OWN) as made:
        yield made


def draft(acme: Company, *arguments: str) -> Done:
    return run(acme.integrator.folder, acme.integrator.environ, "draft", *arguments)


def reported(acme: Company, title: str = "Nobody can pay", *comments: str, form: str = P0_FORM) -> str:
    number = acme.github.open_issue(REPO, "carol", title, form)
    for comment in comments:
        acme.github.comment(REPO, number, "alice", comment)
    return f"github:{REPO}#{number}"


def test_a_message_that_lacks_something_says_what_fills_it(acme: Company) -> None:
    done = draft(acme, reported(acme))
    assert done.code == 1
    assert done.out.startswith("Subject: We are working on it: Nobody can pay\n\nHello carol,\n\n")
    assert "\n- Who takes care of it: [engineer: /engineer @login]\n" in done.out
    assert done.err == "\nIt can't be sent yet. Write on the issue what is missing:\n  engineer: /engineer @login\n"


def test_a_message_that_is_complete_is_printed_to_be_sent(acme: Company) -> None:
    done = draft(acme, reported(acme, "Nobody can pay", "/engineer @bob"))
    assert done.code == 0 and "- Who takes care of it: bob\n" in done.out and "[" not in done.out
    promised = re.search(r"by (?:\w{3} \d\d \w{3} )?(\d\d:\d\d) UTC", done.out)
    assert promised is not None
    assert done.err == f"\nOnce you have sent it, write a comment on the issue: /sent {promised[1]}\n"


def test_the_same_as_json(acme: Company) -> None:
    done = draft(acme, "--json", reported(acme))
    assert (done.code, done.err) == (1, "")
    told = json.loads(done.out)["draft"]
    assert (told["kind"], told["subject"]) == ("acknowledgement", "We are working on it: Nobody can pay")
    assert told["missing"] == [{"place": "engineer", "filled_by": "/engineer @login"}]
    assert told["places"]["customer"] == "carol" and told["body"].startswith("Hello carol,")
    assert told["when_sent"].startswith("/sent ") and told["next_update_at"].endswith("+00:00")


def test_a_jira_issue_has_the_same_message(acme: Company) -> None:
    key = acme.jira.create_issue("OPS", "carol", "Nobody can *pay*", P0_WIKI, (), None)
    done = draft(acme, f"jira:{key}")
    assert done.code == 1 and "Subject: We are working on it: Nobody can *pay*\n" in done.out


def test_the_texts_of_app_yaml_are_used(acme: Company) -> None:
    ref = reported(acme, "Nobody can pay", "We are on it.", "/diagnosis eine volle Platte\n/engineer @bob")
    assert draft(acme, ref).out == "Subject: Neues: Nobody can pay\n\neine volle Platte\n"


def test_where_no_message_is_due(acme: Company) -> None:
    ref = reported(acme, "Slow", form=P2_FORM)
    assert draft(acme, ref) == Done(0, f"{ref}: no message to the customer is due.\n", "")
    assert draft(acme, "--json", ref) == Done(0, '{"draft": null}\n', "")


def test_nothing_that_a_terminal_obeys_is_printed(acme: Company) -> None:
    out = draft(acme, reported(acme, "Pay \x1b]0;me\x07 \u202egnp.exe\x9b31m")).out
    assert out.startswith("Subject: We are working on it: Pay ]0;me gnp.exe31m\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        (f"github:{REPO}#999", 1, f"github:{REPO}#999: "),
        ("shop", 2, "'shop' does not name an issue"),
    ],
)
def test_an_issue_that_is_not_there(acme: Company, name: str, code: int, says: str) -> None:
    done = draft(acme, name)
    assert (done.code, done.out) == (code, "") and says in done.err
