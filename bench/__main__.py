"""Figures, each beside something of the same run: `python -m bench [--json] [NAME ...]`. Machines are noisy."""

import json
import sys
from importlib import import_module

NAMES = (
    "planning",
    "ticking",
    "accepting",
    "working",
    "github_scale",
)


def main() -> None:
    """Run every measure, or only those named, and print one table, or JSON lines."""
    chosen = [argument for argument in sys.argv[1:] if argument != "--json"]
    for name in chosen or NAMES:
        for what, figure, unit in import_module(f"bench.{name}").measure():
            if "--json" in sys.argv:
                print(json.dumps({"what": what, "figure": round(figure, 4), "unit": unit}), flush=True)
            else:
                print(f"{what:78} {figure:12.3f} {unit}", flush=True)


if __name__ == "__main__":
    main()
