"""Errors as people see them: one sentence on stderr, and an exit code that scripts can rely on."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

FAULTY, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130


class Failed(Exception):
    """The answer is no; everything has been printed already."""

    def __init__(self, code: int = FAULTY) -> None:
        super().__init__()
        self.code = code


@contextmanager
def explained(debug: bool) -> Iterator[None]:
    """Turn whatever a command raises into a sentence and an exit code."""
    try:
        yield
    except Failed as failed:
        sys.exit(failed.code)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAULTY)
    except Exception as error:
        if debug:
            traceback.print_exc()
        code, says = _sentence(error)
        click.echo(f"integrator: {says}", err=True)
        sys.exit(code)


def _sentence(error: Exception) -> tuple[int, str]:
    from sqlalchemy.exc import SQLAlchemyError

    from adapters.tracker import AccessDenied, TrackerError
    from integrator.adopting import OtherPolicy
    from integrator.presence import Taken
    from integrator.schema import NewerSchema
    from integrator.store import Unwritable
    from integrator.yaml_file import ConfigError

    match error:
        case ConfigError():
            return FAULTY, str(error)
        case AccessDenied():
            return FAULTY, str(error)
        case TrackerError():
            return UNREACHABLE, str(error)
        case SQLAlchemyError() | Unwritable():
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            return UNREACHABLE, f"the database cannot be used ({reason}); look at INTEGRATOR_DATABASE_URL"
        case OtherPolicy() | NewerSchema() | Taken():
            return FAULTY, str(error)
        case _:
            return FAULTY, f"{type(error).__name__}: {error}; run it with --debug and report the traceback"
