"""How GitHub's REST API and its webhooks write things down. One set of shapes serves both, as on GitHub."""

from datetime import datetime
from typing import Any

from tests.standins.github.records import (
    Account,
    Comment,
    Draft,
    Field,
    FieldValue,
    Issue,
    IssueField,
    Item,
    Label,
    Project,
    Repository,
)
from tests.standins.github.world import View

Json = dict[str, Any]
WEB = "https://github.com"
REACTIONS = {
    "THUMBS_UP": "+1",
    "THUMBS_DOWN": "-1",
    "LAUGH": "laugh",
    "CONFUSED": "confused",
    "HEART": "heart",
    "HOORAY": "hooray",
    "ROCKET": "rocket",
    "EYES": "eyes",
}
_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPO_LINKS = """archive_url=/{archive_format}{/ref} assignees_url=/assignees{/user} blobs_url=/git/blobs{/sha}
branches_url=/branches{/branch} collaborators_url=/collaborators{/collaborator} comments_url=/comments{/number}
commits_url=/commits{/sha} compare_url=/compare/{base}...{head} contents_url=/contents/{+path}
contributors_url=/contributors deployments_url=/deployments downloads_url=/downloads events_url=/events forks_url=/forks
git_commits_url=/git/commits{/sha} git_refs_url=/git/refs{/sha} git_tags_url=/git/tags{/sha} hooks_url=/hooks
issue_comment_url=/issues/comments{/number} issue_events_url=/issues/events{/number} issues_url=/issues{/number}
keys_url=/keys{/key_id} labels_url=/labels{/name} languages_url=/languages merges_url=/merges
milestones_url=/milestones{/number} notifications_url=/notifications{?since,all,participating} pulls_url=/pulls{/number}
releases_url=/releases{/id} stargazers_url=/stargazers statuses_url=/statuses/{sha} subscribers_url=/subscribers
subscription_url=/subscription tags_url=/tags teams_url=/teams trees_url=/git/trees{/sha}"""


def stamp(at: datetime | None) -> str | None:
    """GitHub's own way of writing a time: whole seconds, Z."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Shapes:
    """Writes what a view sees; `api` is the root that links begin with."""

    def __init__(self, view: View, api: str) -> None:
        self.view = view
        self.api = api

    def user(self, login: str) -> Json:
        """A deleted account is shown as `ghost`."""
        account = self.view.account(login)
        return self.account(account) if account else self._person("ghost", 10137, "MDQ6VXNlcjEwMTM3", "User")

    def account(self, account: Account) -> Json:
        return self._person(account.login, account.id, account.node_id, account.kind)

    def _person(self, login: str, number: int, node_id: str, kind: str) -> Json:
        url = f"{self.api}/users/{login}"
        page = f"{WEB}/apps/{login.removesuffix('[bot]')}" if kind == "Bot" else f"{WEB}/{login}"
        about = {"login": login, "id": number, "node_id": node_id, "type": kind, "site_admin": False}
        links = {"url": url, "html_url": page, "avatar_url": f"{WEB}/{number}.png", "gravatar_id": ""}
        return about | links | {name: url + tail for name, tail in _USER_LINKS.items()}

    def organization(self, login: str) -> Json:
        account = self.view.account(login)
        url = f"{self.api}/orgs/{login}"
        links = {f"{x}_url": f"{url}/{x}" for x in ("repos", "events", "hooks", "issues")}
        people = {"members_url": f"{url}/members{{/member}}", "public_members_url": f"{url}/public_members{{/member}}"}
        who = {"login": login, "id": account.id if account else 0, "node_id": account.node_id if account else ""}
        return who | {"url": url, "avatar_url": f"{WEB}/{login}.png", "description": ""} | links | people

    def repository(self, repo: Repository) -> Json:
        url, page = f"{self.api}/repos/{repo.full_name}", f"{WEB}/{repo.full_name}"
        pairs = (x.partition("=") for x in _REPO_LINKS.split())
        links = {name: url + tail for name, _, tail in pairs}
        counts = dict.fromkeys(("forks", "stargazers", "watchers", "open_issues"), 0)
        about: Json = {
            "id": repo.id,
            "node_id": repo.node_id,
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "visibility": "private" if repo.private else "public",
            "owner": self.user(repo.owner),
            "html_url": page,
            "description": None,
            "fork": False,
            "url": url,
            **{f"{name}_count": 0 for name in counts},
            **dict.fromkeys(("forks", "watchers", "open_issues", "size"), 0),
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
            "pushed_at": stamp(repo.created_at),
            "git_url": f"git://github.com/{repo.full_name}.git",
            "ssh_url": f"git@github.com:{repo.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
            **dict.fromkeys(("archived", "disabled", "has_pages", "has_discussions", "is_template"), False),
            **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "allow_forking"), True),
            "topics": [],
            "web_commit_signoff_required": False,
            "default_branch": "main",
        }
        return about | links

    def full_repository(self, repo: Repository, role: str) -> Json:
        return self.repository(repo) | {"permissions": permissions(role), "network_count": 0, "subscribers_count": 0}

    def label(self, label: Label) -> Json:
        repo = self.view.world.repository_by_id(label.repo_id)
        return {
            "id": label.id,
            "node_id": label.node_id,
            "url": f"{self.api}/repos/{repo.full_name}/labels/{label.name}",
            "name": label.name,
            "color": label.color,
            "default": False,
            "description": label.description,
        }

    def reactions(self, url: str, thing: Issue | Comment) -> Json:
        counts = {short: sum(r.content == long for r in thing.reactions) for long, short in REACTIONS.items()}
        return {"url": f"{url}/reactions", "total_count": len(thing.reactions), **counts}

    def issue(self, issue: Issue) -> Json:
        repo = self.view.repo(issue)
        root = f"{self.api}/repos/{repo.full_name}"
        url, kind = f"{root}/issues/{issue.number}", "pull" if issue.pull else "issues"
        page = f"{WEB}/{repo.full_name}/{kind}/{issue.number}"
        people = [self.user(x) for x in issue.assignees]
        pull = {"url": f"{root}/pulls/{issue.number}", "html_url": page, "diff_url": f"{page}.diff", "merged_at": None}
        pull["patch_url"] = f"{page}.patch"
        return {
            "url": url,
            "repository_url": root,
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": page,
            "id": issue.id,
            "node_id": issue.node_id,
            "number": issue.number,
            "title": issue.title,
            "user": self.user(issue.author),
            "labels": [self.label(x) for x in self.view.labels(issue)],
            "state": "closed" if issue.closed_at else "open",
            "state_reason": issue.state_reason,
            "locked": False,
            "assignee": people[0] if people else None,
            "assignees": people,
            "milestone": None,
            "comments": len(issue.comments),
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": stamp(issue.closed_at),
            "author_association": self.view.world.association(repo, issue.author),
            "active_lock_reason": None,
            "body": issue.body,
            "reactions": self.reactions(url, issue),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            **({"pull_request": pull} if issue.pull else {}),
        }

    def comment(self, comment: Comment, issue: Issue) -> Json:
        repo = self.view.repo(issue)
        root = f"{self.api}/repos/{repo.full_name}/issues"
        url = f"{root}/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{WEB}/{repo.full_name}/issues/{issue.number}#issuecomment-{comment.id}",
            "issue_url": f"{root}/{issue.number}",
            "id": comment.id,
            "node_id": comment.node_id,
            "user": self.user(comment.author),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": self.view.world.association(repo, comment.author),
            "body": comment.body,
            "reactions": self.reactions(url, comment),
            "performed_via_github_app": None,
        }

    def item(self, item: Item, project: Project) -> Json:
        """A board item as a webhook names it: node ids only, no number and no title."""
        issue, draft = self.view.issue(item.issue_id), self.view.draft(item.draft_id)
        content = draft or issue
        return {
            "id": item.id,
            "node_id": item.node_id,
            "project_node_id": project.node_id,
            "content_node_id": content.node_id if content else "",
            "content_type": "DraftIssue" if draft else "PullRequest" if issue and issue.pull else "Issue",
            "creator": self.user(item.creator),
            "created_at": stamp(item.created_at),
            "updated_at": stamp(item.updated_at),
            "archived_at": stamp(item.archived_at),
        }

    def draft(self, draft: Draft) -> Json:
        about = {"id": draft.id, "node_id": draft.node_id, "title": draft.title, "body": draft.body}
        times = {"created_at": stamp(draft.created_at), "updated_at": stamp(draft.updated_at)}
        return about | {"user": self.user(draft.creator)} | times

    def item_with_content(self, item: Item, project: Project, shown: set[int], is_seen: bool) -> Json:
        """A board item as REST lists it; `shown` are the ids of the fields asked for, the title comes always."""
        owners = "users" if self.view.world.account(project.owner).kind == "User" else "orgs"
        url = f"{self.api}/{owners}/{project.owner}/projectsV2/{project.number}"
        draft, issue = self.view.draft(item.draft_id), self.view.issue(item.issue_id)
        content = self.draft(draft) if draft else self.issue(issue) if issue else None
        wanted = [v for v in self.view.values(item) if v.field.data_type == "TITLE" or v.field.id in shown]
        named = self.item(item, project)
        named = {name: value for name, value in named.items() if not name.startswith(("content_node", "project_node"))}
        links = {"project_url": url, "item_url": f"{url}/items/{item.id}"}
        return (
            named
            | links
            | {
                "content": content if is_seen else None,
                "fields": [self.field_value(v) for v in wanted],
            }
        )

    def field_value(self, value: FieldValue) -> Json:
        field, holds = value.field, value.value.holds
        shown: Any = {"raw": holds, "html": holds} if isinstance(holds, str) else holds
        if field.data_type == "SINGLE_SELECT":
            shown = self.option(field, str(holds))
        return {"id": field.id, "name": field.name, "data_type": field.data_type.lower(), "value": shown}

    def issue_field(self, field: IssueField) -> Json:
        """A field that an organisation has on its issues."""
        options = [{"id": n, "name": x, "color": "gray", "priority": n} for n, x in enumerate(field.options, start=1)]
        about = {"id": field.id, "node_id": field.node_id, "name": field.name, "data_type": field.data_type}
        times = {"created_at": stamp(field.created_at), "updated_at": stamp(field.created_at)}
        return about | times | ({"options": options} if options else {})

    def issue_field_value(self, field: IssueField, holds: str | float) -> Json:
        """What an issue has in one of them."""
        about = {"issue_field_id": field.id, "issue_field_name": field.name, "node_id": field.node_id}
        chosen = {"id": 1, "name": holds, "color": "gray"} if field.data_type == "single_select" else None
        return about | {"data_type": field.data_type, "value": holds, "single_select_option": chosen}

    def option(self, field: Field, option_id: str) -> Json:
        option = next(o for o in field.options if o.id == option_id)
        texts = {
            name: {"raw": text, "html": text}
            for name, text in (("name", option.name), ("description", option.description))
        }
        return {"id": option.id, "color": option.color, **texts}


def permissions(role: str) -> dict[str, bool]:
    """The five flags that REST writes for a role."""
    names = ("pull", "triage", "push", "maintain", "admin")
    held = ("none", "read", "triage", "write", "maintain", "admin").index(role)
    return {name: held >= place for place, name in enumerate(names, start=1)}
