"""What tests say and ask: who there is, what they do, and what then stands there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tests.standins.github.access import Access, App
from tests.standins.github.acts import Acts
from tests.standins.github.board import Board, Workflows
from tests.standins.github.records import (
    AUTOMATION,
    Account,
    Issue,
    Item,
    Kind,
    Option,
    Project,
    Repository,
)
from tests.standins.github.webhooks import Hub
from tests.standins.github.world import Clock, World

COLUMNS = ("Backlog", "In Progress", "Review", "Done", "Emergency Queue")


@dataclass(frozen=True)
class SeenComment:
    id: int
    node_id: str
    author: str
    body: str
    created_at: datetime
    edited_by: str | None
    reactions: tuple[str, ...]


@dataclass(frozen=True)
class SeenIssue:
    """An issue as a person would see it on the page; `column` is None when it has no card or the card no Status."""

    number: int
    node_id: str
    title: str
    body: str | None
    author: str
    is_open: bool
    labels: frozenset[str]
    assignees: tuple[str, ...]
    comments: tuple[SeenComment, ...]
    column: str | None
    on_board: bool
    fields: Mapping[str, str | float]
    updated_at: datetime


class People:
    """The side of the stand-in that people use: each act is somebody's, happens now, and is told to the webhooks."""

    def __init__(self, clock: Clock) -> None:
        self.world = World(clock)
        self.hub = Hub(clock)
        self.acts = Acts(self.world, self.hub)
        self.workflows = Workflows()
        self.board = Board(self.acts, self.workflows)
        self.access = Access(self.world)
        self.world.account(AUTOMATION, "Bot")

    # -- who and what there is

    def person(self, login: str, role: str = "none", member: bool = False, owner: str = "acme") -> Account:
        """Somebody with this role in every repository (`grant` says otherwise); a member of the owner's if told so."""
        self.world.defaults[login.lower()] = role
        if member:
            self.world.members.add((owner.lower(), login.lower()))
        return self.world.account(login)

    def bot(self, slug: str) -> Account:
        return self.world.account(f"{slug}[bot]", "Bot")

    def forget(self, login: str) -> None:
        """Their account is deleted: they are `ghost` to REST and null to GraphQL."""
        self.world.accounts[login.lower()] = replace(self.world.accounts[login.lower()], gone=True)

    def repository(
        self, full_name: str, private: bool = False, labels: Sequence[str] = (), owner_kind: Kind = "Organization"
    ) -> Repository:
        owner, _, name = full_name.partition("/")
        self.world.account(owner, owner_kind)
        number, node_id = self.world.name("R", full_name.lower())
        repo = Repository(number, node_id, owner, name, private, self.world.now())
        self.world.repositories[full_name.lower()] = repo
        for label in labels:
            self.acts.create_label(repo, label)
        return repo

    def grant(self, repo: str, login: str, role: str) -> None:
        self.world.grants[self.world.repository(repo).id, login.lower()] = role

    def project(
        self,
        owner: str = "acme",
        number: int = 1,
        options: Sequence[Option | str] = COLUMNS,
        public: bool = False,
        owner_kind: Kind = "Organization",
    ) -> Project:
        self.world.account(owner, owner_kind)
        return self.board.create(owner, number, "Work", options, public)

    def field(self, name: str, data_type: str = "TEXT", options: Sequence[str] = (), number: int = 1) -> None:
        """Another field of the project of that number."""
        rows = [{"name": x, "color": "GRAY", "description": ""} for x in options]
        self.board.add_field(self._project(number), name, data_type, rows)

    def install_app(
        self, slug: str = "spark-integrator", account: str = "acme", permissions: Mapping[str, str] | None = None
    ) -> App:
        """An app on an account; its ids and its private key are what the integrator is configured with."""
        return self.access.install(slug, account, permissions)

    def token(self, login: str) -> str:
        return self.access.token(login)

    def file(self, repo: str, path: str, content: str) -> None:
        self.world.files[self.world.repository(repo).id, path] = content.encode()

    # -- what they do

    def open_issue(self, repo: str, by: str, title: str, body: str | None = "", labels: Sequence[str] = ()) -> int:
        with self.world.lock:
            return self.acts.open_issue(self.world.repository(repo), by, title, body, labels).number

    def open_pull(self, repo: str, by: str, title: str) -> int:
        with self.world.lock:
            return self.acts.open_issue(self.world.repository(repo), by, title, "", pull=True).number

    def comment(self, repo: str, number: int, by: str, body: str) -> int:
        with self.world.lock:
            return self.acts.comment(self._issue(repo, number), by, body).id

    def edit_comment(self, comment_id: int, by: str, body: str) -> None:
        with self.world.lock:
            comment = self.acts.view.comment(comment_id)
            assert comment is not None
            self.acts.edit_comment(comment, by, body)

    def delete_comment(self, comment_id: int, by: str) -> None:
        with self.world.lock:
            comment = self.acts.view.comment(comment_id)
            assert comment is not None
            self.acts.delete_comment(comment, by)

    def react(self, comment_id: int, by: str, content: str) -> None:
        with self.world.lock:
            comment = self.acts.view.comment(comment_id)
            assert comment is not None
            self.acts.react(comment, by, content)

    def label(self, repo: str, number: int, by: str, *names: str) -> None:
        labels = [self.acts.label_for(self.world.repository(repo), x) for x in names]
        self._do(repo, number, lambda issue: self.acts.label(issue, by, labels))

    def unlabel(self, repo: str, number: int, by: str, *names: str) -> None:
        labels = [self.acts.label_for(self.world.repository(repo), x) for x in names]
        self._do(repo, number, lambda issue: self.acts.unlabel(issue, by, labels))

    def assign(self, repo: str, number: int, by: str, *logins: str) -> None:
        people = [self.world.account(x) for x in logins]
        self._do(repo, number, lambda issue: self.acts.assign(issue, by, people))

    def unassign(self, repo: str, number: int, by: str, *logins: str) -> None:
        people = [self.world.account(x) for x in logins]
        self._do(repo, number, lambda issue: self.acts.unassign(issue, by, people))

    def close(self, repo: str, number: int, by: str) -> None:
        self._do(repo, number, lambda issue: self.acts.close(issue, by))

    def reopen(self, repo: str, number: int, by: str) -> None:
        self._do(repo, number, lambda issue: self.acts.reopen(issue, by))

    def edit_body(self, repo: str, number: int, by: str, body: str) -> None:
        self._do(repo, number, lambda issue: self.acts.edit_issue(issue, by, body=body))

    def retitle(self, repo: str, number: int, by: str, title: str) -> None:
        self._do(repo, number, lambda issue: self.acts.edit_issue(issue, by, title=title))

    def transfer(self, repo: str, number: int, by: str, to: str) -> int:
        """Its number in the repository that it went to."""
        with self.world.lock:
            return self.acts.transfer(self._issue(repo, number), by, self.world.repository(to)).number

    def move_card(self, repo: str, number: int, by: str, column: str | None, project: int = 1) -> None:
        """Put it on the board if need be, then into the column (None: no Status)."""
        with self.world.lock:
            item = self.board.add(self._project(project), self._issue(repo, number), by)
            self.board.move(item, column, by)

    def archive_card(self, repo: str, number: int, archived: bool = True) -> None:
        """Put it aside, or (not `archived`) take it out again."""
        with self.world.lock:
            (item,) = self.board.view.items_of(self._issue(repo, number))
            self.board.archive(item, archived=archived)

    # -- what stands there

    def issue(self, repo: str, number: int) -> SeenIssue:
        self.board.run_due()
        with self.world.lock:
            return self._seen(self._issue(repo, number))

    def numbers(self, repo: str) -> list[int]:
        """The issues and pull requests that are there, oldest first."""
        with self.world.lock:
            return [x.number for x in self.acts.view.issues(self.world.repository(repo))]

    def _seen(self, issue: Issue) -> SeenIssue:
        view = self.acts.view
        item = next(iter(view.items_of(issue)), None)
        return SeenIssue(
            number=issue.number,
            node_id=issue.node_id,
            title=issue.title,
            body=issue.body,
            author=issue.author,
            is_open=issue.closed_at is None,
            labels=frozenset(x.name for x in view.labels(issue)),
            assignees=issue.assignees,
            comments=tuple(
                SeenComment(
                    c.id, c.node_id, c.author, c.body, c.created_at, c.editor, tuple(r.content for r in c.reactions)
                )
                for c in view.comments(issue)
            ),
            column=self.board.column(item) if item else None,
            on_board=item is not None,
            fields=self._fields(item) if item else {},
            updated_at=issue.updated_at,
        )

    def _fields(self, item: Item) -> dict[str, str | float]:
        """Values by field; a single select's is the option's name."""
        seen: dict[str, str | float] = {}
        for value in self.acts.view.values(item):
            names = {o.id: o.name for o in value.field.options}
            seen[value.field.name] = names.get(str(value.value.holds), value.value.holds)
        return seen

    def _issue(self, repo: str, number: int) -> Issue:
        found = self.acts.view.numbered(self.world.repository(repo), number)
        if found is None:
            raise KeyError(f"{repo}#{number}")
        return found

    def _project(self, number: int) -> Project:
        return next(p for p in self.world.projects.values() if p.number == number)

    def _do(self, repo: str, number: int, act: Callable[[Issue], Issue]) -> None:
        with self.world.lock:
            act(self._issue(repo, number))
