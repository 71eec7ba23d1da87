"""The settings of training: the `train:` section of the configuration.

    TrainConfig(weights="none", image_size=64, flip=False, epochs=8)

Imports no TensorFlow, so that the command line can read and check a configuration at once.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from trainer.settings import Settings

ALPHAS = (0.75, 1.0)
_PRETRAINED_LAYER_DECAY = 0.85


class CutMixConfig(Settings):
    """CutMix (arXiv 1905.04899) as in the seed notes."""

    enabled: bool = Field(True, description="Paste a box of one image of the batch into another.")
    probability: float = Field(
        0.5, ge=0, le=1, description="Probability that an image receives a box, 0 to 1."
    )
    alpha: float | None = Field(
        None,
        gt=0,
        description="Draw lambda from Beta(alpha, alpha) as in the paper; null draws it uniformly "
        "from [0, 1].",
    )
    center_fraction: float = Field(
        0.75,
        gt=0,
        le=1,
        description="The box centre is uniform in this middle part of each side, in (0, 1].",
    )
    off_last_epochs: int = Field(
        1, ge=0, description="Epochs at the end that train without CutMix."
    )


class AugmentConfig(Settings):
    """Optional augmentations, all off by default; the strengths are those of Keras's layers."""

    mixup_alpha: float | None = Field(
        None,
        gt=0,
        description="MixUp (arXiv 1710.09412) with lambda from Beta(alpha, alpha); null is off.",
    )
    rand_augment: int = Field(
        0, ge=0, le=8, description="RandAugment operations per image (arXiv 1909.13719); 0 is off."
    )
    rand_augment_magnitude: float = Field(
        0.3, ge=0, le=1, description="Strength of RandAugment's operations, 0 to 1."
    )
    random_erasing: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability that a box of an image is erased (arXiv 1708.04896); 0 is off.",
    )
    color_jitter: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Strength of brightness, contrast, saturation and hue jitter, 0 to 1; 0 is off.",
    )

    @property
    def per_pixel(self) -> bool:
        """Whether any of Keras's augmentation layers is on."""
        return bool(self.rand_augment or self.random_erasing or self.color_jitter)


class OptimizerConfig(Settings):
    """The optimizer and its learning-rate schedule."""

    name: Literal["adamw", "adam", "sgd"] = Field(
        "adamw", description="adamw (decoupled weight decay), adam, or sgd with momentum 0.9."
    )
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="cosine decay to 0 after the warm-up, or constant after it."
    )
    warmup_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the steps over which the learning rate rises linearly from 0.",
    )
    weight_decay: float = Field(
        0.02, ge=0, description="Decay of kernels per unit of learning rate (AdamW only)."
    )
    beta_1: float = Field(0.9, ge=0, lt=1, description="Decay of the gradient's moving mean.")
    beta_2: float = Field(0.999, ge=0, lt=1, description="Decay of the squared gradient's mean.")
    epsilon: float = Field(1e-7, gt=0, description="Added to Adam's denominator.")
    clip_norm: float | None = Field(
        1.0, gt=0, description="Largest global norm of a step's gradient; null does not clip."
    )
    ema_decay: float | None = Field(
        0.999,
        gt=0,
        lt=1,
        description="Decay per step of the moving average of the weights that is evaluated and "
        "exported, with a warm-up; null uses the raw weights.",
    )


class HeadConfig(Settings):
    """Phase one: the head alone, on features of the frozen backbone that are computed once."""

    iterations: int = Field(
        100,
        ge=0,
        description="Most iterations of L-BFGS for each penalty tried; 0 skips the phase.",
    )
    l2: float | None = Field(
        None,
        gt=0,
        description="L2 penalty on the head's weights over standardised features, against the sum "
        "of the photos' losses; null tries 1000 down to 3 and keeps that of the lowest held-out "
        "loss.",
    )
    views: int = Field(
        1,
        ge=1,
        le=2,
        description="Views of each image whose features are kept: 1 the centre, 2 also its mirror "
        "image (where `flip` is on), for twice the time.",
    )


class FineTuneConfig(Settings):
    """Phase two: how the backbone learns."""

    batch_norm: Literal["auto", "inference", "train"] = Field(
        "auto",
        description="Mode of the backbone's BatchNorm while training: inference keeps the "
        "pretrained statistics, train updates them; auto is inference with pretrained weights.",
    )
    head_norm: Literal["auto", "inference", "train"] = Field(
        "auto",
        description="Mode of the head's BatchNorm in phase two: train normalises by the batch, in "
        "which CutMix shifts the classes' statistics unevenly; inference keeps what phase one found; "
        "auto is as for the backbone.",
    )
    fold_batch_norm: bool = Field(
        True,
        description="Train with inference-mode BatchNorm folded into the convolutions: the same "
        "function, faster; gamma then stays as it is.",
    )
    backbone_lr_multiplier: float = Field(
        1.0, ge=0, description="Learning rate of the backbone's last layers relative to the head's."
    )
    layer_decay: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Factor on the learning rate from one block of the backbone to the one before "
        "it, in (0, 1]; null is 0.85 with pretrained weights and 1, the same rate everywhere, "
        "from scratch.",
    )
    relative_steps: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Make the step of each channel of the backbone proportional to the size of its "
        "starting weights, which differ a thousandfold within MobileNetV3 (as in LAMB, arXiv "
        "1904.00962); auto is on with pretrained weights.",
    )
    unfreeze_epochs: float = Field(
        0.0,
        ge=0,
        description="Epochs over which blocks join the training from the last to the first; 0 "
        "trains all at once.",
    )


class ExportConfig(Settings):
    """What is written beside the SavedModel, and how closely it must agree with it."""

    keras: bool = Field(True, description="Also write `model.keras`.")
    tflite: bool = Field(True, description="Also write a float `model.tflite`.")
    tflite_int8: bool = Field(True, description="Also write an 8-bit `model_int8.tflite`.")
    int8_activations: Literal["dynamic", "calibrated"] = Field(
        "dynamic",
        description="Activations of the 8-bit file: dynamic measures their range at run time, "
        "calibrated fixes it from training images (integer-only, but MobileNetV3 loses many points).",
    )
    int8_calibration_images: int = Field(
        200, ge=16, description="Training images that set the 8-bit ranges."
    )
    max_probability_difference: float = Field(
        0.001,
        gt=0,
        description="Refuse a float export whose probabilities differ by more than this.",
    )
    max_int8_disagreement: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Refuse an 8-bit export that names another class for more than this share of "
        "the held-out images.",
    )


class TrainConfig(Settings):
    """Everything that training depends on."""

    model: Literal["MobileNetV3Small", "MobileNetV3Large"] = Field(
        "MobileNetV3Small", description="The backbone, from keras.applications."
    )
    alpha: float = Field(1.0, description="Width of the backbone: 0.75 or 1.0.")
    weights: str = Field(
        "imagenet",
        description="Where the backbone starts: imagenet (Keras's download, cached), the path of a "
        "weights file, or none for random.",
    )
    warm_start: bool = Field(
        False,
        description="Begin at the model in service instead of at `weights`, where it has the same "
        "`model` and `alpha`. The result then depends on which version that is.",
    )
    image_size: int = Field(
        160, ge=32, le=1024, description="Side in pixels of the square that the model sees."
    )
    resize_size: int | None = Field(
        None,
        ge=32,
        description="Side in pixels that images are resized to before the crop to image_size; null "
        "is image_size * 8 / 7.",
    )
    aspect_ratio: Literal["stretch", "crop"] = Field(
        "stretch",
        description="Non-square images: stretch to a square, or crop to the middle square.",
    )
    batch_size: int = Field(
        32,
        ge=2,
        description="Images a step, over all devices; halved until it fits where the training split is smaller.",
    )
    epochs: int = Field(7, ge=0, description="Passes over the training split in phase two.")
    learning_rate: float = Field(
        3e-4, gt=0, description="Peak learning rate of phase two, for the whole batch."
    )
    shuffle: int = Field(
        8192, ge=0, description="Examples in the shuffle buffer; 0 keeps the stored order."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of every random draw.")
    label_mode: Literal["int", "binary", "categorical"] = Field(
        "categorical",
        description="Form of the labels, and with it the loss: int (sparse categorical "
        "cross-entropy), binary (two classes, binary cross-entropy) or categorical (one-hot).",
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Share of a label spread over all classes, 0 to 1."
    )
    flip: bool = Field(True, description="Mirror half of the training images left to right.")
    crop: bool = Field(
        True, description="Random crops in training and centre crops in evaluation, else neither."
    )
    cutmix: CutMixConfig = Field(CutMixConfig(), description="CutMix.")
    augment: AugmentConfig = Field(AugmentConfig(), description="Further augmentation.")
    optimizer: OptimizerConfig = Field(OptimizerConfig(), description="The optimizer.")
    head: HeadConfig = Field(HeadConfig(), description="Phase one, the head alone.")
    fine_tune: FineTuneConfig = Field(FineTuneConfig(), description="Phase two, all layers.")
    early_stopping: int | None = Field(
        4,
        ge=1,
        description="Stop after this many epochs of phase two without a better held-out loss among "
        "them; null never stops. "
        "The best weights are restored either way.",
    )
    calibrate: bool = Field(
        True,
        description="Divide the logits by the temperature that fits the held-out split best "
        "(arXiv 1706.04599); changes confidence, never an answer.",
    )
    class_balance: Literal["none", "weights", "sampling"] = Field(
        "none",
        description="Against imbalance: weigh the loss by inverse class frequency, or draw every "
        "class equally often.",
    )
    cache: Literal["none", "memory", "disk"] = Field(
        "none", description="Keep decoded and resized training images in memory or on disk."
    )
    mixed_precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = Field(
        "auto",
        description="Arithmetic of training; auto measures a few steps in float32 and in "
        "mixed_float16 (NVIDIA GPUs of compute capability 7 or more) or mixed_bfloat16 (CPUs with "
        "instructions for it) and takes the faster; float32 in deterministic, short and several "
        "workers' runs.",
    )
    jit_compile: bool = Field(False, description="Compile the training step with XLA; slow on CPU.")
    strategy: Literal["auto", "single", "mirrored", "multi_worker"] = Field(
        "auto",
        description="Devices: auto is multi_worker where TF_CONFIG is set, mirrored on several "
        "GPUs, else single.",
    )
    deterministic: bool = Field(
        False, description="Same seed, same weights, bit for bit on CPU; somewhat slower."
    )
    checkpoint_every_steps: int = Field(
        100, ge=1, description="Steps between checkpoints to resume from after a kill."
    )
    export: ExportConfig = Field(ExportConfig(), description="Formats besides the SavedModel.")

    @field_validator("alpha")
    @classmethod
    def _known_alpha(cls, value: float) -> float:
        if value not in ALPHAS:
            raise ValueError(f"must be one of {ALPHAS}, got {value}")
        return value

    @model_validator(mode="after")
    def _sizes_fit(self) -> TrainConfig:
        if self.resize_size is not None and self.resize_size < self.image_size:
            raise ValueError(
                f"resize_size must be at least image_size ({self.image_size}), "
                f"got {self.resize_size}"
            )
        return self

    @model_validator(mode="after")
    def _labels_fit(self) -> TrainConfig:
        if self.label_mode == "int" and self.soft_labels:
            raise ValueError(
                f"label_mode int cannot carry mixed labels, but {', '.join(self.soft_labels)} "
                "needs them: use label_mode categorical, or switch them off"
            )
        return self

    @property
    def soft_labels(self) -> tuple[str, ...]:
        """The settings that are on and need labels between 0 and 1."""
        on = {
            "cutmix": self.cutmix.enabled and self.cutmix.probability > 0,
            "augment.mixup_alpha": self.augment.mixup_alpha is not None,
            "label_smoothing": self.label_smoothing > 0,
        }
        return tuple(name for name, is_on in on.items() if is_on)

    @property
    def pretrained(self) -> bool:
        """Whether the backbone starts from weights that were trained before."""
        return self.weights != "none"

    @property
    def resized(self) -> int:
        """`resize_size`, or its default."""
        if not self.crop:
            return self.image_size
        return self.resize_size or round(self.image_size * 8 / 7)

    @property
    def layer_decay(self) -> float:
        """`fine_tune.layer_decay`, or its default; random first layers must learn as fast as others."""
        if self.fine_tune.layer_decay is not None:
            return self.fine_tune.layer_decay
        return _PRETRAINED_LAYER_DECAY if self.pretrained else 1.0

    @property
    def updates_head_norm(self) -> bool:
        """Whether the head's BatchNorm is in training mode in phase two."""
        mode = self.fine_tune.head_norm
        return mode == "train" or (mode == "auto" and self.updates_batch_norm)

    @property
    def relative_steps(self) -> bool:
        """Whether steps are in proportion to the weights."""
        mode = self.fine_tune.relative_steps
        return mode == "on" or (mode == "auto" and self.pretrained)

    @property
    def updates_batch_norm(self) -> bool:
        """Whether the backbone's BatchNorm is in training mode in phase two."""
        mode = self.fine_tune.batch_norm
        return mode == "train" or (mode == "auto" and not self.pretrained)


class TuneConfig(Settings):
    """The `tune:` section: a random search over a few training settings."""

    enabled: bool = Field(
        False, description="Search before every training; its best values replace those of `train`."
    )
    trials: int = Field(6, ge=1, description="Short trainings to compare.")
    epochs: int = Field(3, ge=1, description="Passes over the training split in each.")
    learning_rate: tuple[float, float] = Field(
        (1e-4, 1e-3), description="Lowest and highest peak learning rate, drawn on a log scale."
    )
    layer_decay: tuple[float, ...] = Field(
        (0.75, 0.85, 1.0), min_length=1, description="Values of fine_tune.layer_decay to draw from."
    )
    weight_decay: tuple[float, ...] = Field(
        (0.005, 0.02, 0.08),
        min_length=1,
        description="Values of optimizer.weight_decay to draw from.",
    )

    @field_validator("learning_rate")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] < value[1]:
            raise ValueError(f"must be two rising positive numbers, got {value}")
        return value
