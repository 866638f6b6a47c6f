"""Where downloads and prepared data are kept."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """$JAXCOVID_CACHE, else jaxcovid in the user's cache folder."""
    if folder := os.environ.get("JAXCOVID_CACHE"):
        return Path(folder).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "jaxcovid"
