"""How the fields of the stand-in's schema are read from the records."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from tests.standins.github.access import Refused
from tests.standins.github.graph_base import Asking, page, refuse
from tests.standins.github.records import (
    Account,
    Comment,
    Draft,
    Event,
    Field,
    FieldValue,
    Issue,
    Item,
    Label,
    Node,
    Option,
    Project,
    ReactionGroup,
    Repository,
    View,
)
from tests.standins.github.shapes import REACTIONS, WEB

Args = Mapping[str, Any]
Read = Callable[[Asking, Any, Args], Any]
Reads = dict[str, Read]


def the(path: str) -> Read:
    """The field is an attribute of the record."""
    get = attrgetter(path)
    return lambda _, source, __: get(source)


def part(name: str) -> Read:
    """The field is a part of a whole object."""
    return lambda _, source, __: source[name]


def always(value: Any) -> Read:
    return lambda *_: value


def who(name: str) -> Read:
    """The account whose login an attribute holds; null when there is none, or no longer."""
    return lambda asking, source, _: asking.view.account(getattr(source, name))


def said(name: str) -> Read:
    """What a timeline event says by this name."""
    return lambda _, event, __: event.about[name]


# -- finding things


def lacks(what: str) -> Refused:
    return Refused(404, f"Could not resolve to {what}.", "NOT_FOUND")


def find(asking: Asking, node_id: str) -> Node:
    """What a global id names, if the caller may see it."""
    found = asking.view.node(node_id)
    if found is None or not seen(asking, found):
        raise lacks(f"a node with the global id of '{node_id}'")
    return found


def seen(asking: Asking, thing: Node) -> bool:
    view, access = asking.view, asking.access
    if isinstance(thing, Draft):
        thing = asking.board.item_of(thing)
    if isinstance(thing, Item | Field | View):
        thing = asking.world.projects[thing.project_id]
    if isinstance(thing, Project):
        return access.sees_project(asking.caller, thing)
    found: Node | None = view.issue(thing.issue_id) if isinstance(thing, Comment | Event) else thing
    if isinstance(found, Label | Issue):
        found = asking.world.repository_by_id(found.repo_id)
    return access.sees(asking.caller, found) if isinstance(found, Repository) else found is not None


def find_nodes(asking: Asking, _: Any, args: Args) -> list[Any]:
    """A missing one is null in its place, beside an error that names it."""
    ids = args["ids"]
    if len(ids) > 100:
        raise refuse("ARGUMENT_LIMIT", f"You may not provide more than 100 node ids; you provided {len(ids)}.")
    found: list[Any] = []
    for node_id in ids:
        try:
            found.append(find(asking, node_id))
        except Refused as no:
            found.append(refuse(no.kind, no.message))
    return found


def find_repository(asking: Asking, _: Any, args: Args) -> Repository:
    full_name = f"{args['owner']}/{args['name']}"
    repo = asking.world.repositories.get(full_name.lower())
    if repo is None or not asking.access.sees(asking.caller, repo):
        raise lacks(f"a Repository with the name '{full_name}'")
    return repo


def account_of(kind: str) -> Read:
    article = "an" if kind == "Organization" else "a"

    def read(asking: Asking, _: Any, args: Args) -> Account | None:
        found = asking.view.account(args["login"])
        if kind == "RepositoryOwner":
            return found
        if found is None or found.kind != kind:
            raise lacks(f"{article} {kind} with the login of '{args['login']}'")
        return found

    return read


def find_project(asking: Asking, owner: Account, args: Args) -> Project:
    found = asking.world.project_of(owner.login, args["number"])
    if found is None or not asking.access.sees_project(asking.caller, found):
        raise lacks(f"a ProjectV2 with the number {args['number']}")
    return found


def rate_limit(asking: Asking, *_: Any) -> dict[str, Any]:
    return {**asking.quota, "cost": asking.cost, "nodeCount": asking.nodes}


# -- repositories and issues


def find_issue(asking: Asking, repo: Repository, args: Args) -> Issue:
    found = asking.view.numbered(repo, args["number"])
    if found is None or found.pull:
        raise lacks(f"an Issue with the number of {args['number']}")
    return found


def list_issues(asking: Asking, repo: Repository, args: Args) -> list[Issue]:
    wanted: dict[str, Any] = {k: v for k, v in args.items() if v is not None} | dict(args.get("filterBy") or {})
    rows = [x for x in asking.view.issues(repo) if not x.pull]
    if states := wanted.get("states"):
        rows = [x for x in rows if state(x) in states]
    if labels := wanted.get("labels"):
        rows = [x for x in rows if any(label.name in labels for label in asking.view.labels(x))]
    if since := wanted.get("since"):
        rows = [x for x in rows if x.updated_at >= since]
    for key, read in (("createdBy", lambda x: (x.author,)), ("assignee", lambda x: x.assignees)):
        if wanted.get(key) is not None:
            rows = [x for x in rows if wanted[key] in read(x)]
    order = args.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    keys: dict[str, Callable[[Issue], Any]] = {
        "CREATED_AT": lambda x: (x.created_at, x.number),
        "UPDATED_AT": lambda x: (x.updated_at, x.number),
        "COMMENTS": lambda x: (len(x.comments), x.number),
    }
    return sorted(rows, key=keys[order["field"]], reverse=order["direction"] == "DESC")


def state(issue: Issue) -> str:
    return "CLOSED" if issue.closed_at else "OPEN"


def ordered_labels(labels: Iterable[Label], args: Args) -> list[Label]:
    order = args.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    by_name = order["field"] == "NAME"
    rows = [x for x in labels if (args.get("query") or "").lower() in x.name.lower()]
    return sorted(rows, key=lambda x: (x.name.lower() if by_name else "", x.id), reverse=order["direction"] == "DESC")


def list_comments(asking: Asking, issue: Issue, args: Args) -> list[Comment]:
    rows, order = asking.view.comments(issue), args.get("orderBy")
    if order is None:
        return rows
    return sorted(rows, key=lambda x: (x.updated_at, x.id), reverse=order["direction"] == "DESC")


def timeline(asking: Asking, issue: Issue, args: Args) -> dict[str, Any]:
    events = [x for x in asking.view.events(issue) if x.kind != "CrossReferencedEvent" or _is_shown(asking, x)]
    rows: list[Event | Comment] = [*events, *asking.view.comments(issue)]
    rows.sort(key=lambda x: (x.at if isinstance(x, Event) else x.created_at, x.id))
    total, wanted = len(rows), args.get("itemTypes")
    if wanted:
        rows = [x for x in rows if _item_type(x) in wanted]
    if since := args.get("since"):
        rows = [x for x in rows if (x.at if isinstance(x, Event) else x.created_at) >= since]
    rows = rows[args.get("skip") or 0 :]
    shown = page(rows, args, "timelineItems")
    counts = {"totalCount": total, "filteredCount": len(rows), "pageCount": len(shown["nodes"])}
    return shown | counts | {"updatedAt": issue.updated_at}


def _is_shown(asking: Asking, reference: Event) -> bool:
    """A reference is there when GitHub has got to it, and for those who may see what it comes from."""
    source = source_of(asking, reference, {})
    is_late = reference.about["shown_at"] > (asking.view.as_of or asking.world.instant())
    return source is not None and seen(asking, source) and not is_late


def source_of(asking: Asking, reference: Event, _: Args) -> Issue | None:
    """The issue or pull request that mentions another one."""
    return _present(asking, reference.about["source"])


def is_cross_repository(asking: Asking, reference: Event, args: Args) -> bool:
    source, target = source_of(asking, reference, args), issue_of(asking, reference, args)
    return source is not None and target is not None and source.repo_id != target.repo_id


def _item_type(row: Event | Comment) -> str:
    """LabeledEvent → LABELED_EVENT; ProjectV2ItemStatusChangedEvent → PROJECT_V2_ITEM_STATUS_CHANGED_EVENT."""
    if isinstance(row, Comment):
        return "ISSUE_COMMENT"
    words = row.kind.replace("ProjectV2", "Project_v2")
    return "".join(f"_{c}" if c.isupper() and i and words[i - 1] != "_" else c for i, c in enumerate(words)).upper()


def project_items(asking: Asking, issue: Issue, args: Args) -> list[Item]:
    rows = [x for x in asking.view.items_of(issue) if seen(asking, x)]
    return rows if args.get("includeArchived", True) else [x for x in rows if x.archived_at is None]


def repository_of(asking: Asking, thing: Issue | Comment) -> Repository:
    issue = asking.view.issue(thing.issue_id) if isinstance(thing, Comment) else thing
    assert issue is not None
    return asking.view.repo(issue)


def association(asking: Asking, thing: Issue | Comment, _: Args) -> str:
    return asking.world.association(repository_of(asking, thing), thing.author)


def issue_of(asking: Asking, thing: Comment | Event, _: Args) -> Issue | None:
    """The issue that a comment or event stands on; after a transfer that is the new one."""
    return _present(asking, thing.issue_id)


def _present(asking: Asking, number: int) -> Issue | None:
    issue = asking.world.issues.get(number, asking.view.as_of)
    while issue is not None and issue.moved_to is not None:
        issue = asking.world.issues.get(issue.moved_to, asking.view.as_of)
    return issue


def reactions(asking: Asking, thing: Issue | Comment, args: Args) -> dict[str, Any]:
    rows = [x for x in thing.reactions if args.get("content") in {None, x.content}]
    mine = any(x.by == asking.caller.login for x in rows)
    return page(rows, args, "reactions") | {"viewerHasReacted": mine}


def reaction_groups(thing: Issue | Comment) -> list[ReactionGroup]:
    """All eight, also those that nobody used."""
    return [ReactionGroup(thing, c, tuple(r for r in thing.reactions if r.content == c)) for c in REACTIONS]


def reactor(asking: Asking, login: str) -> Account | None:
    found = asking.view.account(login)
    return found if found is not None and found.kind == "User" else None


def issue_url(asking: Asking, issue: Issue, _: Args) -> str:
    kind = "pull" if issue.pull else "issues"
    return f"{WEB}/{asking.view.repo(issue).full_name}/{kind}/{issue.number}"


def comment_url(asking: Asking, comment: Comment, args: Args) -> str:
    issue = issue_of(asking, comment, args)
    assert issue is not None
    return f"{issue_url(asking, issue, args)}#issuecomment-{comment.id}"


# -- boards


def item_content(asking: Asking, item: Item, _: Args) -> Issue | Draft | None:
    """Null when the caller may not see it: its type is REDACTED then."""
    if item.draft_id:
        return asking.view.draft(item.draft_id)
    issue = asking.view.issue(item.issue_id)
    return issue if issue is not None and seen(asking, issue) else None


def item_type(asking: Asking, item: Item, args: Args) -> str:
    content = item_content(asking, item, args)
    if isinstance(content, Draft):
        return "DRAFT_ISSUE"
    return "REDACTED" if content is None else "PULL_REQUEST" if content.pull else "ISSUE"


def item_value(asking: Asking, item: Item, args: Args) -> FieldValue | None:
    return next((v for v in asking.view.values(item) if v.field.name == args["name"]), None)


def sorting(asking: Asking, view: View, args: Args) -> dict[str, Any]:
    """A view is sorted by at most one field here."""
    fields = asking.world.projects[view.project_id].fields
    rows = [{"direction": "ASC", "field": f} for f in fields if f.id == view.sorted_by]
    return page([], args, "sortByFields") | {"nodes": rows, "totalCount": len(rows)}


def project_of(asking: Asking, thing: Item | Field | View, _: Args) -> Project:
    return asking.world.projects[thing.project_id]


def field_named(_: Asking, project: Project, args: Args) -> Field | None:
    return next((f for f in project.fields if f.name.lower() == args["name"].lower()), None)


def field_options(_: Asking, field: Field, args: Args) -> list[Option]:
    names = args.get("names")
    if field.mirrors is not None:
        return []
    return [o for o in field.options if names is None or o.name in names]


def option_of_value(name: str) -> Read:
    def read(_: Asking, value: FieldValue, __: Args) -> Any:
        return next((getattr(o, name) for o in value.field.options if o.id == value.value.holds), None)

    return read
