"""New custom fields, and the default screen that they are put on. Administrators only."""

from typing import get_args

from tests.standins.jira.routing import Answer, Call, Refused, keys, route
from tests.standins.jira.site import Site
from tests.standins.jira.state import CustomField, FieldKind
from tests.standins.jira.wire import TYPES, Json

SEARCHERS: dict[str, tuple[str, ...]] = {
    "textfield": ("textsearcher",),
    "textarea": ("textsearcher",),
    "float": ("exactnumber", "numberrange"),
    "select": ("multiselectsearcher",),
    "datepicker": ("daterange",),
    "datetime": ("datetimerange",),
    "labels": ("labelsearcher",),
}


@route("POST", "/api/field", body=True)
def create_field(site: Site, call: Call) -> Answer:
    """A field of all projects, on no screen yet. Names need not be unique."""
    site.permit(call, "ADMINISTER")
    body = keys(call.body, "name", "description", "type", "searcherKey")
    if not str(body.get("name") or "").strip():
        raise Refused(400, errors={"name": "The custom field name is required."})
    kinds: dict[str, FieldKind] = {TYPES + kind: kind for kind in get_args(FieldKind)}
    kind = kinds.get(str(body.get("type")))
    if kind is None:
        raise Refused(400, errors={"type": f"The custom field type '{body.get('type')}' is unknown."})
    searcher = body.get("searcherKey")
    if searcher is not None and searcher not in {TYPES + name for name in SEARCHERS[kind]}:
        raise Refused(400, errors={"searcherKey": f"The searcher '{searcher}' does not fit the type."})
    number = max([10000, *(int(known.removeprefix("customfield_")) for known in site.world.fields)]) + 1
    field = CustomField(f"customfield_{number}", body["name"], kind)
    site.world.fields[field.id] = field
    schema = site.wire(call).field_schema(field.id)
    said: Json = {"id": field.id, "name": field.name, "custom": True, "schema": schema}
    return Answer(201, said | {"orderable": True, "navigable": True, "searchable": searcher is not None})


@route("POST", "/api/screens/addToDefault/{field}")
def add_to_default(site: Site, call: Call) -> Answer:
    """Put a field on the default screen; projects with screens of their own don't see it."""
    site.permit(call, "ADMINISTER")
    field = site.world.fields.get(call.args["field"])
    if field is None:
        raise Refused(404, f"The field {call.args['field']} was not found.")
    for project in [p for p in site.world.projects.values() if p.default_screen]:
        site.world.put_on_screen(project.key, field.id)
    return Answer(200, {})
