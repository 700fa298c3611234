"""Waiting for what happens in real time: until it is there, or long after it should have been."""

import threading

from stateward.clock import monotonic_s

LONGEST_S = 60.0
LOOK_S = 0.005


def until(found, look_s=LOOK_S):
    """What `found` finds when it finds something; looks every `look_s` seconds."""
    end_s = monotonic_s() + LONGEST_S
    turn = threading.Event()
    while True:
        answer = found()
        if answer:
            return answer
        assert monotonic_s() < end_s, f"it did not come within {LONGEST_S:.0f} s"
        turn.wait(look_s)
