"""State Manager, anywhere."""
