"""Fine-tune ImageNet VGG16 and ResNet18 on chest X-rays, in pure functions on pytrees.

Not for clinical use.
"""

__version__ = "0.1.0"
