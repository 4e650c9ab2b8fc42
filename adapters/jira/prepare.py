"""Setting a Jira site up: what its public API can create, and the rest as steps for a person."""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.jira.columns import Columns
from adapters.jira.doctor import Doctor
from adapters.jira.errors import Refused
from adapters.jira.hooks import Hooks, why_not
from adapters.jira.new_fields import NewFields
from adapters.tracker import Health, Step


@dataclass(frozen=True, slots=True)
class Preparation:
    """What `init` does on one site. `webhook` is the public address and the secret, if they are known.

    `columns`: None where the board is not to be changed.
    """

    doctor: Doctor
    hooks: Hooks
    fields: NewFields
    columns: Columns | None
    name: str
    webhook: tuple[str, str] | None

    def steps(self, dry_run: bool) -> Iterator[Step]:
        """Every step, done or (`dry_run`) only named; running it again does nothing twice.

        Statuses and transitions stay with a person, and so do columns unless app.yaml says otherwise: Jira has no
        public way to change a board, and a status that no column shows would make issues vanish from it.
        """
        yield Step("already there", "labels", "Jira makes a label the first time it is used.")
        if self.webhook is not None:
            yield self._webhook(*self.webhook, dry_run)
        yield from self.columns.steps(dry_run) if self.columns else ()
        yield from self.fields.steps(dry_run)
        for finding in self.doctor.look():
            if finding.health is not Health.OK and finding.about not in {"webhook", "fields"}:
                yield Step("by hand", f"{finding.about}: {finding.says}", finding.mend)

    def _webhook(self, url: str, secret: str, dry_run: bool) -> Step:
        what = f"webhook to {url}"
        try:
            hooks = self.hooks.to(url)
            if hooks:
                return _there(what, any(hook.signed is False for hook in hooks))
            if not dry_run:
                self.hooks.register(self.name, url, secret)
        except Refused as refusal:
            return Step("by hand", f"{what}: {why_not(refusal)}", self.hooks.by_hand(url))
        return Step("would do" if dry_run else "done", what, "")


def _there(what: str, unsigned: bool) -> Step:
    if unsigned:
        how = "Settings > System > WebHooks > edit > Secret: the first of the tracker's webhook secrets."
        return Step("by hand", f"{what}: it is there, but not signed", how)
    return Step("already there", what)
