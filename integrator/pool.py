"""Workers in threads, and the heart that keeps their leases."""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta

import structlog

from integrator.adopting import OtherPolicy
from integrator.worker import Worker

log = structlog.get_logger()

POLL = timedelta(seconds=0.5)
BEAT = timedelta(seconds=5)
BREATHER = timedelta(seconds=2)
FAREWELL = 25.0  # seconds: a request under way ends within 20


class Pool:
    """A thread for each worker, which takes up what is due at once when woken and within half a second otherwise."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = tuple(workers)
        self._stopping = threading.Event()
        self._bell = threading.Condition()
        self._rings = 0
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), name=f"worker-{number}", daemon=True)
            for number, worker in enumerate(self._workers)
        ]
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)
        self.superseded = False

    def start(self) -> None:
        """Begin to work."""
        for thread in (*self._threads, self._heart):
            thread.start()

    def wake(self) -> None:
        """Something is due now."""
        with self._bell:
            self._rings += 1
            self._bell.notify_all()

    def stop(self, timeout: float = FAREWELL) -> None:
        """Finish the requests under way, begin no other, and give back what was taken up."""
        until = time.monotonic() + timeout
        self._stopping.set()
        for worker in self._workers:
            worker.stop()
        self.wake()
        for worker, thread in zip(self._workers, self._threads, strict=True):
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                self._leave(worker)

    @staticmethod
    def _leave(worker: Worker) -> None:
        try:
            worker.give_back()
        except Exception:
            log.exception("leases not given back")

    @property
    def is_alive(self) -> bool:
        """Whether every worker is still at work."""
        return all(thread.is_alive() for thread in self._threads)

    def _work(self, worker: Worker) -> None:
        while not self._stopping.is_set():
            heard = self._rings
            try:
                busy = worker.run_due() > 0
            except OtherPolicy as error:
                log.error("stopped working", reason=str(error))
                self.superseded = True
                return
            except Exception:
                log.exception("worker stumbled")
                self._stopping.wait(BREATHER.total_seconds())
                continue
            if not busy:
                self._wait(heard)

    def _wait(self, heard: int) -> None:
        """Wait for a ring after the ones heard, or for the next poll."""
        with self._bell:
            self._bell.wait_for(lambda: self._rings != heard, POLL.total_seconds())

    def _beat(self) -> None:
        while not self._stopping.wait(BEAT.total_seconds()):
            for worker in self._workers:
                try:
                    worker.beat()
                except Exception:
                    log.exception("lease not renewed")
