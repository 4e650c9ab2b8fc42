"""What a site says about itself: server, caller, permissions, projects, fields, statuses, people and webhooks."""

from typing import Any

from tests.standins.jira.routing import CLOUD, DATA_CENTER, Answer, Call, Refused, Unknown, keys, route
from tests.standins.jira.site import Site
from tests.standins.jira.state import (
    GLOBAL_PERMISSIONS,
    PROJECT_PERMISSIONS,
    Project,
    Status,
    millis,
    stamp,
)
from tests.standins.jira.wire import SYSTEM, Json
from tests.standins.jira.world import RANK_FIELD

CATEGORY_NAMES = {"new": "TODO", "indeterminate": "IN_PROGRESS", "done": "DONE"}


@route("GET", "/api/serverInfo")
def server_info(site: Site, call: Call) -> Answer:
    numbers = list(site.version)
    about = {
        "baseUrl": site.url,
        "version": ".".join(map(str, numbers)),
        "versionNumbers": numbers,
        "deploymentType": "Cloud" if site.cloud else "Server",
        "buildNumber": 100300,
        "buildDate": "2026-11-02T00:00:00.000+0000",
        "serverTime": stamp(site.world.now(), site.world.zone),
        "scmInfo": "0" * 40,
        "serverTitle": "Acme",
    }
    return Answer(200, about)


@route("GET", "/api/myself", query="expand")
def myself(site: Site, call: Call) -> Answer:
    return Answer(200, site.wire(call).person(call.by, own=True))


@route("GET", "/api/mypermissions", query="projectKey projectId issueKey issueId permissions")
def my_permissions(site: Site, call: Call) -> Answer:
    """Cloud wants to be asked for permissions by name; Data Center tells them all, whatever is asked."""
    known = PROJECT_PERMISSIONS | GLOBAL_PERMISSIONS
    asked = call.many("permissions") if site.cloud else sorted(known)
    if not asked:
        raise Refused(400, "The 'permissions' query parameter is required.")
    if strange := sorted(set(asked) - known):
        raise Refused(400, f"Unrecognized permission: {', '.join(strange)}")
    project = _asked_project(site, call)
    permissions = {}
    for name in asked:
        sort = "GLOBAL" if name in GLOBAL_PERMISSIONS else "PROJECT"
        have = call.by.may(name, "" if sort == "GLOBAL" or project is None else project)
        said = {"id": str(sorted(known).index(name)), "key": name, "name": name.replace("_", " ").title(), "type": sort}
        permissions[name] = said | {"description": "", "havePermission": have}
    return Answer(200, {"permissions": permissions})


def _asked_project(site: Site, call: Call) -> str | None:
    if issue := call.one("issueKey") or call.one("issueId"):
        return site.asked(call, issue).project
    named = call.one("projectKey") or call.one("projectId")
    return _project(site, call, named).key if named else None


def _project(site: Site, call: Call, name: str) -> Project:
    for project in site.world.projects.values():
        if name in (project.key, project.id) and call.by.may("BROWSE_PROJECTS", project.key):
            return project
    raise Refused(404, f"No project could be found with key '{name}'.")


@route("GET", "/api/field")
def fields(site: Site, call: Call) -> Answer:
    wire = site.wire(call)
    names = {name: SYSTEM[name][0] for name in SYSTEM} | {f.id: f.name for f in site.world.fields.values()}
    said = []
    for field_id, name in (names | {RANK_FIELD: "Rank"}).items():
        custom = field_id.startswith("customfield_")
        clauses = [f"cf[{field_id.removeprefix('customfield_')}]", name] if custom else [field_id]
        about: Json = {"id": field_id, "name": name, "custom": custom, "clauseNames": clauses}
        about |= {"orderable": True, "navigable": True, "searchable": True, "schema": wire.field_schema(field_id)}
        said.append(about | _scope(site, field_id) | ({"key": field_id} if site.cloud else {}))
    return Answer(200, said)


def _scope(site: Site, field_id: str) -> Json:
    """A team-managed project's own field says whose it is."""
    field = site.world.fields.get(field_id)
    if field is None or not field.project:
        return {}
    return {"scope": {"type": "PROJECT", "project": {"id": site.world.projects[field.project].id}}}


@route("GET", "/api/priority/search", query="startAt maxResults id projectId priorityName onlyDefault", on=CLOUD)
def search_priorities(site: Site, call: Call) -> Answer:
    wanted = call.many("id")
    shown = [p for p in site.world.priorities.values() if not wanted or p.id in wanted]
    return Answer(200, site.page(call, "page", [site.wire(call).priority(p.id) for p in shown]))


@route("GET", "/api/priority")
def priorities(site: Site, call: Call) -> Answer:
    return Answer(200, [site.wire(call).priority(p) for p in site.world.priorities])


@route("GET", "/api/project/search", query="startAt maxResults orderBy id keys query typeKey action", on=CLOUD)
def search_projects(site: Site, call: Call) -> Answer:
    wanted = call.many("keys")
    if action := set(call.many("action")) - {"view", "browse", "edit"}:
        raise Unknown(f"action {sorted(action)}")
    shown = [p for p in _browsable(site, call) if not wanted or p.key in wanted]
    return Answer(200, site.page(call, "page", [site.wire(call).project(p) for p in shown]))


@route("GET", "/api/project", on=DATA_CENTER)
def all_projects(site: Site, call: Call) -> Answer:
    return Answer(200, [site.wire(call).project(p) for p in _browsable(site, call)])


def _browsable(site: Site, call: Call) -> list[Project]:
    return [p for p in site.world.projects.values() if call.by.may("BROWSE_PROJECTS", p.key)]


@route("GET", "/api/project/{project}", query="expand")
def get_project(site: Site, call: Call) -> Answer:
    project, wire = _project(site, call, call.args["project"]), site.wire(call)
    call.expand("issueTypes", "lead", "description")
    types = [wire.issue_type(project, type_id) for type_id, _ in project.issue_types]
    return Answer(200, wire.project(project) | {"issueTypes": types} | ({"style": "classic"} if site.cloud else {}))


@route("GET", "/api/project/{project}/statuses")
def project_statuses(site: Site, call: Call) -> Answer:
    project, wire = _project(site, call, call.args["project"]), site.wire(call)
    shown = [wire.status(site.world.statuses[s]) for s in project.statuses]
    types = [wire.issue_type(project, type_id) for type_id, _ in project.issue_types]
    return Answer(200, [kind | {"statuses": shown} for kind in types])


@route("GET", "/api/status")
def statuses(site: Site, call: Call) -> Answer:
    return Answer(200, [site.wire(call).status(s) for s in site.world.statuses.values()])


@route("GET", "/api/statuses/search", query="projectId startAt maxResults searchString statusCategory", on=CLOUD)
def search_statuses(site: Site, call: Call) -> Answer:
    text, category = (call.one("searchString") or "").lower(), call.one("statusCategory")
    shown = [_bulk_status(s) for s in site.world.statuses.values() if text in s.name.lower()]
    return Answer(200, site.page(call, "page", [s for s in shown if category in (None, s["statusCategory"])]))


@route("POST", "/api/statuses", on=CLOUD, body=True)
def create_statuses(site: Site, call: Call) -> Answer:
    """Global statuses, by administrators. They are in no workflow and no column yet."""
    site.permit(call, "ADMINISTER")
    body = keys(call.body, "scope", "statuses")
    if keys(body.get("scope"), "type", "project", where="scope").get("type") != "GLOBAL":
        raise Refused(400, "Statuses of company-managed projects must have the scope GLOBAL.")
    made = [_new_status(site, entry) for entry in body.get("statuses", [])]
    site.world.statuses |= {status.id: status for status in made}
    return Answer(200, [_bulk_status(status) for status in made])


def _new_status(site: Site, entry: Any) -> Status:
    keys(entry, "name", "statusCategory", "description", where="statuses[]")
    categories = {name: key for key, name in CATEGORY_NAMES.items()}
    if entry.get("statusCategory") not in categories:
        raise Refused(400, f"statusCategory must be one of {', '.join(categories)}.")
    if any(status.name == entry["name"] for status in site.world.statuses.values()):
        raise Refused(400, f"The status name {entry['name']!r} is already in use.")
    return Status(str(site.world.next_id()), entry["name"], categories[entry["statusCategory"]])  # type: ignore[arg-type]


def _bulk_status(status: Status) -> Json:
    said = {"id": status.id, "name": status.name, "statusCategory": CATEGORY_NAMES[status.category]}
    return said | {"scope": {"type": "GLOBAL"}, "description": ""}


@route(
    "GET",
    "/api/user/assignable/search",
    query="query username accountId project issueKey startAt maxResults",
)
def assignable(site: Site, call: Call) -> Answer:
    """People who can be assigned in a project. Cloud matches display name and e-mail address, Data Center the name."""
    if call.one("username" if site.cloud else "query") or (call.one("accountId") and not site.cloud):
        raise Refused(400, "Cloud is asked by query or accountId, Data Center by username.")
    issue, project = call.one("issueKey"), call.one("project")
    if not issue and not project:
        raise Refused(400, "Either the 'project' or the 'issueKey' query parameter is required.")
    key = site.asked(call, issue).project if issue else _project(site, call, project or "").key
    text, account = (call.one("query") or call.one("username") or "").lower(), call.one("accountId")
    people = [p for p in site.world.people.values() if p.active and p.may("ASSIGNABLE_USER", key)]
    if text and text != ".":
        people = [p for p in people if p.name.lower().startswith(text) or p.email.lower().startswith(text)]
    people = [p for p in people if account in (None, p.id)]
    start, size = call.number("startAt", 0), site.page_size(call, "users")
    return Answer(200, [site.wire(call).person(p) for p in people[start : start + size]])


# Administrators' webhooks, at the address and in the form of each product and version.


def _hooks_here(site: Site, call: Call) -> None:
    modern = call.path.startswith("/rest/jira-webhook/")
    if modern != (not site.cloud and site.version >= (10, 0, 0)):
        raise Refused(404, f"null for uri: {site.url}{call.path}")
    site.permit(call, "ADMINISTER")


@route("GET", "/rest/webhooks/1.0/webhook")
@route("GET", "/rest/jira-webhook/1.0/webhooks")
def get_webhooks(site: Site, call: Call) -> Answer:
    _hooks_here(site, call)
    return Answer(200, [_hook(site, call, hook) for hook in site.webhooks])


@route("POST", "/rest/webhooks/1.0/webhook", body=True)
def add_webhook(site: Site, call: Call) -> Answer:
    _hooks_here(site, call)
    body = keys(call.body, "name", "url", "events", "filters", "excludeBody", "secret", "enabled", "description")
    return _register(site, call, body, body.get("secret"))


@route("POST", "/rest/jira-webhook/1.0/webhooks", body=True)
def add_modern_webhook(site: Site, call: Call) -> Answer:
    """The secret belongs into `configuration.SECRET`; one at the top is taken without a word and signs nothing."""
    _hooks_here(site, call)
    body = keys(call.body, "name", "url", "events", "configuration", "secret", "active", "sslVerificationRequired")
    return _register(site, call, body, (body.get("configuration") or {}).get("SECRET"))


def _register(site: Site, call: Call, body: Json, secret: str | None) -> Answer:
    if missing := [name for name in ("name", "url", "events") if not body.get(name)]:
        raise Refused(400, f"Missing: {', '.join(missing)}")
    hook = {**body, "id": len(site.webhooks) + 1, "SECRET": secret, "updated": millis(site.world.now())}
    site.webhooks.append(hook)
    return Answer(201, _hook(site, call, hook))


def _hook(site: Site, call: Call, hook: Json) -> Json:
    """The secret is never told again; the older form says whether there is one."""
    said = {name: hook[name] for name in ("name", "url", "events")} | {"self": f"{site.url}{call.path}/{hook['id']}"}
    if call.path.startswith("/rest/jira-webhook/"):
        kept = {k: v for k, v in (hook.get("configuration") or {}).items() if k != "SECRET"}
        return said | {"id": hook["id"], "active": hook.get("active", True), "configuration": kept}
    said |= {"filters": hook.get("filters", {}), "excludeBody": hook.get("excludeBody", False), "enabled": True}
    return said | {"isSigned": bool(hook["SECRET"]), "lastUpdated": hook["updated"]}
