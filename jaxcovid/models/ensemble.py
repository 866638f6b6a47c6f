"""Several trained networks that answer as one: the mean of their probabilities."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxcovid.models.registry import Model, stage_of

# Parameters and running statistics, by module.
Variables = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Networks of one architecture, used as one of them is.

    All have the stages before `first` in common: their variables are single ones there, and have a
    leading axis for the networks from there on. Logits are such that softmax gives the mean of the
    networks' probabilities, or sigmoid does where outputs are `independent`.
    """

    member: Model
    first: str
    independent: bool = False

    @property
    def architecture(self) -> str:
        """As of each network."""
        return self.member.architecture

    @property
    def stages(self) -> tuple[str, ...]:
        """As of each network."""
        return self.member.stages

    @property
    def dtype(self) -> DTypeLike:
        """As of each network."""
        return self.member.dtype

    @property
    def axis_name(self) -> str | None:
        """As of each network."""
        return self.member.axis_name

    def clone(self, **changes: Any) -> "Ensemble":
        """The same of networks with these changes."""
        return dataclasses.replace(self, member=self.member.clone(**changes))

    def apply(
        self,
        variables: Variables,
        images: Float[Array, "batch *feature"],
        *,
        start: str = "",
        stop: str = "head",
    ) -> Float[Array, "batch *outputs"]:
        """Logits of images, or of what stage `start` is given; or what stage `stop` puts out.

        That must be one that all networks have in common.
        """
        place = self.stages.index(self.first)
        shared, apart = _parted(self.member, variables, self.stages[:place])
        if stop != "head":
            assert self.stages.index(stop) < place
            begin = start or self.stages[0]
            return cast(Array, self.member.apply(shared, images, start=begin, stop=stop))
        if place and (not start or self.stages.index(start) < place):
            begin, stop = start or self.stages[0], self.stages[place - 1]
            images = cast(Array, self.member.apply(shared, images, start=begin, stop=stop))
            start = self.first

        def logits_of(variables: Variables) -> Float[Array, "batch class"]:
            begin = start or self.stages[0]
            return cast(Array, self.member.apply(variables, images, start=begin))

        logits = jax.vmap(logits_of)(apart)
        if self.independent:
            chances = jax.nn.sigmoid(logits).mean(0)
            return jnp.log(chances) - jnp.log1p(-chances)
        return jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=0)

    def of_each(self, variables: Variables) -> list[Variables]:
        """The variables of each network by itself."""
        before = self.stages[: self.stages.index(self.first)]
        shared, apart = _parted(self.member, variables, before)
        count = len(jax.tree.leaves(apart)[0])
        return [
            {kind: {**shared[kind], **_of_one(apart[kind], place)} for kind in variables}
            for place in range(count)
        ]


def joined(
    member: Model, networks: Sequence[Variables], independent: bool = False
) -> tuple[Ensemble, Variables]:
    """Networks as one: what is alike in all of the first stages is kept once."""
    place = 0
    while place < len(member.stages) - 1 and _alike(member, networks, member.stages[place]):
        place += 1
    shared, _ = _parted(member, networks[0], member.stages[:place])
    parts = [_parted(member, variables, member.stages[:place])[1] for variables in networks]
    stacked = jax.tree.map(lambda *leaves: np.stack(list(map(np.asarray, leaves))), *parts)
    variables = {kind: {**shared[kind], **stacked[kind]} for kind in networks[0]}
    return Ensemble(member, member.stages[place], independent), variables


def _of_one(stacked: Variables, place: int) -> Variables:
    return jax.tree.map(lambda leaf: leaf[place], stacked)


def _alike(member: Model, networks: Sequence[Variables], stage: str) -> bool:
    first, *others = [_parted(member, variables, (stage,))[0] for variables in networks]
    leaves = jax.tree.leaves(first)
    return all(
        np.array_equal(one, other)
        for of_other in others
        for one, other in zip(leaves, jax.tree.leaves(of_other), strict=True)
    )


def _parted(
    member: Model, variables: Mapping[str, Any], stages: Sequence[str]
) -> tuple[Variables, Variables]:
    """The variables of these stages, and those of all others."""
    inside = {
        kind: {name: leaves for name, leaves in modules.items() if stage_of(member, name) in stages}
        for kind, modules in variables.items()
    }
    outside = {
        kind: {name: leaves for name, leaves in modules.items() if name not in inside[kind]}
        for kind, modules in variables.items()
    }
    return inside, outside
