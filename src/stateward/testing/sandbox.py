"""State Manager for one test (D59): a server, a client for it, a clock to turn and a fleet to script."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION
from stateward.testing.control import Control, KitError, StateManagerFailed, UnusedRule
from stateward.testing.fleet import Alarms, Fleet
from stateward.testing.history import History
from stateward.testing.real_nodes import RealNodes
from stateward.testing.surroundings import surroundings
from stateward.testing.turning import Clock
from stateward.testing.workshop import workshop


class StateManager:
    """A server of its own, from `start` to `stop` or inside a `with` block, which ends with `verify`.

    While it runs, `boto3.client("ssm")` anywhere in this process, and the AWS CLI and SDKs in its children, reach it;
    of the user's own configuration nothing is read. `profiles` are those that the code under test names.
    """

    client: Any
    """A boto3 client for SSM."""
    clock: Clock
    fleet: Fleet
    alarms: Alarms

    def __init__(
        self, *, region: str = DEFAULT_REGION, account_id: str = DEFAULT_ACCOUNT, profiles: Sequence[str] = ()
    ) -> None:
        self.region = region
        self.account_id = account_id
        self._profiles = profiles
        self._open = ExitStack()
        self._is_running = False

    def start(self) -> StateManager:
        """Start the server. Raises KitError when it runs already."""
        if self._is_running:
            raise KitError("this StateManager runs already; another one is another server")
        shop = workshop()
        self._server = shop.start_server(region=self.region, account_id=self.account_id)
        self._open.callback(self._server.stop_later)
        shop.running.append(self)
        self._open.callback(shop.running.remove, self)
        self.url = self._server.url
        self.environment = shop.environment(self.url, self.region, self._profiles)
        """What another process needs in its environment; this one has it already."""
        self._open.enter_context(surroundings(self.environment, shop.session()))
        self._connect(shop.access_key_id, shop.secret_access_key, shop.session())
        self._is_running = True
        return self

    def stop(self) -> None:
        """End what was started. The server itself takes its leave beside what follows."""
        self._is_running = False
        self._open.close()

    def settle(self) -> None:
        """Wait until all that is due now has been done; time does not move."""
        self.clock.settle()

    def executions(self, association_id: str) -> list[dict[str, Any]]:
        """The history of an association, oldest first and whole, as DescribeAssociationExecutions has it.

        Waits first until all that is due now has been done.
        """
        self.settle()
        __tracebackhide__ = True
        try:
            return self._history.executions(association_id)
        except Exception as error:
            raise error.with_traceback(None) from None  # botocore's frames say nothing of the test

    def steps(self, execution: dict[str, Any]) -> list[dict[str, Any]]:
        """What every step on every target of an execution did, as GetCommandInvocation has it."""
        __tracebackhide__ = True
        try:
            return self._history.steps(execution)
        except Exception as error:
            raise error.with_traceback(None) from None

    def verify(self) -> None:
        """Wait until all has settled, then look for what no test may end with.

        Raises StateManagerFailed: an error inside the server, work that does not end, a script that names nothing.
        Warns with UnusedRule of rules that have decided nothing.
        """
        problems: list[str] = []
        try:
            self.settle()
        except (KitError, StateManagerFailed) as error:
            problems.append(str(error))
        problems += [f"the server failed: {text}" for text in self._server.errors.texts]
        problems += [f"the script names what there is not: {text}" for text in self.fleet.names_that_fit_nothing()]
        if problems:
            raise StateManagerFailed("\n".join(problems))
        for text in self.fleet.unused_rules():
            warnings.warn(text, UnusedRule, stacklevel=2)

    @property
    def calls(self) -> dict[str, int]:
        """How many calls of the API came, by the region that they were for; those of `client` count too."""
        return dict(self._server.calls.by_region)

    def diagnosis(self) -> str:
        """What a person wants to see of a test that failed: the time, the fleet, the script, the latest history."""
        from stateward.testing.diagnosis import describe

        return describe(self)

    def __enter__(self) -> StateManager:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.verify()
        finally:
            self.stop()

    def _connect(self, access_key_id: str, secret_access_key: str, session: Any) -> None:
        import boto3

        self.client = boto3.Session(botocore_session=session).client(
            "ssm",
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
        )
        self._open.callback(self.client.close)
        control = Control(self.url, access_key_id, secret_access_key)
        real_nodes = RealNodes(self.url, self.client, self.environment, self._require_signatures)
        self._open.callback(real_nodes.close)
        self._history = History(self.client)
        self.alarms = Alarms(control)
        self.fleet = Fleet(control, real_nodes)
        self.clock = Clock(control, self.fleet.names_that_fit_nothing)

    def _require_signatures(self) -> None:
        self._server.server.authenticator.require_signatures()


def prepare(*, region: str = DEFAULT_REGION, profiles: Sequence[str] = ()) -> None:
    """For code that makes its clients when it is imported: call it before that, in conftest.py for example.

    From now on, and until the process ends, AWS clients find the server of whichever test runs, which is where no
    other runs at the same time. A call outside of one is refused.
    """
    workshop().prepare(region, profiles)
