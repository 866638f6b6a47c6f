"""A network on images whose lungs, or all else, are blanked: what it goes by.

The lungs are taken to lie in a central ellipse, unless masks say where (Maguolo and Nanni,
Information Fusion 2021, blacked out the middle).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from jaxcovid.audits.blind_floor import figures_of, is_shortcut
from jaxcovid.audits.views import inside_ellipse
from jaxcovid.data.loader import MEAN

# The grey that normalisation makes about 0.
NEUTRAL = round(255 * float(np.mean(MEAN)))

Images = UInt8[np.ndarray, "n height width channel"]
Masks = Bool[np.ndarray, "_ height width"]


def lungs(
    labels: Int[np.ndarray, "n"],
    classes: tuple[str, ...],
    groups: Int[np.ndarray, "n"] | None,
    answers: Mapping[str, Float[np.ndarray, "n class"]],
    heats: Float[np.ndarray, "n rows columns"],
    masks: Masks | None,
) -> dict[str, Any]:
    """The check whether a network tells the classes without lungs, as audit.json holds it.

    `answers` are its probabilities for images "whole", with "lungs_blanked" and "border_blanked".
    `heats` are Grad-CAM's, `masks` where the lungs are, None for the ellipse.
    """
    figures = {
        name: figures_of(labels, probabilities, classes, groups)
        for name, probabilities in answers.items()
    }
    shape = heats.shape[1:]
    where = inside_ellipse(224, 224)[None] if masks is None else masks
    outside = 1 - _coarse(where, shape)
    total = heats.sum((1, 2))
    shares = (heats * outside).sum((1, 2))[total > 0] / total[total > 0]
    owners = np.arange(len(labels)) if groups is None else groups
    auroc = figures["lungs_blanked"]["auroc"]
    sentences = []
    if is_shortcut(auroc):
        sentences.append(
            f"with the lungs blanked the network still reaches macro AUROC {auroc['value']:.3f} "
            f"({auroc['low']:.3f} to {auroc['high']:.3f})"
        )
    return {
        "passed": not sentences if auroc["low"] is not None else None,
        **({"reason": auroc["reason"]} if auroc["low"] is None else {}),
        "lungs": "a mask of each image" if masks is not None else "a central ellipse",
        "found": sentences,
        **figures,
        "grad_cam_outside": _mean(shares, owners[total > 0]),
        "ellipse_area": round(float(1 - where.mean()), 4),
    }


def blanked(images: Images, where: Masks) -> Images:
    """Images with `NEUTRAL` grey where the masks are true; one mask may serve all."""
    return np.where(where[:, :, :, None], np.uint8(NEUTRAL), images)


def _coarse(where: Masks, shape: tuple[int, ...]) -> Float[np.ndarray, "n rows columns"]:
    """Which share of each cell of a coarse map the masks take."""
    rows, columns = shape
    height, width = where.shape[1:]
    cells = where.reshape(len(where), rows, height // rows, columns, width // columns)
    return cells.mean((2, 4))


def _mean(shares: Float[np.ndarray, "n"], owners: Int[np.ndarray, "n"]) -> dict[str, Any]:
    """The mean with Student's 95 % interval over patients, or why there is none."""
    from scipy import stats

    if not len(shares):
        return {"value": None, "low": None, "high": None, "reason": "no heat in any image"}
    of_patients = [shares[owners == owner].mean() for owner in np.unique(owners)]
    value, count = float(np.mean(of_patients)), len(of_patients)
    if count < 2:
        reason = "one patient says nothing of others"
        return {"value": value, "low": None, "high": None, "reason": reason}
    reach = float(np.std(of_patients, ddof=1) / np.sqrt(count) * stats.t.ppf(0.975, count - 1))
    return {"value": value, "low": max(0.0, value - reach), "high": min(1.0, value + reach)}
