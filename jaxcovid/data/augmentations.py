"""How strongly training images are changed: named augmentations and their single numbers."""

from typing import NamedTuple

from jaxcovid.config import TrainingSettings


class Augmentation(NamedTuple):
    """Between what bounds each training image is changed at random.

    `rotation` is in degrees either way, `crop_area` the least and largest share of the area that a
    crop keeps, `mirror` the probability of a mirror image, `contrast` what its factor differs from
    1 at most. The fields are named as the settings that replace them.
    """

    rotation: float
    crop_area: tuple[float, float]
    mirror: float
    contrast: float


# As torchvision's RandomRotation(30), RandomResizedCrop(224) and RandomHorizontalFlip.
STRONG = Augmentation(rotation=30.0, crop_area=(0.08, 1.0), mirror=0.5, contrast=0.0)

# What another radiographer might have done: the patient stood otherwise, the detector was lit more.
# A mirrored chest has its heart on the right, which is a disease.
GENTLE = Augmentation(rotation=10.0, crop_area=(0.8, 1.0), mirror=0.0, contrast=0.1)

NAMED = {"assignment": STRONG, "gentle": GENTLE}


def augmentation_of(settings: TrainingSettings) -> Augmentation | None:
    """What the settings ask for, None for training images that are left as they are."""
    if not settings.augment or settings.augmentation == "none":
        return None
    numbers = {name: getattr(settings, name) for name in Augmentation._fields}
    replaced = {name: value for name, value in numbers.items() if value not in (None, ())}
    return NAMED[settings.augmentation]._replace(**replaced)
