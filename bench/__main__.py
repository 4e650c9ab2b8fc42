"""Figures, each beside something of the same run: `python -m bench [--json] [NAME ...]`. Machines are noisy."""

import json
import sys
from importlib import import_module

from bench.figure import Figure

NAMES = ("planning", "ticking", "accepting", "working", "github_scale", "jira_scale")


def main() -> int:
    """Run every measure, or only those named, and print one table, or JSON lines; 1 when a bound is missed."""
    chosen = [argument for argument in sys.argv[1:] if argument != "--json"]
    if unknown := set(chosen) - set(NAMES):
        sys.stderr.write(f"there is no measure {', '.join(sorted(unknown))}; there is {', '.join(NAMES)}\n")
        return 2
    show, missed = (_as_json if "--json" in sys.argv else _as_line), 0
    for name in chosen or NAMES:
        for figure in import_module(f"bench.{name}").measure():
            print(show(figure), flush=True)
            missed += not figure.is_met
    if missed:
        sys.stderr.write(f"{missed} of the bounds missed\n")
    return 1 if missed else 0


def _as_line(figure: Figure) -> str:
    met = "" if not figure.bound else "met" if figure.is_met else "MISSED"
    return f"{figure.what:78} {figure.value:12,.3f} {figure.unit:9} {figure.bound:9} {met}".rstrip()


def _as_json(figure: Figure) -> str:
    told = {"what": figure.what, "figure": round(figure.value, 4), "unit": figure.unit}
    bounds = {"least": figure.least, "most": figure.most}
    return json.dumps(told | {name: bound for name, bound in bounds.items() if bound is not None})


if __name__ == "__main__":
    sys.exit(main())
