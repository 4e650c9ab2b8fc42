"""Bulk operations, on Cloud only: handed over, done in their own time, asked after; what fails, fails by itself."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.standins.jira.edits import Edit
from tests.standins.jira.routing import CLOUD, Answer, Call, Refused, Unknown, keys, route
from tests.standins.jira.site import Site
from tests.standins.jira.state import Record, millis
from tests.standins.jira.wire import Json

MOST_ISSUES, MOST_FIELDS = 1000, 200
PATH = "/rest/api/3/bulk"
Do = Callable[[Record], None]


@dataclass(slots=True)
class Task:
    """A bulk operation. `left` are the issues still to be done, each with what is to be done to it."""

    id: str
    by: str
    created: int
    total: int
    left: list[tuple[int, Do]]
    unseen: int
    status: str = "ENQUEUED"
    done: list[int] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)

    def told(self) -> Json:
        """As the queue tells it: times are numbers, and the lists come with the end."""
        ended = self.status not in ("ENQUEUED", "RUNNING")
        said: Json = {"taskId": self.id, "status": self.status, "created": self.created, "updated": self.created}
        said |= {"progressPercent": 100 if ended else 0, "totalIssueCount": self.total}
        if ended:
            said |= {"processedAccessibleIssues": self.done, "failedAccessibleIssues": self.failed}
            said["invalidOrInaccessibleIssueCount"] = self.unseen
        return said | {"submittedBy": {"accountId": self.by}}


@route("POST", f"{PATH}/issues/fields", on=CLOUD, body=True)
def bulk_edit(site: Site, call: Call) -> Answer:
    known = ("selectedIssueIdsOrKeys", "selectedActions", "editedFieldsInput", "sendBulkNotification")
    body, call = keys(call.body, *known), replace(call, version="3")
    wanted = _as_edit(body.get("editedFieldsInput") or {})
    actions = body.get("selectedActions") or []
    if not actions or len(actions) > MOST_FIELDS or {*wanted["fields"], *wanted["update"]} != set(actions):
        return _wrong(400, "Selected actions and edited fields must be the same, 1 to 200 of them.")

    def edit(record: Record) -> None:
        site.permit(call, "EDIT_ISSUES", record.project)
        values = Edit(site, call, record.project, site.world.edit_screen(record), record).read(wanted)
        site.acts.change(record, call.by.name, **values)

    return _begin(site, call, [(name, edit) for name in body.get("selectedIssueIdsOrKeys") or []])


@route("POST", f"{PATH}/issues/transition", on=CLOUD, body=True)
def bulk_transition(site: Site, call: Call) -> Answer:
    body = keys(call.body, "bulkTransitionInputs", "sendBulkNotification")
    work: list[tuple[str, Do]] = []
    for number, entry in enumerate(body.get("bulkTransitionInputs") or []):
        keys(entry, "selectedIssueIdsOrKeys", "transitionId", where=f"bulkTransitionInputs[{number}]")
        step = _step(site, call, entry["transitionId"])
        work += [(name, step) for name in entry["selectedIssueIdsOrKeys"]]
    return _begin(site, call, work)


@route("GET", f"{PATH}/queue/{{task}}", on=CLOUD)
def bulk_progress(site: Site, call: Call) -> Answer:
    task = site.bulk_tasks.get(call.args["task"])
    if task is None or task.by != call.by.id:
        return _wrong(400, f"The task {call.args['task']} does not exist.")
    return Answer(200, task.told())


def _step(site: Site, call: Call, named: Any) -> Do:
    """A transition by its id, as strings write it. One with a screen can't be taken in bulk."""
    if not isinstance(named, str):
        raise Unknown("a transitionId that is no string")

    def take(record: Record) -> None:
        site.permit(call, "TRANSITION_ISSUES", record.project)
        step = next((s for s in site.world.transitions(record) if s.id == named), None)
        if step is None or step.screen:
            raise Refused(400, f"Transition {named} is not available for this issue.")
        site.acts.step(record, call.by.name, step)

    return take


def _begin(site: Site, call: Call, work: list[tuple[str, Do]]) -> Answer:
    """Take the operation over. Issues that the caller can't see are only counted."""
    if not call.by.may("BULK_CHANGE"):
        return _wrong(403, "You do not have the permission to do this bulk operation.")
    if not 1 <= len(work) <= MOST_ISSUES or len({name for name, _ in work}) < len(work):
        return _wrong(400, f"1 to {MOST_ISSUES} issues, each once.")
    seen: list[tuple[int, Do]] = []
    for name, do in work:
        record = site.world.find(str(name))
        if record is not None and call.by.may("BROWSE_PROJECTS", record.project):
            seen.append((record.id, do))
    task = Task(str(site.world.next_id()), call.by.id, millis(site.world.now()), len(work), seen, len(work) - len(seen))
    site.bulk_tasks[task.id] = task
    if site.bulk_takes == 0:
        _work(site, task)
    elif site.bulk_takes < math.inf:
        later = threading.Timer(site.bulk_takes, _work, (site, task))
        later.daemon = True
        later.start()
    return Answer(201, {"taskId": task.id})


def _work(site: Site, task: Task) -> None:
    """Do it: to as many issues as the site gets to, and where nothing refuses."""
    with site.world.lock:
        for issue, do in task.left[: site.bulk_gets_to]:
            record = site.world.record(issue)
            try:
                if record is None:
                    raise Refused(404, "The issue does not exist any more.")
                if why := site.bulk_fails.get(record.key):
                    raise Refused(400, why)
                do(record)
            except Refused as refused:
                task.failed[str(issue)] = [str(refused)]
            else:
                task.done.append(issue)
        task.status = site.bulk_ends


def _wrong(status: int, message: str) -> Answer:
    return Answer(status, {"errors": [{"message": message}]})


def _as_edit(edited: Json) -> dict[str, dict[str, Any]]:
    """The same as the body of an issue's own edit has it."""
    fields: dict[str, Any] = {}
    update: dict[str, list[Any]] = {}
    for kind, entries in edited.items():
        if kind == "priority":
            fields["priority"] = {"id": keys(entries, "priorityId", where=kind)["priorityId"]}
        elif kind == "labelsFields":
            for entry in entries:
                update.setdefault(entry["fieldId"], []).extend(_labels(entry))
        elif kind in _VALUES:
            fields |= {entry["fieldId"]: _VALUES[kind](entry) for entry in entries}
        else:
            raise Unknown(f"editedFieldsInput.{kind}")
    return {"fields": fields, "update": update}


def _labels(entry: Json) -> list[Json]:
    keys(entry, "fieldId", "bulkEditMultiSelectFieldOption", "labels", where="labelsFields[]")
    names = [keys(label, "name", where="labels[]")["name"] for label in entry["labels"]]
    match entry["bulkEditMultiSelectFieldOption"]:
        case "ADD" | "REMOVE" as option:
            return [{option.lower(): name} for name in names]
        case "REPLACE" | "REMOVE_ALL":
            return [{"set": names}]
        case strange:
            raise Unknown(f"bulkEditMultiSelectFieldOption {strange}")


def _option(entry: Json) -> Any:
    number = keys(entry, "fieldId", "option")["option"]["optionId"]
    return None if number == -1 else {"id": str(number)}


_VALUES: dict[str, Callable[[Json], Any]] = {
    "singleLineTextFields": lambda entry: keys(entry, "fieldId", "text")["text"] or None,
    "clearableNumberFields": lambda entry: keys(entry, "fieldId", "value").get("value"),
    "singleSelectFields": _option,
    "dateTimePickerFields": lambda entry: keys(entry, "fieldId", "dateTime")["dateTime"]["formattedDateTime"] or None,
    "richTextFields": lambda entry: entry["richText"].get("adfValue"),
}
