"""How long reads have lagged behind what was heard, by our own clock: the tracker's may differ from it by minutes."""

from collections import OrderedDict
from datetime import datetime, timedelta

from integrator.subjects import Subject

AT_MOST = 10_000
APART = timedelta(minutes=10)  # more than any two clocks are apart


class Doubts:
    """Since when one worker's reads of an issue or board have been older than what was heard of it."""

    def __init__(self) -> None:
        self._since: OrderedDict[Subject, tuple[datetime, datetime]] = OrderedDict()

    def age(self, ref: Subject, heard: datetime, now: datetime) -> timedelta:
        """For how long reads have been older than this; for ever where it happened long before any lag."""
        if now - heard > APART:
            return timedelta.max
        known, since = self._since.get(ref, (heard, now))
        self._since[ref] = (heard, since if known == heard else now)
        self._since.move_to_end(ref)
        while len(self._since) > AT_MOST:
            self._since.popitem(last=False)
        return now - self._since[ref][1]
