"""The calls that tests of the simulated fleet make again and again."""

import json


class Fleet:
    """The hand on the simulated fleet of a server."""

    def __init__(self, server):
        self._server = server

    def __call__(self, **request):
        """Change the fleet, or with nothing ask for it; `for_` is the member `for`."""
        if not request:
            return self._server.http("/_stateward/fleet")
        body = {name.rstrip("_"): value for name, value in request.items()}
        return self._server.http("/_stateward/fleet", json.dumps(body).encode())

    def add(self, count=1, **members):
        """The ids of new nodes."""
        return self(add=count, **members)["nodes"]

    def script(self, **rule):
        """Add a rule."""
        return self(script=rule)

    @property
    def states(self):
        """Node id → online or offline."""
        return {node["id"]: node["state"] for node in self()["nodes"]}
