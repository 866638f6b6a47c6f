"""Many settings and seeds in one program, compared on one page."""
