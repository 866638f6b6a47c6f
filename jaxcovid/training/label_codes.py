"""Classes that imply others: codes with several ones, and which class an answer is nearest to."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcovid.errors import check


def class_codes(
    classes: Sequence[str], implications: Sequence[str] = ()
) -> Float[np.ndarray, "class output"]:
    """The code of each class: its place has a one, or those of the classes that it implies.

    `implications` are texts such as "covid-19=covid-19+pneumonia", which gives covid-19 two ones.
    Raises InputError naming every text with an unknown class, every class that is coded twice, and
    classes of the same code.
    """
    table = np.eye(len(classes), dtype=np.float32)
    problems, named = [], set()
    for text in implications:
        name, _, parts = (part.strip() for part in text.partition("="))
        members = [part.strip() for part in parts.split("+")]
        unknown = [class_ for class_ in (name, *members) if class_ not in classes]
        if unknown:
            problems.append(
                f"`multilabel`: {text!r} names {', '.join(map(repr, unknown))}, which is no class; "
                f"write class=class+class, with {', '.join(classes)}"
            )
            continue
        if name in named:
            problems.append(f"`multilabel`: {name!r} is coded twice")
        named.add(name)
        table[classes.index(name)] = [float(class_ in members) for class_ in classes]
    if not problems and len(np.unique(table, axis=0)) < len(classes):
        problems.append("`multilabel`: two classes have the same code and could not be told apart")
    check(problems)
    return table


def class_scores(
    logits: Float[Array, "batch output"], codes: Float[np.ndarray, "class output"]
) -> Float[Array, "batch class"]:
    """The log-likelihood of each class's code, outputs being independent given the image.

    The largest is the class to answer with, their softmax its probability: outputs that fit no
    code go to the likeliest. With codes of a single one these are the logits, up to a constant.
    """
    table = jnp.asarray(codes, logits.dtype)
    yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    return yes @ table.T + no @ (1 - table.T)


def share_of_findings(
    codes: Float[np.ndarray, "class output"],
) -> Callable[
    [Float[Array, "batch output"], Int[Array, "batch"], Float[Array, "batch"]],
    Float[Array, "batch"],
]:
    """Which share of an example's known findings is told right, at a probability of one half.

    `codes` are NaN where a finding is unknown; of each example one at least is known.
    """

    def correct(
        logits: Float[Array, "batch output"],
        labels: Int[Array, "batch"],
        mask: Float[Array, "batch"],
    ) -> Float[Array, "batch"]:
        targets = jnp.asarray(codes, logits.dtype)[labels]
        right, known = (logits > 0) == (targets == 1), ~jnp.isnan(targets)
        return ((right & known).sum(-1) / known.sum(-1)).astype(mask.dtype)

    return correct
