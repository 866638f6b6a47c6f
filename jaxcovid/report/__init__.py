"""What a run leaves behind: files and pictures."""

DISCLAIMER = "Not for clinical use."
