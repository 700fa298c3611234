"""What must be so at the end of a conversation that a proxy spoils: part of the table of recordings."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """What must be so at the end of a conversation."""

    nodes: int = 1
    ping: str | None = "Online"
    """As DescribeInstanceInformation has it; None: the node is not listed."""

    connection: str | None = "connected"
    """As GetConnectionStatus has it."""

    taken: tuple = ()
    """Each time that the node got the command: by `channel`, by `poll`, or by the first poll `afterwards`."""

    status: str | None = None
    """The command's in the end."""

    runs: tuple = ()
    """(Status, ErrorCode) of the association that a refresh was for."""

    differs: tuple = ()
    """(operation, status, code) of every answer that is not the recorded one."""


# Behind a proxy: what the node had done before, and what must be so at the end when the proxy answers as recorded
# instead of the server, and when it does so after it. One command is sent before the first such answer; ends by hand
# from node protocol 3, 5.2, 5.7, 6 and 9.3, D25 and D54.
BY_CHANNEL = Outcome(taken=("channel",), status="Success")
BY_POLL = Outcome(taken=("poll",), status="Success")
AT_LAST = Outcome(taken=("afterwards",), status="Success")
NO_NODE = Outcome(nodes=0, ping=None, connection=None)
SILENT = NO_NODE._replace(nodes=1, ping="ConnectionLost")
NOT_KNOWN = ("ListAssociations", 400, "AccessDeniedException")
LIST_LOST = Outcome(runs=(("Pending", ""),), differs=(NOT_KNOWN,))
LOCKED_OUT = ("RequestManagedInstanceRoleToken", 400, "AccessDeniedException")
PROXIED = {
    # Nobody has registered; or once, since all four tries offer one key.
    "register-error-500": (None, NO_NODE, SILENT),
    "register-throttled": (None, NO_NODE, SILENT),
    "errors-role-token-500": (None, BY_CHANNEL, BY_CHANNEL),
    "errors-startup-ping-500": (None, BY_CHANNEL, BY_CHANNEL),
    "errors-unknown-operation": (
        None,
        AT_LAST._replace(connection="notconnected", differs=(NOT_KNOWN,) * 2),
        AT_LAST._replace(differs=(NOT_KNOWN,) * 2),
    ),
    # The agent takes a refusal for success: its new key is one that the server has never seen, or has.
    "key-rotation-refused": (None, BY_CHANNEL._replace(differs=(LOCKED_OUT,) * 2), BY_CHANNEL),
    "errors-list-503": ("channel", LIST_LOST, LIST_LOST),
    "errors-list-invalid-instance": ("channel", LIST_LOST, LIST_LOST),
    "list-associations-error-500": ("channel", Outcome(), Outcome()),
    "mds-get-messages-500": ("polls", AT_LAST, AT_LAST),
    "mds-get-messages-again": ("polls", BY_POLL, BY_POLL),
    "mds-get-messages-denied": ("polls", AT_LAST._replace(connection="notconnected"), AT_LAST),
    "mgs-create-channel-400": (None, BY_POLL, BY_POLL),
    "mgs-create-channel-500": (None, BY_POLL, BY_POLL),
    "mgs-upgrade-refused": (None, BY_POLL, BY_POLL),
    "mgs-no-pong": ("channel", BY_CHANNEL, BY_CHANNEL),
    "ping-throttled": (
        "token",
        AT_LAST._replace(ping="ConnectionLost", connection="notconnected"),
        AT_LAST._replace(connection="notconnected"),
    ),
}
