"""`python -m stateward`."""

from stateward.cli.main import main

main()
