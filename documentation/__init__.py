"""What makes the pages of `docs/` from the program, and the site from the pages."""
