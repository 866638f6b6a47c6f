"""The presets as a list for the terminal."""

import dataclasses
import textwrap

from jaxcovid.assignment import presets
from jaxcovid.config import Config


def listing() -> str:
    """A line for each preset of what the source reports and what it is; below it its flags."""
    width = max(map(len, presets.PRESETS))
    lines = [f"{'preset':{width}}  accuracy      F1  (as reported)"]
    for name, preset in presets.PRESETS.items():
        accuracy, f1 = "-", "-"
        if preset.reported is not None:
            accuracy = f"{100 * preset.reported.accuracy:.3g} %"
            f1 = "-" if preset.reported.f1 is None else str(preset.reported.f1)
        lines.append(f"{name:{width}}  {accuracy:>8}  {f1:>6}  {preset.title}")
        lines += _wrapped(_flags(presets.config(name)[0]))
        if preset.mistakes:
            lines += _wrapped(f"--as-written: {', '.join(preset.mistakes)}")
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    indent = "    "
    return textwrap.wrap(
        text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _flags(settings: Config) -> str:
    """The flags that differ from their defaults."""
    flags = []
    for field in dataclasses.fields(Config):
        value = getattr(settings, field.name)
        if field.name != "weights_file" and value != field.default:
            values = value if isinstance(value, tuple) else (value,)
            flags.append(" ".join([f"--{field.name.replace('_', '-')}", *map(str, values)]))
    return " ".join(flags) or "the defaults"
