"""Issues that we opened because of others: listed in the property of those, or found by their links."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.jira.cache import Recent
from adapters.jira.fetch import Fetcher, Raw
from adapters.jira.history import moment
from adapters.jira.memory import Cause, cause_in, is_whole, opened_in, opening_in
from adapters.jira.site import Site, is_done
from mapping.issue import IssueRef, Opened


@dataclass(frozen=True, slots=True)
class Kin:
    """What another issue turned out to be while it had this status (its id); `cause` is None if it isn't our making."""

    key: str
    status: str
    cause: Cause | None
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stub:
    """A linked issue as the link shows it: its key now and the id of its status."""

    key: str
    status: str


class Openings:
    """Knows the issues that we opened, and asks for those that it doesn't know."""

    def __init__(self, tracker: str, site: Site, fetch: Fetcher) -> None:
        self._tracker = tracker
        self._site = site
        self._fetch = fetch
        self._known: Recent[Kin] = Recent(10_000)

    def look(self, issues: Iterable[Raw]) -> dict[str, Kin]:
        """By id what these issues' candidates are: on Cloud one request for a hundred, none for what is known.

        One that can't be read is missing.
        """
        wanted = {number: stub for issue in issues for number, stub in self._candidates(issue).items()}
        known = {number: self._still_known(number, stub) for number, stub in wanted.items()}
        found = {number: kin for number, kin in known.items() if kin is not None}
        for number, raw in self._fetch.linked([number for number, kin in known.items() if kin is None]).items():
            try:
                found[number] = self._kin(raw)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # as good as not readable
            self._known.put(number, found[number])
        return found

    def of(self, issue: Raw, found: Mapping[str, Kin]) -> dict[str, Opened]:
        """The issues that we opened because of this one, by their ids, oldest first.

        What is listed and can't be read is taken as it was listed, and as not closed.
        """
        ours: dict[str, Opened] = {}
        for number in self._candidates(issue):
            kin = found.get(number)
            if kin is not None and kin.cause is not None and _is_about(kin.cause, issue):
                ours[number] = Opened(kin.cause.key, IssueRef(self._tracker, kin.key), kin.opened_at, kin.closed_at)
        for key, child in opened_in(issue).items():
            if child.id not in found:
                ours[child.id] = Opened(key, IssueRef(self._tracker, child.key), child.at)
        return dict(sorted(ours.items(), key=lambda item: (item[1].opened_at, item[1].ref)))

    def cause_of(self, issue: Raw) -> Cause | None:
        """Why we opened this issue; None where it isn't our making, whatever its property says."""
        return cause_in(issue) if self._is_ours(issue["fields"].get("creator")) else None

    def opened_for(self, issue: Raw, cause: Cause | None) -> IssueRef | None:
        """The issue because of which we opened this one, by the key that it has now if a link shows it."""
        if cause is None:
            return None
        stub = stubs(issue).get(cause.id)
        return IssueRef(self._tracker, stub.key if stub else cause.issue)

    def _candidates(self, issue: Raw) -> dict[str, Stub | None]:
        """By id the issues that may be our making: those listed, and any linked one after an answer was lost."""
        linked, listed = stubs(issue), opened_in(issue)
        if opening_in(issue) - listed.keys() or self._has_lost_its_property(issue):
            return {child.id: None for child in listed.values()} | linked
        return {child.id: linked.get(child.id) for child in listed.values()}

    def _has_lost_its_property(self, issue: Raw) -> bool:
        came = (issue["fields"].get("comment") or {}).get("comments") or ()
        return not is_whole(issue) and any(self._is_ours(comment.get("author")) for comment in came)

    def _still_known(self, number: str, stub: Stub | None) -> Kin | None:
        """What is known, unless it is ours and was moved since, or may have been closed or reopened."""
        kin = self._known.get(number)
        return kin if kin and (kin.cause is None or stub == Stub(kin.key, kin.status)) else None

    def _kin(self, raw: Raw) -> Kin:
        fields = raw["fields"]
        closed = fields.get("resolutiondate") or fields.get("statuscategorychangedate") or fields["created"]
        return Kin(
            str(raw["key"]),
            str(fields["status"]["id"]),
            self.cause_of(raw),
            moment(fields["created"]),
            moment(closed) if is_done(fields["status"]) else None,
        )

    def _is_ours(self, user: Any) -> bool:
        return self._site.people("").is_ours(user)


def stubs(issue: Raw) -> dict[str, Stub | None]:
    """The linked issues by id."""
    return dict(_stubs(issue["fields"].get("issuelinks") or ()))


def _stubs(links: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Stub]]:
    for link in links:
        for end in ("inwardIssue", "outwardIssue"):
            if other := link.get(end):
                status = (other.get("fields") or {}).get("status") or {}
                yield str(other["id"]), Stub(str(other["key"]), str(status.get("id")))


def _is_about(cause: Cause, issue: Raw) -> bool:
    return cause.id == str(issue["id"]) or cause.issue == issue["key"]
