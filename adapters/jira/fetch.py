"""Getting issues whole: one request for a hundred on Cloud, and more only for what Jira cut off."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.jira.cache import Recent
from adapters.jira.client import PLATFORM, found, issue_path
from adapters.jira.errors import Refused
from adapters.jira.markers import PROPERTY
from adapters.jira.site import Site

MOST_AT_ONCE = 100  # issues in a bulk fetch
COMMENTS_PAGE = 1000
HISTORY_PAGE = 100
EXPAND = ("changelog", "transitions", "transitions.fields")
FIELDS = (
    *("summary", "description", "reporter", "creator", "created", "updated", "resolutiondate", "status", "labels"),
    *("assignee", "priority", "comment", "project", "issuetype", "issuelinks"),
)
OF_LINKED = ("created", "status", "resolutiondate", "statuscategorychangedate", "creator")

Raw = Mapping[str, Any]


class Fetcher:
    """Asks a site for issues and their parts, in as few requests as it allows."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._screens: Recent[dict[str, Raw]] = Recent(500)

    def issues(self, keys: Sequence[str], more: Sequence[str]) -> dict[str, Raw | None]:
        """The issues by the name they were asked for (None: not there), with `more` fields beside the usual ones."""
        fields = [*FIELDS, *more]
        if not self._site.is_cloud:  # Data Center has no bulk fetch
            return {key: self._one(key, fields) for key in keys}
        got: dict[str, Raw | None] = {}
        for start in range(0, len(keys), MOST_AT_ONCE):
            got |= self._many(keys[start : start + MOST_AT_ONCE], fields)
        return got

    def _many(self, keys: Sequence[str], fields: list[str]) -> dict[str, Raw | None]:
        came = self._bulk(keys, fields, EXPAND)
        named = {str(raw[name]): raw for raw in came for name in ("id", "key")}
        # A bulk fetch need not follow the old key of a moved issue; asking for the issue itself does.
        return {key: named.get(key) or self._one(key, fields) for key in keys}

    def _one(self, key: str, fields: list[str]) -> Raw | None:
        return self._get(key, fields, {"expand": ",".join(EXPAND)}, {404, 410})

    def linked(self, ids: Sequence[str]) -> dict[str, Raw]:
        """What has to be known of issues beside the ones read, by id; those that can't be read are left out."""
        if not self._site.is_cloud:
            got = ((number, self._get(number, OF_LINKED, {}, {403, 404, 410})) for number in ids)
            return {number: raw for number, raw in got if raw is not None}
        came: list[Raw] = []
        for start in range(0, len(ids), MOST_AT_ONCE):
            came += self._bulk(ids[start : start + MOST_AT_ONCE], OF_LINKED, ())
        return {str(raw["id"]): raw for raw in came}

    def _bulk(self, names: Sequence[str], fields: Sequence[str], expand: Sequence[str]) -> Sequence[Raw]:
        body = {"issueIdsOrKeys": list(names), "fields": list(fields), "properties": [PROPERTY]}
        body |= {"expand": list(expand)} if expand else {}
        answer = found(self._site.client.call("POST", f"{PLATFORM}/issue/bulkfetch", body), "issues")
        return list(answer["issues"])

    def _get(self, name: str, fields: Sequence[str], more: Mapping[str, str], unreadable: set[int]) -> Raw | None:
        params = {"fields": ",".join(fields), "properties": PROPERTY, **more}
        try:
            return found(self._site.client.call("GET", issue_path(name), **params), "id", "key", "fields")
        except Refused as refusal:
            if refusal.status in unreadable:
                return None
            raise

    def histories(self, issue: Raw) -> list[Raw]:
        """The whole changelog; what came with the issue if that is all of it."""
        came = issue.get("changelog") or {}
        once: dict[str, Raw] = {str(history["id"]): history for history in came.get("histories") or ()}
        start = 0
        while len(once) < int(came.get("total") or 0):
            path = issue_path(issue["key"], "changelog")
            page = self._site.client.call("GET", path, startAt=start, maxResults=HISTORY_PAGE)["values"]
            if not page:
                break
            once |= {str(history["id"]): history for history in page}
            start += len(page)
        return list(once.values())

    def comments(self, issue: Raw) -> list[Raw] | None:
        """The comments that came with the issue, or None where Jira cut them off."""
        came = issue["fields"].get("comment") or {}
        comments = list(came.get("comments") or ())
        return comments if len(comments) >= int(came.get("total") or 0) else None

    def comments_with_properties(self, key: str) -> list[Raw]:
        """All comments, with the properties that an issue's own answer leaves out."""
        comments: list[Raw] = []
        while True:
            page = self._site.client.call(
                "GET", issue_path(key, "comment"), expand="properties", startAt=len(comments), maxResults=COMMENTS_PAGE
            )
            comments += page["comments"]
            if not page["comments"] or len(comments) >= int(page.get("total") or 0):
                return comments

    def transitions(self, issue: Raw, into: frozenset[str]) -> list[Raw]:
        """The issue's transitions. A screen on the way into these statuses that didn't come along is asked for.

        A screen belongs to the workflow, so issues of one type in one status share the answer.
        """
        ways: list[Raw] = list(issue.get("transitions") or ())
        if not any(_may_have_a_screen(way) and _target(way) in into for way in ways):
            return ways
        fields = issue["fields"]
        same = tuple(str((fields.get(name) or {}).get("id")) for name in ("project", "issuetype", "status"))
        screens = self._screens.get(same)
        if screens is None or any(str(way["id"]) not in screens for way in ways):
            path = issue_path(issue["key"], "transitions")
            answer = found(self._site.client.call("GET", path, expand="transitions.fields"), "transitions")
            screens = {str(way["id"]): way.get("fields") or {} for way in answer["transitions"]}
            self._screens.put(same, screens)
        return [{**way, "fields": screens.get(str(way["id"]), {})} for way in ways]


def _may_have_a_screen(way: Raw) -> bool:
    """Data Center doesn't say `hasScreen`."""
    return "fields" not in way and way.get("hasScreen") is not False


def _target(way: Raw) -> str:
    return str((way.get("to") or {}).get("id", ""))
