"""The demo: the real receiver, signatures, agenda, workers and plan, on trackers in memory and a fast clock."""

from integrator.demo.show import run

__all__ = ["run"]
