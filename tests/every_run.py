"""Which cases of a test `make test` runs; the rest of them is for `make test-all`."""

import pytest


def with_the_rest_slow(cases, now, name=None):
    """All cases for `parametrize`, of which every run has those in `now`; `name` makes a case's id."""
    return [
        pytest.param(case, id=name and name(case), marks=() if case in now else pytest.mark.slow_all) for case in cases
    ]
