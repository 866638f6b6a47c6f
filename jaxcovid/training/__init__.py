"""Training: one step, its loop, what trains and what stays, checkpoints."""
