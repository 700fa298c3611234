"""sourceType SSMDocument: a document's text as a file (spec 5.5)."""

from __future__ import annotations

from stateward.agent.downloads.fetching import Fetched, Order
from stateward.agent.stored_document import read_name


async def fetch(order: Order) -> Fetched:
    """Write the document that `name` names (`name:version` or an ARN). Raises CallFailed too."""
    stored = await order.setting.server.get_document(*read_name(order.info.required("name")))
    data = stored.content.encode()
    order.budget.take_file()
    order.budget.take(len(data))
    # A name of the server's: never more than its last part.
    base = stored.name.rpartition("/")[2].lstrip(".") or "document"
    name = f"{base}.{stored.document_format.lower()[:10]}".replace("\0", "")
    (order.folder / name).write_bytes(data)
    return Fetched(order.folder, name)
