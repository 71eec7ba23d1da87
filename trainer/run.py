"""What TFX's Trainer calls: reads its arguments, trains, exports.

Trainer(run_fn="trainer.run.run_fn", custom_config={"config": train_config.model_dump(mode="json"), ...})
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import tensorflow as tf

from trainer import loop
from trainer.calibration import calibrate
from trainer.config import TrainConfig
from trainer.export import describe, export_saved_model
from trainer.formats import export_formats
from trainer.image import Geometry
from trainer.input import Source, evaluation_batches
from trainer.losses import check_label_mode
from trainer.progress import report
from trainer.seeds import set_seeds
from trainer.warm_start import find_start
from trainer.watch import Watch

CHECKPOINT_DIR = ".training"


def run_fn(fn_args: Any) -> None:
    """Trains a model and writes it to `fn_args.serving_model_dir`.

    Args:
      fn_args: TFX's FnArgs. Read: `train_files`, `eval_files` (glob patterns), `serving_model_dir`, `model_run_dir`,
        and in `custom_config`: `config` (a TrainConfig as a dict), `registry`, `name`, `code_version`,
        `in_service` (the number of the version that a warm start begins at).

    Raises:
      UserError: the data, the weights or the settings cannot be used, or training diverged.
    """
    custom = fn_args.custom_config or {}
    tuned = best_values(fn_args)
    config = with_values(TrainConfig.model_validate(custom.get("config", {})), tuned)
    train, val = Source.of(fn_args.train_files, "train"), Source.of(fn_args.eval_files, "val")
    check_label_mode(config.label_mode, train.info.class_names)
    set_seeds(config)
    watch = Watch(fn_args.model_run_dir)
    start, why = find_start(config, custom, train.info.class_names)
    folder = checkpoint_dir(custom, fn_args.model_run_dir, config, train)
    fitted = loop.fit(train, val, config, checkpoint_dir=folder, watch=watch, start=start)
    temperature = (
        calibrate(fitted.network, evaluation_batches(val, config)) if config.calibrate else 1.0
    )
    watch.finish(
        fitted.history,
        temperature=temperature,
        start=why,
        precision=fitted.precision._asdict(),
        tuned=tuned,
    )
    info = describe(config, train, str(custom.get("name", "")), str(custom.get("code_version", "")))
    export_saved_model(fitted.network.model, Geometry.of(config), info, fn_args.serving_model_dir)
    export_formats(fitted.network.model, train, val, config, info, fn_args.serving_model_dir)
    tf.io.gfile.rmtree(folder)


def checkpoint_dir(
    custom: dict[str, Any], model_run_dir: str, config: TrainConfig, train: Source
) -> str:
    """Where a killed run leaves its state for the next one.

    TFX gives a retried execution new output folders, so the state lies in the registry, under a digest of everything
    that the result depends on; without a registry it lies with the logs.
    """
    parts = [
        config.model_dump_json(),
        train.info.data_version,
        *(str(custom.get(key, "")) for key in ("code_version", "in_service")),
    ]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    if custom.get("registry") and custom.get("name"):
        root = os.path.join(str(custom["registry"]), str(custom["name"]), CHECKPOINT_DIR)
    else:
        root = os.path.join(model_run_dir, "checkpoints")
    return os.path.join(root, digest)


def best_values(fn_args: Any) -> dict[str, Any]:
    """What the Tuner found best, by the dotted names of settings; empty where it did not run."""
    best = getattr(fn_args, "hyperparameters", None)
    return dict(best["values"]) if best else {}


def with_values(config: TrainConfig, values: dict[str, Any]) -> TrainConfig:
    """The settings with the values that a search found best, saying so."""
    if not values:
        return config
    from trainer.tuning import apply_values, named

    report("search", done=1, total=1, note=f"with {named(values)}, as the search found", final=True)
    return apply_values(config, values)
