"""The fleet that a test scripts: simulated nodes, and real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from stateward.testing.control import Control, KitError, duration
from stateward.testing.real_nodes import RealNodes

Which = int | str | Sequence[str]
"""Nodes: the first N of the fleet by id, one id, or several."""


class Fleet:
    """Nodes of one server. Those that `add` makes exist in the server only and answer as `script` says."""

    def __init__(self, control: Control, real_nodes: RealNodes) -> None:
        self._control = control
        self._real_nodes = real_nodes
        self._unknown = False
        self._is_scripted = False

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The simulated nodes by id: `id`, `platform`, `state` (`online` or `offline`), and more where there is."""
        return list(self._control.ask("fleet")["nodes"])

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules of the script as the server has them, in the order in which they are asked."""
        return list(self._control.ask("fleet")["rules"])

    def add(
        self,
        count: int = 1,
        *,
        tags: Mapping[str, str] | None = None,
        platform: Literal["Linux", "Windows", "MacOS"] = "Linux",
        name: str | None = None,
    ) -> list[str]:
        """Add simulated nodes, which are online at once; their ids."""
        wish = _given(add=count, tags=None if tags is None else dict(tags), platform=platform, name=name)
        return list(self._control.tell("fleet", wish)["nodes"])

    def add_real(self, *, tags: Mapping[str, str] | None = None, name: str | None = None) -> str:
        """Make this machine a node: an agent that really runs what it is told, as you, in a process of its own.

        The answer is its id, when it is online. It ends with the test, and with it what it has started. From now on
        the server asks for the access key in the environment, so that nobody else on this machine can use the node.
        """
        return self._real_nodes.add(dict(tags or {}), name)

    def script(
        self,
        status: Literal["Success", "Failed", "TimedOut", "Skipped"] | None = None,
        *,
        nodes: Which | None = None,
        share: float | None = None,
        document: str | None = None,
        step: str | None = None,
        run: int | None = None,
        times: int | None = None,
        output: str | None = None,
        error: str | None = None,
        exit_code: int | None = None,
        delay: timedelta | str | None = None,
        silent: bool = False,
    ) -> None:
        """Add a rule to the script, which is asked before older ones.

        It holds for the targets `nodes` (the first N of an execution by id, or by their ids), for each node with the
        probability `share`, for the `document`, for documents with a `step` of this name, for an association's Nth
        `run`, and for so many `times`; what is left out is not asked.
        Then that step (else the last) ends with `status`, `exit_code`, `output`, `error` after `delay`; a `silent`
        node never answers. A document may be created after its rule; a name that fits nothing at the end of the test
        fails the test, a rule that has decided nothing by then is a warning. Raises KitError for members that
        contradict each other.
        """
        rule = _given(
            status=status,
            nodes=[nodes] if isinstance(nodes, str) else nodes,
            share=share,
            document=document,
            step=step,
            run=run,
            times=times,
            output=output,
            error=error,
            exit_code=exit_code,
            delay=None if delay is None else duration(delay),
            silent=silent or None,
        )
        rules = self._control.tell("fleet", {"script": rule, "ahead": True})["rules"]
        self._unknown = self._unknown or "unknown" in rules[0]
        self._is_scripted = True

    def clear_script(self) -> None:
        """From now on every step succeeds."""
        self._control.tell("fleet", {"scripts": []})
        self._unknown = self._is_scripted = False

    def offline(self, nodes: Which, *, duration: timedelta | str | None = None) -> None:
        """Take nodes away, for a time or until `online`."""
        self._presence("offline", nodes, duration)

    def online(self, nodes: Which) -> None:
        """Bring nodes back; what they have missed is caught up."""
        self._presence("online", nodes, None)

    def reboot(self, nodes: Which, *, duration: timedelta | str | None = None) -> None:
        """Reboot nodes: what runs on them has failed."""
        self._presence("reboot", nodes, duration)

    def remove(self, nodes: Which) -> None:
        """Deregister nodes."""
        self._presence("remove", nodes, None)

    def names_that_fit_nothing(self) -> list[str]:
        """What is wrong with the names in the script, one sentence each; a name that once fitted is never wrong."""
        if not self._unknown:
            return []
        found = [rule["unknown"] for rule in self.rules if "unknown" in rule]
        self._unknown = bool(found)
        return found

    def unused_rules(self) -> list[str]:
        """The rules that have decided nothing, one sentence each; with a `share` that is chance."""
        if not self._is_scripted:
            return []
        unused = [rule["script"] for rule in self.rules if rule.get("unused") and "share" not in rule["script"]]
        return [f"the rule script({_written(rule)}) has decided nothing" for rule in unused]

    def _presence(self, wish: str, nodes: Which, away: timedelta | str | None) -> None:
        which = [nodes] if isinstance(nodes, str) else nodes if isinstance(nodes, int) else list(nodes)
        if not which:
            raise KitError(f"{wish}: which nodes? Give a number, an id, or a list of ids")
        self._control.tell("fleet", {wish: which} | ({} if away is None else {"for": duration(away)}))


class Alarms:
    """The alarms that AlarmConfigurations of this server name."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def states(self) -> dict[str, str]:
        """Alarm → state, for those that were set."""
        return dict(self._control.ask("alarms"))

    def set(self, name: str, state: Literal["OK", "ALARM", "UNKNOWN"] | None) -> None:
        """Set an alarm, or with None take it away again."""
        self._control.tell("alarms", {name: state})


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _written(rule: Mapping[str, Any]) -> str:
    """The rule as the test has it."""
    given = dict(rule)
    status = [repr(given.pop("status"))] if "status" in given else []
    return ", ".join([*status, *(f"{name}={value!r}" for name, value in given.items())])
