"""Images from folders, TFDS or the built-in phantoms, as arrays."""
