"""Signals while a service begins, when nobody could give back what it takes up."""

import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from integrator import serving
from integrator.ending import SIGNALS


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put back what listens to signals."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_the_service_has_begun(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    begun: list[str] = []

    def begin() -> SimpleNamespace:
        signal.raise_signal(number)
        time.sleep(0.1)
        begun.append("whole")
        return SimpleNamespace(app=None)

    monkeypatch.setattr(serving, "begun", begin)
    monkeypatch.setattr("waitress.serve", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        serving._waitress("127.0.0.1", 0)
    assert begun == ["whole"]
