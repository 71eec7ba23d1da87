from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.records import coloured
from trainer.config import TrainConfig
from trainer.errors import UserError
from trainer.preview import draw_preview, find_photos, read_train_config

CONFIG = TrainConfig(weights="none", image_size=32)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for index, (content, _) in enumerate(coloured(4, 4, 0)):
        (tmp_path / f"{index}.{'png' if index % 3 == 0 else 'jpg'}").write_bytes(content)
    return tmp_path


def test_draws_the_evaluation_view_first_and_others_beside(photos: Path) -> None:
    output = photos / "out" / "preview.png"
    output.parent.mkdir()
    draw_preview(find_photos(photos, 3, 0), CONFIG, 5, output)
    picture = np.asarray(Image.open(output))
    assert picture.shape == (3 * 36 + 4, 5 * 36 + 4, 3)
    assert (picture[:4] == 255).all()
    assert len({picture[4:36, 4 + 36 * i : 36 + 36 * i].tobytes() for i in range(5)}) == 5


def test_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found no images"):
        find_photos(tmp_path, 3, 0)
    broken = tmp_path / "a.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(UserError, match="cannot be decoded"):
        draw_preview([broken], CONFIG, 2, tmp_path / "p.png")
    wrong = tmp_path / "c.yaml"
    wrong.write_text("train: {epoch: 3}")
    with pytest.raises(UserError, match=r"c\.yaml.*cannot be used"):
        read_train_config(wrong)


def test_reads_the_train_section(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("train: {image_size: 64}\nother: {}\n")
    assert read_train_config(path).image_size == 64
    assert read_train_config(None) == TrainConfig()
