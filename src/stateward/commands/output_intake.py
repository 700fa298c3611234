"""Taking in live output, inside transactions; a node is believed nothing but bytes (D58)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from stateward.commands import output_window, store, store_output, uploads
from stateward.commands.facts import OutputStored
from stateward.commands.output_window import Kept, Piece
from stateward.commands.store_output import StreamKey
from stateward.documents import schema
from stateward.storage import Snapshot, Transaction

DOCUMENTS_KNOWN = 256


class Arrived(msgspec.Struct, frozen=True):
    """A piece that a node has sent of a stream of its own (`key.resource_id`)."""

    key: StreamKey
    piece: Piece


class OutputIntake:
    """Stores pieces, `limit` bytes of each end of a stream."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._steps: OrderedDict[str, frozenset[str]] = OrderedDict()

    async def store(self, tx: Transaction, arrived: Sequence[Arrived]) -> dict[StreamKey, Kept | None]:
        """How far each stream has come; None for what nobody asked for: a command that the node was not sent, a step
        that its document does not have."""
        pieces: dict[StreamKey, list[Piece]] = {}
        for one in arrived:
            pieces.setdefault(one.key, []).append(one.piece)
        wanted = {one: await self._wants(tx, *one) for one in {(key.command_id, key.resource_id) for key in pieces}}
        found: dict[StreamKey, Kept | None] = {}
        for key, of_stream in pieces.items():
            known = key.step_name in wanted[key.command_id, key.resource_id]
            found[key] = await self._add(tx, key, of_stream) if known else None
        return found

    async def _add(self, tx: Transaction, key: StreamKey, pieces: Sequence[Piece]) -> Kept:
        before = await store_output.stream(tx, key)
        taken = output_window.take(before or Kept(), pieces, self.limit)
        if taken.kept != before:
            await store_output.put(tx, key, before or Kept(), taken)
            tx.record(OutputStored(key.command_id, key.resource_id))
            if taken.kept.ended:
                await _upload_again(tx, key, taken.kept)
        return taken.kept

    async def _wants(self, tx: Snapshot, command_id: str, node_id: str) -> frozenset[str]:
        """The steps of a command that was sent to this node."""
        row = await store.invocation(tx, command_id, node_id)
        if row is None or row.sent_ms is None:
            return frozenset()
        if command_id not in self._steps:
            content = (await store.text(tx, command_id)).content
            self._steps[command_id] = frozenset(schema.step_names(schema.parse_command(msgspec.json.decode(content))))
            if len(self._steps) > DOCUMENTS_KNOWN:
                self._steps.popitem(last=False)
        self._steps.move_to_end(command_id)
        return self._steps[command_id]


async def _upload_again(tx: Transaction, key: StreamKey, kept: Kept) -> None:
    """A stream that ends after its invocation has more than the report had, which may be uploaded already."""
    row = await store.invocation(tx, key.command_id, key.resource_id)
    if row is not None and row.is_final and len(await store_output.step_text(tx, key)) < kept.length:
        await uploads.note(tx, [row])
