"""Which checkpoints of a run are kept, told to Orbax."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class _Named(Protocol):
    """What Orbax passes to its policies: of another type than it states, and with this."""

    @property
    def step(self) -> int:
        """The number of the step that the checkpoint is of."""
        ...


@dataclasses.dataclass(frozen=True)
class LatestAndBest:
    """Keeps two, so that a damaged one leaves the one before, and that of lowest validation loss.

    Orbax's own policies need its metrics files, and it does not open a folder with a damaged one.
    """

    losses: dict[int, float | None]

    def should_preserve(
        self,
        checkpoints: Sequence[_Named],
        *,
        context: object,
    ) -> list[bool]:
        """For each checkpoint, by step, whether to keep it."""
        del context
        known = {step: loss for step, loss in self.losses.items() if loss is not None}
        # Orbax takes any folder with a number for a name as a checkpoint.
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = {*sorted(step for step in steps if step in self.losses)[-2:]}
        if known:
            kept.add(min(known, key=known.__getitem__))
        return [step in kept or step not in self.losses for step in steps]
