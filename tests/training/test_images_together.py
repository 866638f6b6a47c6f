"""How many images pass a network at once."""

import pytest

from jaxcovid import models, parallel
from jaxcovid.training.images_together import images_together


@pytest.mark.parametrize(("name", "images"), [("resnet18", 16), ("vgg16", 8)])
def test_fewer_where_the_first_layers_are_large(name, images):
    """VGG16's first stage puts out four times as much as ResNet18's."""
    model = models.build(name, 2, (4,), axis_name=parallel.AXIS)
    assert images_together(model, parallel.devices(limit=1)) == images
