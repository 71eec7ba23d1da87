"""What an exported model knows about itself: `assets.extra/imagemill.json` beside the SavedModel.

info = read_model_info("registry/scenes/3")
info.class_names
"""

from __future__ import annotations

import posixpath

from pydantic import Field, ValidationError

from trainer.errors import UserError
from trainer.settings import Settings

EXTRA_DIR = "assets.extra"
FILE_NAME = "imagemill.json"


class ModelInfo(Settings):
    """What whoever sends images to a model, or reads its answers, has to know."""

    class_names: tuple[str, ...] = Field(description="Class names in the order of probabilities.")
    image_size: int = Field(description="Side in pixels of the square that the model sees.")
    resize_size: int = Field(description="Side that images are resized to before the centre crop.")
    stored_size: int = Field(description="Shorter side in pixels of the images it was trained on.")
    model: str = Field(description="The backbone's name.")
    alpha: float = Field(description="The backbone's width.")
    name: str = Field("", description="Name of the model in the registry.")
    data_version: str = Field("", description="Fingerprint of the data it was trained on.")
    code_version: str = Field("", description="Digest of the code that trained it.")
    seed: int = Field(0, description="Seed of its training.")
    versions: dict[str, str] = Field(
        default_factory=dict, description="Versions of Python and the libraries at training."
    )


def info_path(model_dir: str) -> str:
    """Where a SavedModel directory keeps its `ModelInfo`."""
    return posixpath.join(model_dir, EXTRA_DIR, FILE_NAME)


def read_model_info(model_dir: str) -> ModelInfo:
    """Reads the facts beside a SavedModel.

    Raises:
      UserError: there is no such file, or another version of imagemill wrote it.
    """
    from tensorflow.io import gfile

    path = info_path(model_dir)
    if not gfile.exists(path):
        raise UserError(
            f"{model_dir!r} holds no {EXTRA_DIR}/{FILE_NAME}, so it is not a model of imagemill's",
            fix="point at a SavedModel that `imagemill run` pushed, or at its registry",
        )
    with gfile.GFile(path, "r") as file:
        text = file.read()
    try:
        return ModelInfo.model_validate_json(text)
    except ValidationError as error:
        raise UserError(
            f"{path!r} cannot be read: {error.error_count()} fields are wrong, the first "
            f"{error.errors()[0]['loc']}: {error.errors()[0]['msg']}",
            fix="train the model again with this version of imagemill",
        ) from error


def write_model_info(model_dir: str, info: ModelInfo) -> None:
    """Writes the facts beside a SavedModel."""
    from tensorflow.io import gfile

    path = info_path(model_dir)
    gfile.makedirs(posixpath.dirname(path))
    with gfile.GFile(path, "w") as file:
        file.write(info.model_dump_json(indent=2))
