"""Rows of the compliance tables."""

from __future__ import annotations

import msgspec


class ItemRow(msgspec.Struct, frozen=True):
    resource_id: str
    compliance_type: str
    item_id: str
    title: str | None
    severity: str
    status: str
    details: str
    execution_ms: int
    execution_id: str
    execution_type: str


class UploadRow(msgspec.Struct, frozen=True):
    """What the last upload of one type for one node said of itself."""

    execution_ms: int
    content_hash: str | None


class SummaryRow(msgspec.Struct, frozen=True):
    """How many items of one type a node has, by status (`other` is NON_COMPLIANT) and severity."""

    resource_id: str
    compliance_type: str
    execution_ms: int
    execution_id: str
    execution_type: str
    compliant_critical: int
    compliant_high: int
    compliant_medium: int
    compliant_low: int
    compliant_informational: int
    compliant_unspecified: int
    other_critical: int
    other_high: int
    other_medium: int
    other_low: int
    other_informational: int
    other_unspecified: int


class HolderRow(msgspec.Struct, frozen=True):
    """A node that has an item."""

    resource_id: str
