"""The program behind `stateward agent run`, with everything that it waits for made short, so that outages are."""

import sys

from stateward.agent import backoff, channel, client, outbox, polling
from stateward.agent.backoff import Backoff
from stateward.cli import agent_process

CAP_S = 0.3
CALL_S = 1.0
POLL_S = 3.0

if __name__ == "__main__":
    channel.PING_S = 0.4
    channel.OPEN_S = CALL_S
    channel.CLOSE_S = 0.5
    channel.COME_BACK_S = 0.1
    client.TIMEOUT_S = CALL_S
    client.POLL_TIMEOUT_S = POLL_S
    polling.SHORTEST_S = 0.5
    client._Caller.send.__kwdefaults__["timeout_s"] = CALL_S
    client.NodeClient._ec2messages.__kwdefaults__["timeout_s"] = CALL_S
    outbox.RESEND_MS = 1000
    backoff.FIRST_S = (0.02, 0.2)
    Backoff.__init__.__defaults__ = (CAP_S,)
    agent_process.main(sys.argv[1])
