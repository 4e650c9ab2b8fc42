"""An issue as Jira tells it, made into an issue as the protocol sees it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.jira import markers
from adapters.jira.board import Layout, Place, transitions_of
from adapters.jira.cache import Recent
from adapters.jira.fetch import MOST_AT_ONCE, Fetcher, Raw
from adapters.jira.history import Context, Item, at_creation, items_of, last_move, moment, timeline
from adapters.jira.memory import Cause, Child, Memory, acknowledged_in, fields_in, opened_in, opening_in
from adapters.jira.opened import Kin, Openings
from adapters.jira.parse import comment_of, text_of, version
from adapters.jira.people import People
from adapters.jira.screens import Kind
from adapters.jira.site import Site, is_done
from adapters.jira.values import Values, kind_of
from adapters.tracker import Gone
from mapping.card import WRITTEN
from mapping.issue import Comment, Happened, Issue, IssueRef, Marker, Opened, TimelineEvent


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read learnt and the write after it needs.

    `memory` is what the issue's property is to say, `kept` what it says about issues that we opened and otherwise the
    same; `is_behind`: it doesn't list all of our comments. `versions`: of the comments, by id. `service`: customers can
    read this project's comments. `kind`: which edit screen it has; `own`: what Jira's own fields say, by name.
    """

    id: str
    place: Place
    memory: Memory
    kept: Memory
    is_behind: bool
    versions: Mapping[str, str]
    service: bool
    kind: Kind
    own: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sight:
    """An issue as it was asked for: what it means (a ValueError if nothing), and of Jira's answer (None: not there) the
    key and the few fields that tell about its card.
    """

    raw: Raw | None
    issue: Issue | Gone | ValueError


class Reader:
    """Reads issues of the connected projects and remembers what their next write needs."""

    def __init__(self, tracker: str, site: Site, projects: Sequence[str], values: Values) -> None:
        self.tracker = tracker
        self._site = site
        self._projects = frozenset(projects)
        self._values = values
        self._fetch = Fetcher(site)
        self._openings = Openings(tracker, site, self._fetch)
        self._seen: Recent[Seen] = Recent(4_000)
        self._own: Recent[tuple[Marker | None]] = Recent(10_000)  # of our comments that an issue's property misses

    def read(self, refs: Sequence[IssueRef]) -> dict[IssueRef, Issue | Gone]:
        """Every ref with its issue, or with why there is none under this name."""
        sights = self.look([ref for ref in refs if self._is_ours(ref)])
        answers: dict[IssueRef, Issue | Gone] = {ref: self._not_connected(ref) for ref in refs}
        for ref, sight in sights.items():
            if isinstance(sight.issue, ValueError):
                raise sight.issue
            answers[ref] = sight.issue
        return answers

    def look(self, refs: Sequence[IssueRef], more: Sequence[str] = ()) -> dict[IssueRef, Sight]:
        """The same with what Jira says of cards (with `more` fields), also of what isn't connected or makes no sense.

        A hundred at a time: Jira's answers are larger than what is made of them, and a board may be long.
        """
        sights: dict[IssueRef, Sight] = {}
        for start in range(0, len(refs), MOST_AT_ONCE):
            some = refs[start : start + MOST_AT_ONCE]
            raw = self._fetch.issues([ref.key for ref in some], [*self._values.ids(), *more])
            ours = [raw[ref.key] for ref in some if self._is_ours(ref)]
            kin = self._openings.look([issue for issue in ours if issue is not None])
            for ref in some:
                sights[ref] = Sight(_outline(raw[ref.key], more), self._answer(ref, raw[ref.key], kin))
        return sights

    def wrote(self, comment: Raw, marker: Marker) -> None:
        """A comment of ours was written as this: until its issue's property lists it, it need not be asked for."""
        self._own.put(_version(comment), (marker,))

    def _is_ours(self, ref: IssueRef) -> bool:
        return not ref.container or ref.container in self._projects

    def has_seen(self, ref: IssueRef) -> bool:
        """Whether a write needs no further read."""
        return self._seen.get(ref) is not None

    def take(self, ref: IssueRef) -> Seen | None:
        """What the last read of this issue learnt, good for one write; reads it if need be. None: it is gone."""
        return self._seen.take(ref) or (self._seen.take(ref) if isinstance(self.read([ref])[ref], Issue) else None)

    def _not_connected(self, ref: IssueRef) -> Gone:
        return Gone(f"it is in none of the connected projects ({', '.join(sorted(self._projects))})")

    def _answer(self, ref: IssueRef, raw: Raw | None, kin: Mapping[str, Kin]) -> Issue | Gone | ValueError:
        if not self._is_ours(ref):
            return self._not_connected(ref)
        if raw is None:
            return Gone("it does not exist, or the integrator's account can't see it")
        key = str(raw["key"])
        if key != ref.key:
            return Gone("it was moved", moved_to=IssueRef(self.tracker, key))
        try:
            return self._issue(ref, raw, kin)
        except (KeyError, TypeError, ValueError, AttributeError) as failure:
            # Not an error of the tracker: the other issues go on.
            return ValueError(f"Jira's answer about {key} has not the expected shape ({failure!r:.100})")

    def _issue(self, ref: IssueRef, raw: Raw, kin: Mapping[str, Kin]) -> Issue:
        fields, people, layout = raw["fields"], self._site.people(ref.container), self._site.layout()
        author = people.person(fields.get("reporter")) or people.person(fields.get("creator"))
        items = items_of(self._fetch.histories(raw), people)
        created, moved = moment(fields["created"]), last_move(items, layout)
        place = self._place(raw, layout, moved)
        events = (
            *at_creation(items, fields, created, author),
            *timeline(items, Context(people, layout, self._done_by(raw))),
        )
        comments = tuple(self._comments(raw, people))
        service = (fields.get("project") or {}).get("projectTypeKey") == "service_desk"
        opened, cause = self._openings.of(raw, kin), self._openings.cause_of(raw)
        shown, memory = self._values.of(raw), _remembered(raw, comments, opened, cause)
        kept = replace(memory, opened=opened_in(raw), opening=opening_in(raw))
        is_behind = not markers.listed(raw).keys() >= {comment for comment, _ in memory.comments.values()}
        versions = {comment.id: version(comment) for comment in comments}
        number = str(raw["id"])
        seen = Seen(number, place, memory, kept, is_behind, versions, service, kind_of(raw), shown.own)
        self._seen.put(ref, seen)
        assignee = people.person(fields.get("assignee"))
        return Issue(
            ref=ref,
            title=str(fields.get("summary") or ""),
            body=text_of(fields.get("description")),
            author=author,
            created_at=created,
            updated_at=moment(fields["updated"]),
            closed_at=_closed_at(fields, events),
            body_edited_at=max((item.at for item in items if item.field == "description"), default=None),
            labels=frozenset(map(str, fields.get("labels") or ())),
            assignees=(assignee,) if assignee else (),
            priority=text_of(fields.get("priority")) or "",
            fields=shown.fields,
            comments=comments,
            timeline=events,
            card=layout.card(place, moved.at if moved else created) if layout else None,
            url=self._site.link(ref.key),
            opened=tuple(opened.values()),
            opened_for=self._openings.opened_for(raw, cause),
            has_internal_comments=service,
            writable=shown.writable,
        )

    def _place(self, raw: Raw, layout: Layout | None, moved: Item | None) -> Place:
        fields = raw["fields"]
        status = fields["status"]
        columns = layout.board.columns if layout else ()
        ways = self._fetch.transitions(raw, frozenset(s for column in columns for s in column.statuses))
        name, left = " ".join(str(status.get("name", "")).split()), moved.was if moved else ""
        return Place(str(status["id"]), name, transitions_of(ways, fields), left)

    def _done_by(self, raw: Raw) -> Callable[[str], bool]:
        """Whether a status id means done: by what came with the issue, and else by the site's list of statuses."""
        came = [raw["fields"]["status"], *(way.get("to") or {} for way in raw.get("transitions") or ())]
        known = {str(status["id"]): is_done(status) for status in came if "statusCategory" in status}
        return lambda status: known[status] if status in known else status in self._site.done_statuses()

    def _comments(self, raw: Raw, people: People) -> Iterator[Comment]:
        """The comments with their markers.

        One of ours that the issue's property doesn't list may have been written just before a crash: its own property
        says so, and is asked for once.
        """
        marked, acknowledged = markers.listed(raw), acknowledged_in(raw)
        came = self._fetch.comments(raw)
        ours = [c for c in came or () if people.is_ours(c.get("author")) and str(c["id"]) not in marked]
        if came is None or any(self._own.get(_version(c)) is None for c in ours):
            came = self._fetch.comments_with_properties(raw["key"])
            for comment in came:
                self._own.put(_version(comment), (markers.own_property(comment),))
        for comment in came:
            own = marked.get(str(comment["id"])) or (self._own.get(_version(comment)) or (None,))[0]
            believed = markers.believed(own, comment, people)
            yield comment_of(comment, people, believed, acknowledged.get(str(comment["id"])))


def _remembered(raw: Raw, comments: Sequence[Comment], opened: Mapping[str, Opened], cause: Cause | None) -> Memory:
    """What the issue's property says, as far as it is true: of comments that are there, and issues that are ours."""
    there = {comment.id for comment in comments}
    children: dict[str, Child] = {}
    for number, one in opened.items():
        children.setdefault(one.key, Child(number, one.ref.key, one.opened_at))
    return Memory(
        fields=fields_in(raw, WRITTEN),
        comments=markers.by_key(comments),
        acknowledged={comment: at for comment, at in acknowledged_in(raw).items() if comment in there},
        opened=children,
        opening=opening_in(raw) - children.keys(),
        cause=cause,
    )


def _outline(raw: Raw | None, more: Sequence[str]) -> Raw | None:
    if raw is None:
        return None
    fields = raw.get("fields") or {}
    kept = {name: fields[name] for name in ("status", "issuetype", *more) if name in fields}
    return {"key": raw["key"], "fields": kept}


def _version(comment: Raw) -> tuple[str, str]:
    return str(comment["id"]), str(comment.get("updated"))


def _closed_at(fields: Raw, events: Sequence[TimelineEvent]) -> datetime | None:
    """When the status last became done; for an issue that never changed, when it was resolved or created."""
    if not is_done(fields["status"]):
        return None
    return _last(events, Happened.CLOSED) or moment(fields.get("resolutiondate") or fields["created"])


def _last(events: Sequence[TimelineEvent], kind: Happened) -> datetime | None:
    return max((event.at for event in events if event.kind is kind), default=None)
