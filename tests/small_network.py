"""A network of two blocks, so that no test of runs waits for a large one.

It is a row in each of the two tables, as any relative of a known architecture would be. To be
imported before `jaxcovid.config`, which takes the names of the tables.
"""

from jaxcovid.models import registry
from weights_convert import names

SMALL = "small"

names.ARCHITECTURES[SMALL] = names._resnet(
    (1, 1), names.WeightsFile("small-00000000.pth", "00000000")
)
registry.MODELS[SMALL] = registry._resnet(SMALL)

# Architectures that torchvision has.
PUBLISHED = [name for name in names.ARCHITECTURES if name != SMALL]
