"""How long a match may take is a matter of the pattern, whatever else the process does (spec 5.2)."""

import hashlib
import threading

import pytest

from stateward import clock
from stateward.documents import patterns

DEAR = "(a|aa)+b"
"""Takes about 1.6 times as long for every letter more."""


@pytest.fixture
def busy_process():
    """Threads that use every processor and leave Python to others."""
    over = threading.Event()

    def burn():
        while not over.is_set():
            hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 20_000)

    threads = [threading.Thread(target=burn) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


def cost_of(value):
    begun = clock.thread_s()
    patterns.matches(DEAR, value, 60.0)
    return clock.thread_s() - begun


def test_what_other_threads_use_does_not_count(busy_process):
    value = "a" * 12
    while cost_of(value) < patterns.TIMEOUT_S / 8:
        value += "a"
    assert [patterns.matches(DEAR, value, patterns.TIMEOUT_S) for _ in range(10)] == [False] * 10


def test_a_pattern_without_end_is_given_up_in_a_busy_process(busy_process):
    with pytest.raises(TimeoutError):
        patterns.matches(DEAR, "a" * 4000)
