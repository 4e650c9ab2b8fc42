"""How a payload is read: leniently about what we don't use, and refused with a sentence where we do."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from webhooks.delivery import BadDelivery

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_UNPRINTABLE = re.compile(r"[^A-Za-z0-9_.:/-]")


class Part(BaseModel):
    """A part of a payload: only the fields that are used, everything else is left unread."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


PartT = TypeVar("PartT", bound=Part)


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the calendar") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, in UTC: ISO 8601 (also `-0800`, without the colon) or epoch seconds or milliseconds."""


def lowered(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers by lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


def media_type(headers: Mapping[str, str], accepted: Collection[str]) -> str:
    """The content type without its parameters; BadDelivery(415) when it is none of the accepted ones."""
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        raise BadDelivery(415, f"the content type is not {' or '.join(accepted)}")
    return given


def parsed(text: bytes) -> dict[str, Any]:
    """The JSON object in the text; BadDelivery(400) for anything else."""
    try:
        found = from_json(text, cache_strings="none")
    except ValueError as error:
        raise BadDelivery(400, "the payload is not JSON") from error
    if not isinstance(found, dict):
        raise BadDelivery(400, "the payload is not a JSON object")
    return found


def understood(part: type[PartT], payload: Mapping[str, Any]) -> PartT:
    """The payload as this part; BadDelivery(400) names the first field that is wrong, never its value."""
    try:
        return part.model_validate(payload)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(step) for step in fault["loc"])
        raise BadDelivery(400, f"the payload's {where} is missing or malformed: {fault['msg']}") from error


def plain(text: str, most: int = 60) -> str:
    """A sender's word made safe to show: no control characters, no markup, not long."""
    return _UNPRINTABLE.sub("?", text[:most])
