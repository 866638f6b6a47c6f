"""Trained networks: loading them, what they say of image files, where they look."""
