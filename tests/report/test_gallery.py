import numpy as np

from jaxcovid.report import gallery


def test_images_beside_each_other_are_framed():
    images = [
        (np.full((160, 240), 200, np.uint8), (50.0, 10.0, 190.0, 150.0)),
        (np.full((160, 40), 200, np.uint8), (0.0, 60.0, 40.0, 100.0)),
    ]
    picture = np.asarray(gallery.framed(images).convert("RGB"), int)
    assert picture.shape == (160, 240 + 2 + 40, 3)
    for place in ((80, 50), (11, 100), (80, 189), (60, 260)):
        np.testing.assert_allclose(picture[place], gallery.FRAME, atol=16)
    np.testing.assert_allclose(picture[15:145, 60:180], 200, atol=4)  # inside
    np.testing.assert_allclose(picture[:8, :240], 200 // gallery.OUTSIDE, atol=4)
    np.testing.assert_allclose(picture[:, 240:242], 128, atol=4)  # between


def test_a_mosaic_has_lines_between_its_images():
    images = np.zeros((3, 4, 5, 3), np.float32)
    picture = gallery.mosaic(images, columns=2)
    assert picture.size == (2 * 5 + 2, 2 * 4 + 2)
    assert gallery.png(picture).startswith(b"\x89PNG")
