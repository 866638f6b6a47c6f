"""The presets as `run.py --list-presets` prints them."""

import dataclasses
import textwrap

import presets

from jaxcovid.config import Config


def listing() -> str:
    """All presets for the terminal: what the source reports, what it is, its flags."""
    width = max(map(len, presets.PRESETS))
    lines = [f"{'preset':{width}}  accuracy      F1  (as reported)"]
    for name, preset in presets.PRESETS.items():
        accuracy, f1 = "-", "-"
        if preset.reported is not None:
            accuracy = f"{100 * preset.reported.accuracy:.3g} %"
            f1 = "-" if preset.reported.f1 is None else str(preset.reported.f1)
        lines.append(f"{name:{width}}  {accuracy:>8}  {f1:>6}  {preset.title}")
        lines += _wrapped(_flags(presets.config(name)))
        if preset.habits:
            lines += _wrapped(f"--as-written: {', '.join(preset.habits)}")
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    indent = "    "
    return textwrap.wrap(
        text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _flags(settings: Config) -> str:
    """The flags that differ from their defaults."""
    found = []
    for field in dataclasses.fields(Config):
        value = getattr(settings, field.name)
        if field.name not in ("preset", "weights_file") and value != field.default:
            values = value if isinstance(value, tuple) else (value,)
            found.append(" ".join([f"--{field.name.replace('_', '-')}", *map(str, values)]))
    return " ".join(found) or "the defaults"
