"""New issues and new links over REST, and what a new issue may hold."""

from typing import Any

from tests.standins.jira.edits import Edit, carry_out, link_type, properties
from tests.standins.jira.routing import Answer, Call, Refused, keys, route
from tests.standins.jira.site import Site
from tests.standins.jira.state import Project
from tests.standins.jira.wire import Json


@route("POST", "/api/issue", query="updateHistory", body=True)
def create_issue(site: Site, call: Call) -> Answer:
    """Everything is checked before the issue is made; its links are made with it."""
    body = keys(call.body, "fields", "update", "properties")
    fields = dict(body.get("fields") or {})
    project = _project(site, fields.pop("project", None))
    site.permit(call, "CREATE_ISSUES", project.key)
    issue_type = _issue_type(project, fields.pop("issuetype", None))
    edit = Edit(site, call, project.key, _screen(project))
    values = edit.read({"fields": fields, "update": body.get("update")})
    if "summary" not in values:
        raise Refused(400, errors={"summary": "You must specify a summary of the issue."})
    if empty := [name for name in project.create_required if not {**values, **values.get("custom", {})}.get(name)]:
        raise Refused(400, errors={name: f"{name} is required." for name in empty})
    kept = properties(body)
    record = site.acts.create(call.by.name, project.key, values.pop("summary"), issue_type, **values, properties=kept)
    carry_out(site, call, record, edit)
    return Answer(201, {"id": str(record.id), "key": record.key, "self": site.wire(call).at(f"issue/{record.id}")})


def _screen(project: Project) -> frozenset[str]:
    return project.screen if project.create_screen is None else project.create_screen


def _project(site: Site, value: Any) -> Project:
    named = keys(value, "id", "key", where="project") if value else {}
    for project in site.world.projects.values():
        if project.key == named.get("key") or project.id == str(named.get("id")):
            return project
    raise Refused(400, errors={"project": "Specify a valid project ID or key"})


def _issue_type(project: Project, value: Any) -> str:
    named = keys(value, "id", "name", where="issuetype") if value else {}
    for type_id, name in project.issue_types:
        if name == named.get("name") or type_id == str(named.get("id")):
            if project.levels.get(type_id, 0) < 0:
                raise Refused(400, errors={"issuetype": "Issue type is a sub-task but parent issue is not specified."})
            return type_id
    raise Refused(400, errors={"issuetype": "Specify a valid issue type"})


@route("GET", "/api/issue/createmeta/{project}/issuetypes", query="startAt maxResults")
def create_types(site: Site, call: Call) -> Answer:
    project, wire = _creatable(site, call), site.wire(call)
    types = [wire.issue_type(project, type_id) for type_id, _ in project.issue_types]
    return Answer(200, site.page(call, "page", types, key="issueTypes" if site.cloud else "values"))


@route("GET", "/api/issue/createmeta/{project}/issuetypes/{type}", query="startAt maxResults")
def create_fields(site: Site, call: Call) -> Answer:
    """The fields of the screen for new issues, and the two that every new issue has."""
    project, wire = _creatable(site, call), site.wire(call)
    if call.args["type"] not in dict(project.issue_types):
        raise Refused(404, "The issue type is not in the project.")
    names = ["project", "issuetype", *sorted(_screen(project))]
    fields: list[Json] = []
    for name in names:
        required = name in {"summary", "project", "issuetype"} | project.create_required
        about = {"hasDefaultValue": False, "fieldId": name}
        fields.append(wire.edit_field(name, required) | about)
    return Answer(200, site.page(call, "page", fields, key="fields" if site.cloud else "values"))


def _creatable(site: Site, call: Call) -> Project:
    for project in site.world.projects.values():
        if call.args["project"] in (project.key, project.id) and call.by.may("CREATE_ISSUES", project.key):
            return project
    raise Refused(404, "The project does not exist, or you may not create issues in it.")


@route("POST", "/api/issueLink", body=True)
def link_issues(site: Site, call: Call) -> Answer:
    """The inward issue is the link's source. Without the permission Jira behaves as if there were no such issue."""
    body = keys(call.body, "type", "inwardIssue", "outwardIssue")
    ends = [keys(body.get(end), "key", "id", where=end) for end in ("inwardIssue", "outwardIssue")]
    source, target = (site.asked(call, str(end.get("key") or end.get("id"))) for end in ends)
    if not call.by.may("LINK_ISSUES", source.project):
        raise Refused(404, f"No Link Issue Permission for issue '{source.key}'")
    try:
        kind = link_type(site, body.get("type"))
    except Refused as refused:
        raise Refused(404, str(refused)) from refused
    site.acts.link(call.by.name, kind, source.id, target.id)
    return Answer(201)
