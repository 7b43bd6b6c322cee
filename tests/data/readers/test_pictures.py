"""Single image files for a model."""

import pytest

from kohort.data.readers.pictures import picture
from kohort.errors import DataError


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("rows.csv", "give one, such as a .png or .jpg file"),
        ("cut.png", "check that it is whole"),
    ],
)
def test_what_is_no_image_is_refused_with_what_the_model_takes(name, mend, tmp_path):
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="an image file, as the model takes pictures of 28 x 14"):
        picture(tmp_path / name, (28, 14))
    with pytest.raises(DataError, match=f"{mend}$"):
        picture(tmp_path / name, (28, 14, 3))
