"""What the GitHub adapter is told: where, which repositories, which board, which labels, who we are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.http import Deadlines
from mapping.issue import Column

PROTOCOL_COLUMNS: Mapping[Column, str] = {column: column.value for column in Column}


class LabelSpec(NamedTuple):
    """A label that has to exist: name, colour as six hex digits without `#`, description of at most 100 characters."""

    name: str
    color: str
    description: str


class ProjectRef(NamedTuple):
    """A Projects v2 board: the organisation or user that owns it, and its number there."""

    owner: str
    number: int


class Webhook(NamedTuple):
    """Where GitHub is to send deliveries, and the secret that it signs them with."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token (or any other token that doesn't expire)."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App's installation; `private_key` is PEM text."""

    app_id: int
    installation_id: int
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that one GitHub connection needs to know. `former` are logins that we used before.

    `fields` are the fields that are read and written. `p0` and `paused` are the labels whose open issues concern the
    board wherever their cards are.
    """

    name: str
    url: str
    repositories: tuple[str, ...]
    auth: Token | App
    project: ProjectRef | None = None
    columns: Mapping[Column, str] = field(default_factory=lambda: PROTOCOL_COLUMNS)
    labels: Sequence[LabelSpec] = ()
    former: frozenset[str] = frozenset()
    form: str = ""
    webhook: Webhook | None = field(default=None, repr=False)
    fields: tuple[str, ...] = ()
    p0: str = "P0"
    paused: str = "paused-by-emergency"
    deadlines: Deadlines = field(default_factory=Deadlines)

    def column_of(self, option: str) -> Column | None:
        """The protocol's column that a Status option stands for, whatever its case."""
        return next((column for column, name in self.columns.items() if name.casefold() == option.casefold()), None)

    def spelled(self, repository: str) -> str:
        """A repository as it is written here, if it is one of ours; else empty."""
        return next((name for name in self.repositories if name.casefold() == repository.casefold()), "")
