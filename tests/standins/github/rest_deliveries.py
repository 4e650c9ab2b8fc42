"""REST: what became of a hook's deliveries, and sending them again."""

from collections.abc import Callable
from datetime import timedelta

from tests.standins.github.access import Refused
from tests.standins.github.faults import Answer
from tests.standins.github.rest import Call, Route, ok, route
from tests.standins.github.shapes import Json, stamp
from tests.standins.github.webhooks import Attempt, Delivery, Hook, Target

KEPT_FOR = timedelta(days=3)
UNREACHED = 502  # what is listed where no answer came
OUTCOMES = {"success": range(200, 400), "failure": range(400, 600)}

Found = Callable[..., Hook]


def _app_hook(call: Call) -> Hook:
    assert call.app
    hook = next((h for h in call.hub.hooks if h.target == "integration"), None)
    if hook is None:
        raise Refused(404, "Not Found")
    return hook


def _repo_hook(call: Call, owner: str, repo: str, hook_id: str) -> Hook:
    found = call.repository(owner, repo)
    call.require(found, "admin", "repository_hooks", "read" if call.method == "GET" else "write")
    return _hook(call, "repository", found.full_name, hook_id)


def _org_hook(call: Call, org: str, hook_id: str) -> Hook:
    if call.caller.app is not None:
        call.access.require_app(call.caller.app, "organization_hooks", "read" if call.method == "GET" else "write")
    elif call.world.defaults.get(call.by.lower()) != "admin":
        raise Refused(404, "Not Found")
    return _hook(call, "organization", org, hook_id)


def _hook(call: Call, target: Target, owner: str, hook_id: str) -> Hook:
    for hook in call.hub.hooks:
        if (hook.target, hook.owner.lower(), hook.id) == (target, owner.lower(), int(hook_id)):
            return hook
    raise Refused(404, "Not Found")


def listing(find: Found) -> Callable[..., Answer]:
    """The newest first, by cursor pages, without the payloads; what is too old is gone."""

    def list_deliveries(call: Call, **where: str) -> Answer:
        oldest = call.world.instant() - KEPT_FOR
        wanted = OUTCOMES.get(call.query.get("status", ""), range(1000))
        rows = [(d, a) for d, a in call.hub.attempts(find(call, **where)) if a.at >= oldest and _code(a) in wanted]
        size, ids = min(int(call.query.get("per_page", 30)), 100), [a.id for _, a in rows]
        start = ids.index(int(call.query["cursor"].removeprefix("v1_"))) if "cursor" in call.query else 0
        following = rows[start + size : start + size + 1]
        query = "&".join(f"{k}={v}" for k, v in call.query.items() if k != "cursor")
        link = "".join(f'<{call.api}{call.path}?{query}&cursor=v1_{a.id}>; rel="next"' for _, a in following)
        return ok([_shown(d, a) for d, a in rows[start : start + size]], headers={"Link": link} if link else {})

    return list_deliveries


def again(find: Found) -> Callable[..., Answer]:
    """Accepted, and sent a moment later."""

    def redeliver(call: Call, delivery_id: str, **where: str) -> Answer:
        hook = find(call, **where)
        found = next(((d, a) for d, a in call.hub.attempts(hook) if a.id == int(delivery_id)), None)
        if found is None or found[1].at < call.world.instant() - KEPT_FOR:
            raise Refused(404, "Not Found")
        call.hub.attempt_again(hook, found[0])
        return ok({}, 202)

    return redeliver


def _code(attempt: Attempt) -> int:
    return attempt.status or UNREACHED


def _shown(delivery: Delivery, attempt: Attempt) -> Json:
    if attempt.status == 0:
        said = "failed to connect to host"
    else:
        said = "OK" if attempt.status < 300 else f"Invalid HTTP Response: {attempt.status}"
    return {
        "id": attempt.id,
        "guid": delivery.guid,
        "delivered_at": stamp(attempt.at),
        "redelivery": attempt.redelivery,
        "duration": attempt.duration,
        "status": said,
        "status_code": _code(attempt),
        "event": delivery.event,
        "action": delivery.action or None,
        "installation_id": None,
        "repository_id": None,
        "throttled_at": None,
    }


PLACES: tuple[tuple[str, Found], ...] = (
    ("/app/hook", _app_hook),
    ("/repos/{owner}/{repo}/hooks/{hook_id}", _repo_hook),
    ("/orgs/{org}/hooks/{hook_id}", _org_hook),
)
ROUTES: tuple[Route, ...] = (
    *(route("GET", f"{place}/deliveries", listing(find), "per_page cursor status") for place, find in PLACES),
    *(route("POST", f"{place}/deliveries/{{delivery_id}}/attempts", again(find)) for place, find in PLACES),
)
