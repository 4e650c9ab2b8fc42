"""Comments over REST, with the properties that only this resource shows, and only when asked to."""

import json

from tests.standins.jira.edits import properties, rich_text
from tests.standins.jira.routing import Answer, Call, Refused, Unknown, keys, route
from tests.standins.jira.site import Site
from tests.standins.jira.state import Comment, Record

EXPAND = ("properties", "renderedBody")


@route("GET", "/api/issue/{issue}/comment", query="startAt maxResults orderBy expand")
def get_comments(site: Site, call: Call) -> Answer:
    record, expand = site.asked(call, lagging=True), call.expand(*EXPAND)
    order = call.one("orderBy") or "created"
    if order not in ("created", "+created", "-created"):
        raise Unknown(f"orderBy {order!r}")
    shown = record.comments[::-1] if order.startswith("-") else record.comments
    page = site.page(call, "comments", [site.wire(call).comment(record, c, expand) for c in shown], key="comments")
    page.pop("isLast")
    return Answer(200, page)


@route("GET", "/api/issue/{issue}/comment/{comment}", query="expand")
def get_comment(site: Site, call: Call) -> Answer:
    record = site.asked(call, lagging=True)
    return Answer(200, site.wire(call).comment(record, _comment(call, record), call.expand(*EXPAND)))


@route("POST", "/api/issue/{issue}/comment", query="expand", body=True)
def add_comment(site: Site, call: Call) -> Answer:
    record, expand = site.asked(call), call.expand(*EXPAND)
    site.permit(call, "ADD_COMMENTS", record.project)
    body = keys(call.body, "body", "visibility", "properties")
    text = rich_text(call, body.get("body"), "comment")
    if not text.strip():
        raise Refused(400, errors={"comment": "Comment body can not be empty!"})
    comment = site.acts.comment(record, call.by.name, text, properties(body), body.get("visibility"))
    return Answer(201, site.wire(call).comment(record, comment, expand))


@route("PUT", "/api/issue/{issue}/comment/{comment}", query="expand notifyUsers overrideEditableFlag", body=True)
def edit_comment(site: Site, call: Call) -> Answer:
    record, expand = site.asked(call), call.expand(*EXPAND)
    comment = _comment(call, record)
    _permit(site, call, record, comment, "EDIT")
    body = keys(call.body, "body", "visibility", "properties")
    values = {"visibility": body["visibility"]} if "visibility" in body else {}
    text = rich_text(call, body.get("body"), "comment")
    kept = {**comment.properties, **properties(body)}
    edited = site.acts.edit_comment(record, call.by.name, comment, text, properties=kept, **values)
    return Answer(200, site.wire(call).comment(record, edited, expand))


@route("DELETE", "/api/issue/{issue}/comment/{comment}")
def delete_comment(site: Site, call: Call) -> Answer:
    record = site.asked(call)
    comment = _comment(call, record)
    _permit(site, call, record, comment, "DELETE")
    site.acts.delete_comment(record, call.by.name, comment)
    return Answer(204)


@route("GET", "/api/comment/{comment}/properties/{key}")
def get_property(site: Site, call: Call) -> Answer:
    _, comment = _anywhere(site, call, site.lag)
    key = call.args["key"]
    if key not in comment.properties:
        raise Refused(404, f"The property with key '{key}' does not exist.")
    return Answer(200, {"key": key, "value": comment.properties[key]})


@route("PUT", "/api/comment/{comment}/properties/{key}", body=True)
def put_property(site: Site, call: Call) -> Answer:
    record, comment = _anywhere(site, call, 0)
    _permit(site, call, record, comment, "EDIT")
    key = call.args["key"]
    if len(json.dumps(call.body)) > 32768:
        raise Refused(400, f"The property {key} is too long.")
    site.acts.put_comment_property(record, comment, key, call.body)
    return Answer(200 if key in comment.properties else 201)


def _comment(call: Call, record: Record) -> Comment:
    comment = record.comment(call.args["comment"])
    if comment is None:
        raise Refused(404, f"Can not find a comment for the id: {call.args['comment']}.")
    return comment


def _anywhere(site: Site, call: Call, lag: float) -> tuple[Record, Comment]:
    for record in site.world.records(lag):
        comment = record.comment(call.args["comment"])
        if comment is not None and call.by.may("BROWSE_PROJECTS", record.project):
            return record, comment
    raise Refused(404, f"Can not find a comment for the id: {call.args['comment']}.")


def _permit(site: Site, call: Call, record: Record, comment: Comment, verb: str) -> None:
    """One's own comments or all comments."""
    if not call.by.may(f"{verb}_ALL_COMMENTS", record.project):
        if comment.author != call.by.name:
            raise Refused(403, f"You do not have the permission {verb}_ALL_COMMENTS.")
        site.permit(call, f"{verb}_OWN_COMMENTS", record.project)
