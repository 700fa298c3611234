"""Measures Stateward beside its peers, in turns, and prints the ratios. Servers and client are real processes."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import fanout, load, peers, requests, seeding
from stateward.cli import credentials
from stateward.cli.loop import run_loop
from stateward.cli.processes import start_server
from stateward.config import DEFAULT_ACCOUNT

EXECUTIONS = 10_000
ASSOCIATIONS = 4_000
CONNECTIONS = 8
STARTERS = 32
BEHIND_ONE_DOCUMENT = 2_000
ROUNDS = 3
SECONDS = 2.0

PAGE = "a signed page of 50 out of 10,000 executions"
UNSIGNED_PAGE = "the same page, unsigned (--auth open)"
HEALTH = "GET /healthz"
MOTO = "moto_server: ListCommands with 50 rows"
STARTS = "StartAssociationsOnce, durable, 32 clients"
COMMITS = "sqlite3: single-row commits, synchronous=FULL"


def main() -> None:
    print(f"Python {platform.python_version()}; {ROUNDS} rounds in turns, the median counts", flush=True)
    with tempfile.TemporaryDirectory(prefix="stateward-bench-") as name:
        folder = Path(name)
        seeds = seeding.seed(folder / "signed", EXECUTIONS, ASSOCIATIONS)
        shutil.copytree(folder / "signed", folder / "open")
        report(measure_reads(folder, seeds), measure_writes(folder, seeds))
        found = fanout.measure(folder / "fanout", BEHIND_ONE_DOCUMENT)
        print(
            f"A new default version under {found.associations:,} associations: "
            f"all had run after {found.seconds:.1f} s; "
            f"the loop was late by {found.late_p99_ms:.1f} ms at p99, by {found.late_most_ms:.1f} ms at most."
        )


def measure_reads(folder: Path, seeds: seeding.Seeds) -> dict[str, float]:
    """Requests per second of everything that only reads, over the same number of connections."""
    members = {"AssociationId": seeds.association_id, "MaxResults": 50}
    operation = "DescribeAssociationExecutions"
    signed, signed_url = start_server(folder / "signed", 0, "--log-level", "warning")
    with signed:
        key = run_loop(credentials.Keys(folder / "signed").administrator(DEFAULT_ACCOUNT))
        opened, open_url = start_server(folder / "open", 0, "--log-level", "warning", "--auth", "open")
        with opened, peers.moto_server() as moto_url:
            kinds = {
                HEALTH: (signed_url, requests.get(signed_url, "/healthz")),
                PAGE: (signed_url, requests.call(signed_url, operation, members, key)),
                UNSIGNED_PAGE: (open_url, requests.call(open_url, operation, members, None)),
                MOTO: (moto_url, requests.call(moto_url, "ListCommands", {"MaxResults": 50}, key)),
            }
            found: dict[str, list[float]] = {kind: [] for kind in kinds}
            for _ in range(ROUNDS):
                for kind, (url, request) in kinds.items():
                    found[kind].append(per_second(url, [[request]] * CONNECTIONS))
    return {kind: median(values) for kind, values in found.items()}


def measure_writes(folder: Path, seeds: seeding.Seeds) -> dict[str, float]:
    """Durable starts per second, each of another association, beside bare commits on the same disk."""
    found: dict[str, list[float]] = {STARTS: [], COMMITS: []}
    server, url = start_server(folder / "signed", 0, "--log-level", "warning")
    with server:
        key = run_loop(credentials.Keys(folder / "signed").administrator(DEFAULT_ACCOUNT))
        starts = [
            requests.call(url, "StartAssociationsOnce", {"AssociationIds": [association_id]}, key)
            for association_id in seeds.to_start
        ]
        for _ in range(ROUNDS):
            found[STARTS].append(per_second(url, [starts[number::STARTERS] for number in range(STARTERS)]))
            found[COMMITS].append(peers.commits_per_second(folder, SECONDS))
    return {kind: median(values) for kind, values in found.items()}


def per_second(url: str, by_connection: list[list[bytes]]) -> float:
    address = urlsplit(url)
    assert address.hostname is not None, "a server's address has a host"
    assert address.port is not None, "a server's address has a port"
    return load.measure(load.Plan(address.hostname, address.port, SECONDS, by_connection)).per_second


def report(reads: dict[str, float], writes: dict[str, float]) -> None:
    """The table of ratios, and how much of a page's time goes into its signature."""
    rates = reads | writes
    print(f"{'':46}{'per second':>12}  {'peer':46}{'per second':>12}{'ratio':>8}")
    for what, peer in ((PAGE, HEALTH), (UNSIGNED_PAGE, HEALTH), (PAGE, MOTO), (STARTS, COMMITS)):
        print(f"{what:46}{rates[what]:>12,.0f}  {peer:46}{rates[peer]:>12,.0f}{rates[what] / rates[peer]:>8.2f}")
    share = 1 - rates[PAGE] / rates[UNSIGNED_PAGE]
    print(f"Checking the signature takes {share:.0%} of the time of a signed page.")


if __name__ == "__main__":
    main()
