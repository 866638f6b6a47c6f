"""The course assignment: its experiments, its mistakes, and their reproduction on one page."""
