"""The lanes of the agenda: what overtakes what."""

from enum import IntEnum


class Lane(IntEnum):
    """What overtakes what: an event before a due clock before a backfill."""

    EVENT = 0
    TIMER = 1
    SWEEP = 2


OF_THE_PACE = {Lane.EVENT: 1.0, Lane.TIMER: 1.0, Lane.SWEEP: 0.6}
"""The part of what may be created at all that is a lane's own: a backfill leaves room for emergencies."""
