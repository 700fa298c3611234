"""Who belongs to a fleet: one key pair for all, and a line for each node, in a folder that brings the fleet back."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from stateward import ids
from stateward.agent import identity as identities
from stateward.agent.identity import Identity, IdentityProblem, NodeKey, Registration

ROSTER_FILE = "fleet.jsonl"


class Member(msgspec.Struct, frozen=True):
    """A registered node; `number` counts from 1."""

    number: int
    node_id: str
    fingerprint: str


class _Head(msgspec.Struct, frozen=True):
    endpoint: str
    region: str


class Roster:
    """The fleet of one folder, which the caller holds exclusively. Raises IdentityProblem."""

    def __init__(self, folder: Path, endpoint: str, region: str) -> None:
        self._key = identities.prepare_key(folder).private_key
        self._path = folder / ROSTER_FILE
        self._head = _Head(endpoint, region)
        self._members: dict[int, Member] = {}
        self._load()

    @property
    def members(self) -> list[Member]:
        return list(self._members.values())

    def missing(self, count: int) -> int:
        """How many of the first `count` nodes are not registered yet."""
        return sum(number not in self._members for number in range(1, count + 1))

    def identity(self, number: int) -> Identity | None:
        """Who the node with this number is, if it is registered."""
        member = self._members.get(number)
        return None if member is None else self._identity(member)

    def new_key(self) -> NodeKey:
        """The fleet's key with a fingerprint of a node's own."""
        return NodeKey(self._key, ids.new_uuid())

    def add(self, number: int, node_id: str, key: NodeKey) -> Identity:
        """Keep a registration; a process that is killed afterwards has not lost it."""
        member = Member(number, node_id, key.fingerprint)
        self._members[number] = member
        self._append(member)
        return self._identity(member)

    def clear(self) -> None:
        """The nodes are deregistered; the key stays."""
        self._members.clear()
        self._path.unlink(missing_ok=True)

    def _identity(self, member: Member) -> Identity:
        registration = Registration(member.node_id, self._head.region, self._head.endpoint)
        return Identity(registration, NodeKey(self._key, member.fingerprint))

    def _load(self) -> None:
        try:
            lines = self._path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            self._append(self._head)
            return
        except OSError as error:
            raise IdentityProblem(f"{self._path}: the fleet cannot be read ({error})") from error
        whole = [line for line in lines if line.endswith(b"\n")]
        if len(whole) < len(lines):
            self._path.write_bytes(b"".join(whole))  # killed in the middle of a line
        try:
            head = msgspec.json.decode(whole[0], type=_Head)
            members = [msgspec.json.decode(line, type=Member) for line in whole[1:]]
        except (IndexError, msgspec.DecodeError) as error:
            raise IdentityProblem(f"{self._path}: this is not the list of a fleet ({error})") from error
        if head != self._head:
            raise IdentityProblem(
                f"{self._path}: that fleet is registered at {head.endpoint} in {head.region}, not at "
                f"{self._head.endpoint} in {self._head.region}; give each its own --state-dir"
            )
        self._members = {member.number: member for member in members}

    def _append(self, line: _Head | Member) -> None:
        try:
            with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise IdentityProblem(f"{self._path}: the fleet cannot be stored ({error})") from error
