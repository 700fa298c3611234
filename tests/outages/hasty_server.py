"""`stateward serve`, which holds an empty poll, and leases work, for a second: what was lost comes again sooner."""

from stateward.cli.main import main
from stateward.commands import delivery
from stateward.gateway import polls

if __name__ == "__main__":
    polls.HOLD_S = 1.0
    delivery.LEASE_MS = polls.LEASE_MS = 1000
    main()
