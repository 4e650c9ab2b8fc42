"""The moment from which promises are announced: written into app.yaml once, by `init`."""

import re
import shutil
from datetime import datetime
from pathlib import Path

from adapters.tracker import Step
from integrator.config import Config, parse
from integrator.yaml_file import ConfigError

_SECTION = re.compile(r"^sla:[ \t]*(#[^\r\n]*)?(?=\r?$)", re.MULTILINE)


def begin_enforcement(config: Config, file: Path, now: datetime, dry_run: bool) -> Step:
    """Write `sla.enforce_from` if it is not there; every other character of the file stays."""
    if config.sla.enforce_from is not None:
        return Step("already there", f"sla.enforce_from is {config.sla.enforce_from.isoformat()}")
    at = now.replace(microsecond=0)
    line = f"enforce_from: {at.isoformat().replace('+00:00', 'Z')}"
    what = f"sla.{line} (older reports are never announced)"
    if dry_run:
        return Step("would do", what)
    by_hand = Step("by hand", what, f"add `{line}` to the section sla of {file}")
    try:
        text = file.read_bytes().decode()
        new = _with(text, line)
        parse(new, str(file))
        _swap(file.resolve(), new)
    except (ConfigError, OSError):
        return by_hand
    return Step("done", what)


def _with(text: str, line: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    if _SECTION.search(text):
        return _SECTION.sub(lambda found: f"{found[0]}{end}  {line}", text, count=1)
    return f"{text.rstrip()}{end}{end}sla:{end}  {line}{end}"


def _swap(file: Path, text: str) -> None:
    """Put the new text in the file's place at once, so that nobody ever reads half of it."""
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(text.encode())
    shutil.copymode(file, new)
    new.replace(file)
