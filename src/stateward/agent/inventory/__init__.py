"""What there is on this machine, for PutInventory (spec 6.9, node protocol 8.2)."""
