"""The test kit: State Manager in a test suite (D59). `from stateward.testing import StateManager`, or with pytest the
fixture `state_manager`.

Nothing is loaded before it is asked for: pytest reads this package in every project where Stateward is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stateward.testing.control import KitError, StateManagerFailed, UnusedRule
    from stateward.testing.sandbox import StateManager, prepare

__all__ = ["KitError", "StateManager", "StateManagerFailed", "UnusedRule", "prepare"]


def __getattr__(name: str) -> Any:
    if name in ("StateManager", "prepare"):
        from stateward.testing import sandbox

        return getattr(sandbox, name)
    if name in ("KitError", "StateManagerFailed", "UnusedRule"):
        from stateward.testing import control

        return getattr(control, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
