"""What people and robots do to issues: the change, its timeline events and its webhook deliveries, all at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.standins.github.records import Account, Comment, Event, Issue, Label, Reaction, Repository
from tests.standins.github.references import mentions
from tests.standins.github.shapes import Json, Shapes
from tests.standins.github.webhooks import Hub
from tests.standins.github.world import View, World


class Acts:
    """Every method is one act by one account, at the world's time; the caller has checked that it is allowed."""

    def __init__(self, world: World, hub: Hub) -> None:
        self.world = world
        self.hub = hub
        self.view = View(world)
        self.api = "https://api.github.com"
        self.after_close: list[Callable[[Issue], None]] = []
        self.references_after = 0.0

    # -- issues

    def open_issue(
        self, repo: Repository, by: str, title: str, body: str | None, labels: Sequence[str] = (), pull: bool = False
    ) -> Issue:
        """GitHub tells of the labels it was opened with one by one, after the opening."""
        world, now = self.world, self.world.now()
        number, node_id = world.name("PR" if pull else "I")
        issue = Issue(number, node_id, repo.id, world.number(repo), title, body, by, now, now, pull=pull)
        world.numbers[(repo.id, issue.number)] = issue.id
        given = tuple(self.label_for(repo, name) for name in labels)
        issue = replace(issue, labels=tuple(dict.fromkeys(x.id for x in given)))
        for label in given:
            issue = self._note(issue, "LabeledEvent", by, {"label": label})
        self._keep(issue)
        if not pull:
            self._tell("opened", issue, by)
            for label in given:
                self._tell("labeled", issue, by, {"label": self._shapes().label(label)})
        self._refer(issue, by, body)
        return issue

    def edit_issue(self, issue: Issue, by: str, *, title: str | None = None, body: str | None = None) -> Issue:
        changes: Json = {}
        if body is not None and body != issue.body:
            changes["body"] = {"from": issue.body or ""}
            issue = replace(issue, body=body, edited_at=self.world.now(), editor=by)
        if title is not None and title != issue.title:
            changes["title"] = {"from": issue.title}
            about = {"previousTitle": issue.title, "currentTitle": title}
            issue = self._note(replace(issue, title=title), "RenamedTitleEvent", by, about)
        issue = self._changed("edited", issue, by, {"changes": changes}) if changes else issue
        self._refer(issue, by, body)
        return issue

    def label(self, issue: Issue, by: str, labels: Sequence[Label]) -> Issue:
        """Labels that are on it already are passed over in silence."""
        for label in (x for x in labels if x.id not in issue.labels):
            issue = self._note(replace(issue, labels=(*issue.labels, label.id)), "LabeledEvent", by, {"label": label})
            issue = self._changed("labeled", issue, by, {"label": self._shapes().label(label)})
        return issue

    def unlabel(self, issue: Issue, by: str, labels: Sequence[Label]) -> Issue:
        for label in (x for x in labels if x.id in issue.labels):
            kept = tuple(x for x in issue.labels if x != label.id)
            issue = self._note(replace(issue, labels=kept), "UnlabeledEvent", by, {"label": label})
            issue = self._changed("unlabeled", issue, by, {"label": self._shapes().label(label)})
        return issue

    def assign(self, issue: Issue, by: str, people: Sequence[Account]) -> Issue:
        for who in (x for x in people if x.login not in issue.assignees):
            issue = replace(issue, assignees=(*issue.assignees, who.login))
            issue = self._note(issue, "AssignedEvent", by, {"assignee": who.login})
            issue = self._changed("assigned", issue, by, {"assignee": self._shapes().account(who)})
        return issue

    def unassign(self, issue: Issue, by: str, people: Sequence[Account]) -> Issue:
        for who in (x for x in people if x.login in issue.assignees):
            issue = replace(issue, assignees=tuple(x for x in issue.assignees if x != who.login))
            issue = self._note(issue, "UnassignedEvent", by, {"assignee": who.login})
            issue = self._changed("unassigned", issue, by, {"assignee": self._shapes().account(who)})
        return issue

    def close(self, issue: Issue, by: str, reason: str = "completed") -> Issue:
        if issue.closed_at:
            return issue
        issue = replace(issue, closed_at=self.world.now(), closed_by=by, state_reason=reason)
        issue = self._note(issue, "ClosedEvent", by, {"stateReason": reason.upper()})
        issue = self._changed("closed", issue, by)
        for hear in self.after_close:
            hear(issue)
        return issue

    def reopen(self, issue: Issue, by: str) -> Issue:
        if not issue.closed_at:
            return issue
        issue = replace(issue, closed_at=None, closed_by=None, state_reason="reopened")
        issue = self._note(issue, "ReopenedEvent", by, {"stateReason": "REOPENED"})
        return self._changed("reopened", issue, by)

    def transfer(self, issue: Issue, by: str, to: Repository) -> Issue:
        """A new number, a new node id; the history, the comments and the labels that exist there go along."""
        world, old_repo, shapes = self.world, self.view.repo(issue), self._shapes()
        number, node_id = world.name("I")
        names = [x.name for x in self.view.labels(issue)]
        there = [x.id for name in names if (x := world.label_named(to, name))]
        new = replace(issue, id=number, node_id=node_id, repo_id=to.id, number=world.number(to), labels=tuple(there))
        new = self._note(new, "TransferredEvent", by, {"fromRepository": old_repo})
        world.numbers[(to.id, new.number)] = new.id
        for comment in self.view.comments(issue):
            world.comments.put(comment.id, replace(comment, issue_id=new.id), world.instant())
        for item in self.view.items_of(issue):
            world.items.put(item.id, replace(item, issue_id=new.id), world.instant())
            world.cards.setdefault(new.id, []).append(item.id)
        old_shape = shapes.issue(issue)
        self._keep(new)
        moved = {"new_issue": shapes.issue(new), "new_repository": shapes.repository(to)}
        self._tell("transferred", issue, by, {"changes": moved})
        world.issues.put(issue.id, replace(issue, moved_to=new.id), world.instant())
        came = {"old_issue": old_shape, "old_repository": shapes.repository(old_repo)}
        self._tell("opened", new, by, {"changes": came})
        return new

    def set_issue_fields(self, issue: Issue, by: str, values: Mapping[int, str | float | None]) -> Issue:
        """None takes a value away. GitHub tells of each."""
        for number, holds in values.items():
            kept = {k: v for k, v in issue.fields.items() if k != number}
            if holds == issue.fields.get(number):
                continue
            issue = replace(issue, fields=kept if holds is None else {**kept, number: holds})
            field = self.world.issue_fields[number]
            more = {"issue_field": {"id": field.id, "name": field.name, "field_type": field.data_type}}
            issue = self._changed("field_removed" if holds is None else "field_added", issue, by, more)
        return issue

    # -- comments and reactions

    def comment(self, issue: Issue, by: str, body: str) -> Comment:
        now = self.world.now()
        number, node_id = self.world.name("IC")
        comment = Comment(number, node_id, issue.id, by, body, now, now)
        self.world.comments.put(number, comment, self.world.instant())
        issue = self._keep(replace(issue, comments=(*issue.comments, number), updated_at=now))
        self._tell_comment("created", comment, issue, by)
        self._refer(issue, by, body)
        return comment

    def edit_comment(self, comment: Comment, by: str, body: str) -> Comment:
        now = self.world.now()
        before = {"changes": {"body": {"from": comment.body}}}
        comment = replace(comment, body=body, updated_at=now, edited_at=now, editor=by)
        self.world.comments.put(comment.id, comment, self.world.instant())
        issue = self._keep(replace(self._issue(comment.issue_id), updated_at=now))
        self._tell_comment("edited", comment, issue, by, before)
        self._refer(issue, by, body)
        return comment

    def delete_comment(self, comment: Comment, by: str) -> None:
        issue = self._issue(comment.issue_id)
        issue = replace(issue, comments=tuple(x for x in issue.comments if x != comment.id))
        issue = self._note(issue, "CommentDeletedEvent", by, {"deletedCommentAuthor": comment.author})
        self.world.comments.put(comment.id, None, self.world.instant())
        issue = self._keep(replace(issue, updated_at=self.world.now()))
        self._tell_comment("deleted", comment, issue, by)

    def react(self, thing: Issue | Comment, by: str, content: str) -> Reaction:
        """The same reaction by the same account is there once. GitHub tells nobody of it."""
        for known in thing.reactions:
            if (known.by, known.content) == (by, content):
                return known
        number, node_id = self.world.name("REA")
        reaction = Reaction(number, node_id, content, by, self.world.now())
        changed = replace(thing, reactions=(*thing.reactions, reaction))
        if isinstance(changed, Issue):
            self._keep(changed)
        else:
            self.world.comments.put(changed.id, changed, self.world.instant())
        return reaction

    # -- labels of a repository

    def create_label(self, repo: Repository, name: str, color: str = "ededed", description: str | None = None) -> Label:
        number, node_id = self.world.name("LA")
        label = Label(number, node_id, repo.id, name, color, description, self.world.now())
        self.world.labels[number] = label
        return label

    def edit_label(self, label: Label, name: str, color: str | None, description: str | None) -> Label:
        """None leaves it as it is."""
        kept = description if description is not None else label.description
        changed = replace(label, name=name, color=color or label.color, description=kept)
        self.world.labels[label.id] = changed
        return changed

    def label_for(self, repo: Repository, name: str) -> Label:
        """The label of this name; REST makes one, in the default colour, when there is none."""
        return self.world.label_named(repo, name) or self.create_label(repo, name)

    # -- writing it down

    def _issue(self, number: int) -> Issue:
        issue = self.view.issue(number)
        assert issue is not None
        return issue

    def _keep(self, issue: Issue) -> Issue:
        self.world.issues.put(issue.id, issue, self.world.instant())
        return issue

    def _note(self, issue: Issue, kind: str, by: str, about: Mapping[str, Any]) -> Issue:
        """Add an event to the timeline, without keeping the issue yet."""
        number, node_id = self.world.name("EV")
        self.world.events[number] = Event(number, node_id, kind, issue.id, by, self.world.now(), about)
        return replace(issue, events=(*issue.events, number))

    def _refer(self, source: Issue, by: str, text: str | None) -> None:
        """An issue shows who mentions it, each once, a while later; it is not updated by that, and nobody is told."""
        for full_name, number in mentions(text or "", self.view.repo(source).full_name):
            repo = self.world.repositories.get(full_name.lower())
            target = self.view.numbered(repo, number) if repo and self._reaches(by, repo) else None
            if target is None or target.id == source.id or source.id in self._referring(target):
                continue
            shown_at = self.world.instant() + timedelta(seconds=self.references_after)
            about = {"source": source.id, "shown_at": shown_at}
            self._keep(self._note(target, "CrossReferencedEvent", by, about))

    def _referring(self, issue: Issue) -> set[int]:
        return {x.about["source"] for x in self.view.events(issue) if x.kind == "CrossReferencedEvent"}

    def _reaches(self, login: str, repo: Repository) -> bool:
        """An app was checked when it came in; people may mention what they may read."""
        return login.endswith("[bot]") or self.world.may(repo, login, "read")

    def _changed(self, action: str, issue: Issue, by: str, more: Json | None = None) -> Issue:
        issue = self._keep(replace(issue, updated_at=self.world.now()))
        if not issue.pull:
            self._tell(action, issue, by, more)
        return issue

    def _shapes(self) -> Shapes:
        return Shapes(self.view, self.api)

    def around(self, repo: Repository, by: str) -> Json:
        """What every payload says of where and who."""
        shapes, owner = self._shapes(), self.world.account(repo.owner)
        org = {"organization": shapes.organization(owner.login)} if owner.kind == "Organization" else {}
        return {"repository": shapes.repository(repo), **org, "sender": shapes.user(by)}

    def _tell(self, action: str, issue: Issue, by: str, more: Json | None = None) -> None:
        repo = self.view.repo(issue)
        payload = {"action": action, "issue": self._shapes().issue(issue), **(more or {}), **self.around(repo, by)}
        self.hub.emit("issues", self.world.instant(), payload, repo.full_name)

    def _tell_comment(self, action: str, comment: Comment, issue: Issue, by: str, more: Json | None = None) -> None:
        repo, shapes = self.view.repo(issue), self._shapes()
        about = {"action": action, "issue": shapes.issue(issue), "comment": shapes.comment(comment, issue)}
        payload = about | (more or {}) | self.around(repo, by)
        self.hub.emit("issue_comment", self.world.instant(), payload, repo.full_name)
