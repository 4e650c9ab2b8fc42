"""Finding issues, page by page. A search lags behind, so it only names issues; it is never read from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.jira.client import PLATFORM, found
from adapters.jira.history import moment
from adapters.jira.site import Site
from adapters.tracker import Page
from mapping.issue import IssueRef

CLOUD_PAGE = 1000  # Jira Cloud gives up to 5,000 when only keys are asked for
DATA_CENTER_PAGE = 100


def pages(
    tracker: str, site: Site, projects: Sequence[str], since: datetime | None, cursor: str | None
) -> Iterator[Page]:
    """The projects' open issues, or all that were updated since then with the time of that, in the order of their keys.

    The cursor is Jira's own, good for a week on Cloud.
    """
    if since is None:
        return walk(tracker, site, query(projects, since, "UTC"), cursor)
    return walk(tracker, site, query(projects, since, site.me().time_zone), cursor, "updated")


def walk(tracker: str, site: Site, jql: str, cursor: str | None = None, field: str = "key") -> Iterator[Page]:
    """The issues that a query means, page by page, from the cursor on; `field` is what is asked of each."""
    next_page = _cloud_page if site.is_cloud else _page
    while True:
        page = next_page(tracker, site, {"jql": jql, "fields": [field]}, cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


def _cloud_page(tracker: str, site: Site, asked: Mapping[str, Any], cursor: str | None) -> Page:
    after = {} if cursor is None else {"nextPageToken": cursor}
    body = {**asked, "maxResults": CLOUD_PAGE, **after}
    answer = found(site.client.call("POST", f"{PLATFORM}/search/jql", body), "issues")
    last = answer.get("isLast") is True or not answer["issues"]
    refs, updated = _refs(tracker, answer["issues"])
    return Page(refs, None if last else answer.get("nextPageToken"), updated=updated)


def _page(tracker: str, site: Site, asked: Mapping[str, Any], cursor: str | None) -> Page:
    start = int(cursor or 0)
    body = {**asked, "maxResults": DATA_CENTER_PAGE, "startAt": start}
    answer = found(site.client.call("POST", f"{PLATFORM}/search", body), "issues", "total")
    reached = start + len(answer["issues"])
    last = not answer["issues"] or reached >= int(answer["total"])
    refs, updated = _refs(tracker, answer["issues"])
    return Page(refs, None if last else str(reached), int(answer["total"]), updated)


def _refs(tracker: str, issues: Sequence[Mapping[str, Any]]) -> tuple[tuple[IssueRef, ...], dict[IssueRef, datetime]]:
    """The issues' names, and their times of last update where these were asked for."""
    named = {IssueRef(tracker, str(issue["key"])): (issue.get("fields") or {}).get("updated") for issue in issues}
    return tuple(named), {ref: moment(updated) for ref, updated in named.items() if updated}


def query(projects: Sequence[str], since: datetime | None, time_zone: str) -> str:
    """The JQL for open issues, or for all updated since then; bounded by the projects, as Jira Cloud demands."""
    which = "statusCategory != Done"
    if since is not None:
        which = f'updated >= "{_local(since, time_zone):%Y-%m-%d %H:%M}"'
    return f"{in_projects(projects)} AND {which} ORDER BY key ASC"


def in_projects(projects: Sequence[str]) -> str:
    """The JQL clause for these projects."""
    return among("project", projects)


def among(field: str, values: Iterable[str]) -> str:
    """The JQL clause for any of these values."""
    return f"{field} in ({', '.join(map(quoted, values))})"


def quoted(text: str) -> str:
    """A JQL string that holds just this text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(" " if ord(sign) < 32 else sign for sign in escaped) + '"'


def _local(since: datetime, time_zone: str) -> datetime:
    """The wall clock time that JQL means, in whole minutes, rather too early than too late.

    JQL reads times in the account's own zone: an unknown one is taken for the westernmost (UTC-12), and the hour that
    comes twice when clocks go back for its first coming.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return since.astimezone(UTC) - timedelta(hours=12)
    local = since.astimezone(zone)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local - timedelta(hours=1) if twice else local
