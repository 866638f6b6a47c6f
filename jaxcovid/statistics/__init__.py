"""How good predictions are and how sure that is, from plain arrays."""

from jaxcovid.statistics.comparison import compare
from jaxcovid.statistics.findings import (
    AT_SPECIFICITY,
    OF_FINDING,
    finding_points,
    measure_findings,
    measure_several,
)
from jaxcovid.statistics.metrics import measure, operating_points
from jaxcovid.statistics.paired_tests import p_against_best
from jaxcovid.statistics.seed_statistics import (
    BySeed,
    Estimate,
    difference,
    over_seeds,
    overlap,
    proportion,
)
from jaxcovid.statistics.weighted_metrics import BINS, Thresholds

__all__ = [
    "AT_SPECIFICITY",
    "BINS",
    "OF_FINDING",
    "BySeed",
    "Estimate",
    "Thresholds",
    "compare",
    "difference",
    "finding_points",
    "measure",
    "measure_findings",
    "measure_several",
    "operating_points",
    "over_seeds",
    "overlap",
    "p_against_best",
    "proportion",
]
