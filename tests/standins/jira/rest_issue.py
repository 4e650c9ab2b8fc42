"""Issues over REST: reading, editing, transitions, history and properties."""

from tests.standins.jira.edits import Edit, carry_out, properties, sized
from tests.standins.jira.routing import CLOUD, Answer, Call, Refused, Unknown, keys, route
from tests.standins.jira.site import EXPANDABLE, Site
from tests.standins.jira.state import Record
from tests.standins.jira.wire import Json

ISSUE_QUERY = "fields expand properties updateHistory"


@route("GET", "/api/issue/{issue}", query=f"{ISSUE_QUERY} fieldsByKeys failFast")
def get_issue(site: Site, call: Call) -> Answer:
    record = site.asked(call, lagging=True)
    return Answer(200, site.show(call, record, call.many("fields"), call.expand(*EXPANDABLE), call.many("properties")))


@route("POST", "/api/issue/bulkfetch", on=CLOUD, body=True)
def bulk_fetch(site: Site, call: Call) -> Answer:
    """At most 100; found ones in order of id, each once; the others are named in issueErrors."""
    body = keys(call.body, "issueIdsOrKeys", "fields", "expand", "properties", "fieldsByKeys")
    names = body.get("issueIdsOrKeys")
    if not isinstance(names, list) or not names or len(names) > 100:
        raise Refused(400, "issueIdsOrKeys must hold 1 to 100 ids or keys.")
    found: dict[int, Record] = {}
    errors: list[Json] = []
    for name in names:
        try:
            record = site.asked(call, str(name), lagging=True)
        except Refused as refused:
            errors.append({"id": str(name), "errorMessage": str(refused)})
            continue
        found[record.id] = record
    expand = frozenset(body.get("expand", []))
    if strange := expand - set(EXPANDABLE):
        raise Unknown(f"expand {sorted(strange)}")
    wanted, shown = body.get("fields", []), body.get("properties", [])
    issues = [site.show(call, found[i], wanted, expand, shown, "bulk", "*navigable") for i in sorted(found)]
    return Answer(200, {"issues": issues, "issueErrors": errors})


@route(
    "PUT",
    "/api/issue/{issue}",
    query="notifyUsers overrideScreenSecurity overrideEditableFlag returnIssue expand",
    body=True,
)
def edit_issue(site: Site, call: Call) -> Answer:
    record = site.asked(call)
    site.permit(call, "EDIT_ISSUES", record.project)
    if not call.flag("notifyUsers", True) and not (
        call.by.may("ADMINISTER") or call.by.may("ADMINISTER_PROJECTS", record.project)
    ):
        raise Refused(403, "To discard the user notification either admin or project admin permissions are required.")
    if call.flag("overrideScreenSecurity", False) or call.flag("overrideEditableFlag", False):
        raise Refused(403, "Only Connect and Forge apps can override screens.")
    body = keys(call.body, "fields", "update", "properties")
    edit = Edit(site, call, record.project, site.world.edit_screen(record), record)
    values = edit.read(body)
    if "properties" in body:
        values["properties"] = {**record.properties, **properties(body)}
    after = site.acts.change(record, call.by.name, **values)
    after = carry_out(site, call, after, edit)
    if site.cloud and call.flag("returnIssue", False):
        return Answer(200, site.show(call, after, [], call.expand(*EXPANDABLE), []))
    return Answer(204)


@route("PUT", "/api/issue/{issue}/assignee", body=True)
def assign(site: Site, call: Call) -> Answer:
    record = site.asked(call)
    site.permit(call, "ASSIGN_ISSUES", record.project)
    body = keys(call.body, "accountId" if site.cloud else "name")
    nobody = next(iter(body.values()), None) is None
    edit = Edit(site, call, record.project, ())
    site.acts.change(record, call.by.name, assignee=None if nobody else edit.assignee(body))
    return Answer(204)


@route("GET", "/api/issue/{issue}/editmeta", query="overrideScreenSecurity overrideEditableFlag")
def edit_meta(site: Site, call: Call) -> Answer:
    return Answer(200, site.editmeta(call, site.asked(call, lagging=True)))


@route("GET", "/api/issue/{issue}/changelog", query="startAt maxResults", on=CLOUD)
def changelog(site: Site, call: Call) -> Answer:
    """Oldest first, in pages. Data Center has no such resource (seen on 9.12)."""
    record, wire = site.asked(call, lagging=True), site.wire(call)
    page = site.page(call, "changelog", [wire.history(history) for history in record.histories])
    return Answer(200, page | {"self": f"{site.url}{call.path}"})


@route("POST", "/api/changelog/bulkfetch", on=CLOUD, body=True)
def bulk_changelog(site: Site, call: Call) -> Answer:
    body = keys(call.body, "issueIdsOrKeys", "fieldIds")
    wanted, wire = set(body.get("fieldIds", [])), site.wire(call)
    logs = []
    for name in body["issueIdsOrKeys"]:
        record = site.asked(call, str(name), lagging=True)
        kept = [h for h in record.histories if not wanted or wanted & {item.field_id for item in h.items}]
        logs.append({"issueId": str(record.id), "changeHistories": [wire.history(history) for history in kept]})
    return Answer(200, {"issueChangeLogs": logs})


@route("GET", "/api/issue/{issue}/transitions", query="expand transitionId")
def get_transitions(site: Site, call: Call) -> Answer:
    """A lagging reader is shown the steps from where the issue was."""
    record = site.asked(call, lagging=True)
    steps = site.transitions(call, record, "transitions.fields" in call.expand("transitions", "transitions.fields"))
    only = call.one("transitionId")
    return Answer(200, {"expand": "transitions", "transitions": [s for s in steps if only in (None, s["id"])]})


@route("POST", "/api/issue/{issue}/transitions", body=True)
def do_transition(site: Site, call: Call) -> Answer:
    """The id must be a string; only fields of the transition's own screen may be set, and its required ones must be."""
    record = site.asked(call)
    site.permit(call, "TRANSITION_ISSUES", record.project)
    body = keys(call.body, "transition", "fields", "update", "properties")
    named = keys(body.get("transition"), "id", where="transition").get("id")
    if not isinstance(named, str):
        raise Refused(400, "Can not deserialize instance of java.lang.String out of the transition's id.")
    step = next((s for s in site.world.transitions(record) if s.id == named), None)
    if step is None:
        raise Refused(400, f"Transition id '{named}' is not valid for this issue.")
    edit = Edit(site, call, record.project, step.required if step.screen else (), record)
    values = edit.read(body)
    if missing := [name for name in step.required if values.get(name, values.get("custom", {}).get(name)) is None]:
        raise Refused(400, errors={name: f"{name} is required." for name in missing})
    if "properties" in body:
        values["properties"] = {**record.properties, **properties(body)}
    carry_out(site, call, site.acts.step(record, call.by.name, step, **values), edit)
    return Answer(204)


@route("GET", "/api/issue/{issue}/properties")
def property_keys(site: Site, call: Call) -> Answer:
    record = site.asked(call, lagging=True)
    return Answer(200, {"keys": [{"self": f"{site.url}{call.path}/{key}", "key": key} for key in record.properties]})


@route("GET", "/api/issue/{issue}/properties/{key}")
def get_property(site: Site, call: Call) -> Answer:
    record, key = site.asked(call, lagging=True), call.args["key"]
    if key not in record.properties:
        raise Refused(404, f"The property with key '{key}' does not exist.")
    return Answer(200, {"key": key, "value": record.properties[key]})


@route("PUT", "/api/issue/{issue}/properties/{key}", body=True)
def put_property(site: Site, call: Call) -> Answer:
    record, key = site.asked(call), call.args["key"]
    site.permit(call, "EDIT_ISSUES", record.project)
    site.acts.put_property(record, key, sized(key, call.body))
    return Answer(200 if key in record.properties else 201)


@route("DELETE", "/api/issue/{issue}/properties/{key}")
def delete_property(site: Site, call: Call) -> Answer:
    record, key = site.asked(call), call.args["key"]
    site.permit(call, "EDIT_ISSUES", record.project)
    if key not in record.properties:
        raise Refused(404, f"The property with key '{key}' does not exist.")
    site.acts.drop_property(record, key)
    return Answer(204)
