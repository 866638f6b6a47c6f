"""One run from settings to artifacts, and evaluations of what a run left."""
