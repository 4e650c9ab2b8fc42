"""Searches: Cloud's token pages, Data Center's numbered ones. Both may lag more than other reads."""

import re

from tests.standins.jira.jql import parse
from tests.standins.jira.routing import CLOUD, Answer, Call, Refused, Unknown, keys, route
from tests.standins.jira.site import EXPANDABLE, Site
from tests.standins.jira.state import Record
from tests.standins.jira.wire import Json

QUERY = "jql nextPageToken maxResults fields expand properties fieldsByKeys failFast reconcileIssues"


def found(site: Site, call: Call, jql: str, reconciled: tuple[int, ...] = ()) -> list[Record]:
    """The issues that the caller may see and the query means; reconciled ones are looked at as they are now."""
    lag = site.lag + site.search_lag
    fresh = {i: site.world.record(i) for i in reconciled}
    records = [fresh.get(record.id) or record for record in site.world.records(lag)]
    records = [record for record in records if call.by.may("BROWSE_PROJECTS", record.project)]
    return parse(jql, site.world, call.by.name).run(records)


@route("GET", "/api/search/jql", query=QUERY, on=CLOUD)
def search_get(site: Site, call: Call) -> Answer:
    size = call.number("maxResults", 50)
    expand = frozenset(call.many("expand"))
    reconciled = tuple(int(i) for i in call.many("reconcileIssues"))
    lists = (call.many("fields"), call.many("properties"))
    return _token_page(site, call, call.one("jql") or "", call.one("nextPageToken"), size, lists, expand, reconciled)


@route("POST", "/api/search/jql", on=CLOUD, body=True)
def search_post(site: Site, call: Call) -> Answer:
    body = keys(call.body, *QUERY.replace("failFast ", "").split())
    for name, kind in (("jql", str), ("expand", str), ("fields", list), ("properties", list), ("maxResults", int)):
        if name in body and not isinstance(body[name], kind):
            raise Refused(400, f"Invalid request payload: {name}")
    expand = frozenset(filter(None, body.get("expand", "").split(",")))
    lists = (body.get("fields", []), body.get("properties", []))
    reconciled = tuple(body.get("reconcileIssues", []))
    size = body.get("maxResults", 50)
    return _token_page(site, call, body.get("jql", ""), body.get("nextPageToken"), size, lists, expand, reconciled)


def _token_page(
    site: Site,
    call: Call,
    jql: str,
    token: str | None,
    size: int,
    lists: tuple[list[str], list[str]],
    expand: frozenset[str],
    reconciled: tuple[int, ...],
) -> Answer:
    """`fields` is `id` unless said otherwise; the query must be bounded; the token says where to go on."""
    fields, properties = lists
    if strange := expand - set(EXPANDABLE):
        raise Unknown(f"expand {sorted(strange)}")
    if not re.sub(r"\border\s+by\b.*", "", jql, flags=re.I).strip():
        raise Refused(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    if len(properties) > 5 or len(reconciled) > 50:
        raise Refused(400, "At most 5 properties and 50 issues to reconcile.")
    if token is not None and not re.fullmatch(r"from-\d+", token):
        raise Refused(400, "The provided next page token is invalid or expired.")
    size = min(size, site.page_sizes["search_ids" if set(fields) <= {"id", "key"} else "search"])
    start = int(token.removeprefix("from-")) if token else 0
    issues = found(site, call, jql, reconciled)
    shown = [_hit(site, call, record, fields, expand, properties) for record in issues[start : start + size]]
    page: Json = {"issues": shown, "isLast": start + size >= len(issues)}
    return Answer(200, page if page["isLast"] else page | {"nextPageToken": f"from-{start + size}"})


def _hit(
    site: Site, call: Call, record: Record, fields: list[str], expand: frozenset[str], properties: list[str]
) -> Json:
    if set(fields) <= {"id"} and not expand and not properties:
        return {"id": str(record.id)}
    return site.show(call, record, fields or ["id"], expand, properties, "search")


@route("GET", "/api/search", query="jql startAt maxResults validateQuery fields expand properties")
def old_search(site: Site, call: Call) -> Answer:
    if site.cloud:
        raise Refused(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")
    expand, size = call.expand(*EXPANDABLE), call.number("maxResults", 50)
    start = call.number("startAt", 0)
    return _numbered_page(
        site, call, call.one("jql") or "", (start, size), (call.many("fields"), call.many("properties")), expand
    )


@route("POST", "/api/search", body=True)
def old_search_post(site: Site, call: Call) -> Answer:
    if site.cloud:
        raise Refused(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")
    body = keys(call.body, "jql", "startAt", "maxResults", "validateQuery", "fields", "expand")
    expand = frozenset(body.get("expand") or [])
    if strange := expand - set(EXPANDABLE):
        raise Unknown(f"expand {sorted(strange)}")
    window = (body.get("startAt", 0), body.get("maxResults", 50))
    return _numbered_page(site, call, body.get("jql", ""), window, (body.get("fields") or [], []), expand)


def _numbered_page(
    site: Site,
    call: Call,
    jql: str,
    window: tuple[int, int],
    lists: tuple[list[str], list[str]],
    expand: frozenset[str],
) -> Answer:
    start, size = window[0], min(window[1], site.page_sizes["search"])
    issues = found(site, call, jql)
    shown = [
        site.show(call, r, lists[0], expand, lists[1], "search", "*navigable") for r in issues[start : start + size]
    ]
    expandable = "schema,names"
    return Answer(
        200, {"expand": expandable, "startAt": start, "maxResults": size, "total": len(issues), "issues": shown}
    )
