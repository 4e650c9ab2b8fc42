"""REST: apps and their tokens, people, repositories, files and webhooks."""

import base64
import hashlib

from tests.standins.github.access import Refused
from tests.standins.github.faults import Answer
from tests.standins.github.records import Repository
from tests.standins.github.rest import Call, invalid, ok, paged, refusal, route
from tests.standins.github.shapes import WEB, Json, permissions, stamp
from tests.standins.github.webhooks import Hook, Target

LEGACY = {"maintain": "write", "triage": "read"}
AT_LEAST = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}


# -- who one is


def make_token(call: Call, installation_id: str) -> Answer:
    app = call.app
    if app.installation_id != int(installation_id):
        raise Refused(404, "Not Found")
    token, until = call.access.installation_token(app)
    body = {"token": token, "expires_at": stamp(until), "permissions": dict(app.permissions)}
    return ok(body | {"repository_selection": "all"}, 201)


def get_app(call: Call) -> Answer:
    app, times = call.app, stamp(call.app.created_at)
    about = {"id": app.app_id, "slug": app.slug, "node_id": f"A_{app.app_id}", "name": app.slug, "description": None}
    links = {"external_url": WEB, "html_url": f"{WEB}/apps/{app.slug}", "owner": call.shapes.user(app.account)}
    may = {"permissions": dict(app.permissions), "events": list(app.events)}
    return ok(about | links | may | {"created_at": times, "updated_at": times})


def get_app_hook(call: Call) -> Answer:
    """The app's own webhook; an app has one, if only an empty one."""
    assert call.app
    config: Json = {"content_type": "form", "insecure_ssl": "0"}
    for hook in (h for h in call.hub.hooks if h.target == "integration"):
        config |= {"url": hook.url, "content_type": hook.content_type}
        config |= {"secret": "********"} if hook.secret else {}
    return ok(config)


def get_installation(call: Call, owner: str, repo: str) -> Answer:
    app, found = call.app, call.world.repositories.get(f"{owner}/{repo}".lower())
    if found is None or found.owner.lower() != app.account.lower():
        raise Refused(404, "Not Found")
    url, account = f"{call.api}/app/installations/{app.installation_id}", call.world.account(app.account)
    return ok(
        {
            "id": app.installation_id,
            "app_id": app.app_id,
            "app_slug": app.slug,
            "target_id": account.id,
            "target_type": account.kind,
            "account": call.shapes.account(account),
            "access_tokens_url": f"{url}/access_tokens",
            "repositories_url": f"{call.api}/installation/repositories",
            "html_url": f"{WEB}/settings/installations/{app.installation_id}",
            "repository_selection": "all",
            "single_file_name": None,
            "permissions": dict(app.permissions),
            "events": list(app.events),
            "created_at": stamp(app.created_at),
            "updated_at": stamp(app.created_at),
            "suspended_by": None,
            "suspended_at": None,
        }
    )


def get_user(call: Call) -> Answer:
    """A robot has no such page: an installation token is refused here."""
    if call.caller.app is not None:
        raise Refused(403, "Resource not accessible by integration")
    times = stamp(call.caller.account.created_at)
    about: Json = dict.fromkeys(("name", "company", "email", "hireable", "bio"))
    about |= {"blog": "", "location": "", "created_at": times, "updated_at": times}
    about |= dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    return ok(call.shapes.account(call.caller.account) | about)


def get_rate_limit(call: Call) -> Answer:
    """Costs nothing."""
    assert call.caller
    quotas = call.quotas()
    return ok({"resources": quotas, "rate": quotas["core"]})


# -- repositories and their people


def get_repository(call: Call, owner: str, repo: str) -> Answer:
    found = call.repository(owner, repo)
    role = "read" if call.caller.app else call.world.role(found, call.by)
    return ok(call.shapes.full_repository(found, role))


def list_collaborators(call: Call, owner: str, repo: str) -> Answer:
    found, least = call.repository(owner, repo), AT_LEAST[call.query.get("permission", "pull")]
    call.require(found, "write", "metadata", "read")
    rows = [a for a in call.world.collaborators(found) if call.world.may(found, a.login, least)]

    def write(login: str) -> Json:
        role = call.world.role(found, login)
        return call.shapes.user(login) | {"permissions": permissions(role), "role_name": role}

    return paged(call, [a.login for a in rows], write)


def get_permission(call: Call, owner: str, repo: str, username: str) -> Answer:
    found = call.repository(owner, repo)
    call.require(found, "read", "metadata", "read")
    if call.view.account(username) is None:
        raise Refused(404, f"{username} is not a user")
    role = call.world.role(found, username)
    user = call.shapes.user(username) | {"permissions": permissions(role), "role_name": role}
    return ok({"permission": LEGACY.get(role, role), "role_name": role, "user": user})


# -- files


def get_contents(call: Call, owner: str, repo: str, path: str) -> Answer:
    """A file, or a list of what is in a folder."""
    found = call.repository(owner, repo)
    call.require(found, "read", "contents", "read")
    if (content := call.world.files.get((found.id, path))) is not None:
        return ok(_file(call, found, path, content))
    inside = [p for r, p in call.world.files if r == found.id and p.startswith(f"{path}/")]
    if not inside:
        raise Refused(404, "Not Found")
    rows = [_file(call, found, p, call.world.files[found.id, p]) for p in sorted(inside)]
    return ok([{k: v for k, v in row.items() if k not in {"content", "encoding"}} for row in rows])


def put_contents(call: Call, owner: str, repo: str, path: str) -> Answer:
    """Overwriting needs the blob's present sha."""
    found, given = call.repository(owner, repo), call.body
    call.require(found, "write", "contents")
    before = call.world.files.get((found.id, path))
    if before is not None and given.get("sha") is None:
        return refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if before is not None and given["sha"] != _sha(before):
        return refusal(409, f"{path} does not match {given['sha']}")
    content = base64.b64decode(given["content"])
    call.world.files[found.id, path] = content
    sha = hashlib.sha1(content + path.encode(), usedforsecurity=False).hexdigest()
    url, who = f"{call.api}/repos/{found.full_name}/git/commits/{sha}", {"name": call.by, "email": "", "date": ""}
    commit = {"sha": sha, "url": url, "html_url": f"{WEB}/{found.full_name}/commit/{sha}", "message": given["message"]}
    commit |= {"author": who, "committer": who, "tree": {"url": url, "sha": sha}, "parents": []}
    return ok({"content": _file(call, found, path, content), "commit": commit}, 200 if before is not None else 201)


def _sha(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _file(call: Call, repo: Repository, path: str, content: bytes) -> Json:
    sha, page = _sha(content), f"{WEB}/{repo.full_name}/blob/main/{path}"
    url = f"{call.api}/repos/{repo.full_name}/contents/{path}?ref=main"
    git = f"{call.api}/repos/{repo.full_name}/git/blobs/{sha}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(content),
        "url": url,
        "html_url": page,
        "git_url": git,
        "download_url": page,
        "type": "file",
        "content": base64.encodebytes(content).decode(),
        "encoding": "base64",
        "_links": {"self": url, "git": git, "html": page},
    }


# -- webhooks


def list_repo_hooks(call: Call, owner: str, repo: str) -> Answer:
    found = call.repository(owner, repo)
    call.require(found, "admin", "repository_hooks", "read")
    return _list_hooks(call, "repository", found.full_name)


def create_repo_hook(call: Call, owner: str, repo: str) -> Answer:
    found = call.repository(owner, repo)
    call.require(found, "admin", "repository_hooks")
    return _create_hook(call, "repository", found.full_name, call.acts.around(found, call.by))


def list_org_hooks(call: Call, org: str) -> Answer:
    _require_org(call, org, "read")
    return _list_hooks(call, "organization", org)


def create_org_hook(call: Call, org: str) -> Answer:
    _require_org(call, org, "write")
    around = {"organization": call.shapes.organization(org), "sender": call.shapes.user(call.by)}
    return _create_hook(call, "organization", org, around)


def _require_org(call: Call, org: str, level: str) -> None:
    account = call.view.account(org)
    if account is None or account.kind != "Organization":
        raise Refused(404, "Not Found")
    if call.caller.app is not None:
        call.access.require_app(call.caller.app, "organization_hooks", level)
    elif call.world.defaults.get(call.by.lower()) != "admin":
        raise Refused(404, "Not Found")


def _list_hooks(call: Call, target: str, owner: str) -> Answer:
    rows = [h for h in call.hub.hooks if h.target == target and h.owner.lower() == owner.lower()]
    return paged(call, rows, lambda h: _hook(call, h))


def _create_hook(call: Call, target: Target, owner: str, around: Json) -> Answer:
    """The API's own default for the body is a form."""
    given, config = call.body, call.body.get("config") or {}
    if not config.get("url"):
        return invalid("Hook", "url", "missing_field")
    if any(h.url == config["url"] and h.owner.lower() == owner.lower() for h in call.hub.hooks):
        return invalid("Hook", "hook", "custom", f"Hook already exists on this {target}")
    kind, events = config.get("content_type", "form"), given.get("events") or ["push"]
    active = given.get("active", True)
    hook = call.hub.add_hook(target, owner, config["url"], config.get("secret"), kind, events, call.world.now(), active)
    shown = _hook(call, hook)
    call.hub.ping(
        hook, call.world.instant(), {"zen": "Design for failure.", "hook_id": hook.id, "hook": shown} | around
    )
    return ok(shown, 201)


def _hook(call: Call, hook: Hook) -> Json:
    place = f"repos/{hook.owner}" if hook.target == "repository" else f"orgs/{hook.owner}"
    url, times = f"{call.api}/{place}/hooks/{hook.id}", stamp(hook.created_at)
    secret = {"secret": "********"} if hook.secret else {}
    return {
        "type": "Repository" if hook.target == "repository" else "Organization",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": list(hook.events),
        "config": {"url": hook.url, "content_type": hook.content_type, "insecure_ssl": "0"} | secret,
        "created_at": times,
        "updated_at": times,
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }


LIST = "per_page page"
HOOK = "name config events active"
ROUTES = (
    route("POST", "/app/installations/{installation_id}/access_tokens", make_token, body="permissions repositories"),
    route("GET", "/app", get_app),
    route("GET", "/app/hook/config", get_app_hook),
    route("GET", "/repos/{owner}/{repo}/installation", get_installation),
    route("GET", "/user", get_user),
    route("GET", "/rate_limit", get_rate_limit),
    route("GET", "/repos/{owner}/{repo}", get_repository),
    route("GET", "/repos/{owner}/{repo}/collaborators", list_collaborators, f"{LIST} affiliation permission"),
    route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", get_permission),
    route("GET", "/repos/{owner}/{repo}/contents/{path+}", get_contents, "ref"),
    route("PUT", "/repos/{owner}/{repo}/contents/{path+}", put_contents, body="message content branch sha"),
    route("GET", "/repos/{owner}/{repo}/hooks", list_repo_hooks, LIST),
    route("POST", "/repos/{owner}/{repo}/hooks", create_repo_hook, body=HOOK),
    route("GET", "/orgs/{org}/hooks", list_org_hooks, LIST),
    route("POST", "/orgs/{org}/hooks", create_org_hook, body=HOOK),
)
