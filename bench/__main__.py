"""Figures, each beside something measured in the same run. `python -m bench [--json]`; machines are noisy."""

import json
import sys
from collections.abc import Callable, Iterator

from bench import planning, ticking

MEASURES: tuple[Callable[[], Iterator[tuple[str, float, str]]], ...] = (planning.measure, ticking.measure)


def main() -> None:
    """Run every measure and print one table, or JSON lines."""
    for measure in MEASURES:
        for what, figure, unit in measure():
            if "--json" in sys.argv:
                print(json.dumps({"what": what, "figure": round(figure, 4), "unit": unit}))
            else:
                print(f"{what:78} {figure:12.3f} {unit}")


if __name__ == "__main__":
    main()
