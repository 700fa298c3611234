"""Content that documents fetch: from where, how much, and where it may be put (spec 5.5, aws:downloadContent)."""
