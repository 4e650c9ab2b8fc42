"""The command line run inside the test's own process: as users see it, without a second for the start."""

import contextlib
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from integrator import cli


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


def run(folder: Path, environ: Mapping[str, str], *arguments: str) -> Done:
    """Run `integrator ARGUMENTS` in a folder; of the environment's own INTEGRATOR_ variables only these count."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["integrator", *arguments])
        for name, value in environ.items():
            if name.startswith("INTEGRATOR_"):
                patch.setenv(name, value)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                cli.run()
        except SystemExit as end:
            return Done(int(end.code or 0), out.getvalue(), err.getvalue())
        finally:
            structlog.reset_defaults()
    return Done(0, out.getvalue(), err.getvalue())
