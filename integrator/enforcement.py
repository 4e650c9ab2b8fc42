"""The moment from which promises are announced: written into app.yaml once, by `init`."""

import re
from datetime import datetime
from pathlib import Path

from adapters.tracker import Step
from integrator.config import Config, text_of

_SECTION = re.compile(r"^sla:[ \t]*(#.*)?$", re.MULTILINE)


def begin_enforcement(config: Config, file: Path, now: datetime, dry_run: bool) -> Step:
    """Write `sla.enforce_from` if it is not there; every other character of the file stays."""
    if config.sla.enforce_from is not None:
        return Step("already there", f"sla.enforce_from is {config.sla.enforce_from.isoformat()}")
    at = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    what = f"sla.enforce_from: {at} (older reports are never announced)"
    if dry_run:
        return Step("would do", what)
    text = text_of(file)
    line = f"  enforce_from: {at}"
    if _SECTION.search(text):
        text = _SECTION.sub(lambda found: f"{found[0]}\n{line}", text, count=1)
    elif re.search(r"^sla:", text, re.MULTILINE):
        return Step("by hand", what, f"add `enforce_from: {at}` to the sla section of {file}")
    else:
        text = f"{text.rstrip()}\n\nsla:\n{line}\n"
    swap = file.with_name(f".{file.name}.new")
    swap.write_text(text, encoding="utf-8")
    swap.replace(file)
    return Step("done", what)
