"""Test accuracy per recipe step and seed: the table in docs/training.md.

python -m benchmarks.training.ablation EXAMPLES --weights W --seeds 0 1 2 --out ablation.jsonl

EXAMPLES is an Examples artifact with the splits train, val and test. One line of JSON a run; runs that the file already
holds are left out, so that it can be stopped and started again. `--table` prints the file as a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OFF: dict[str, Any] = {
    "flip": False,
    "crop": False,
    "cutmix": {"enabled": False},
    "label_smoothing": 0.0,
    "optimizer": {"ema_decay": None},
    "early_stopping": None,
}
STEPS: dict[str, dict[str, Any]] = {
    "head only": {"epochs": 0},
    "+ fine-tune": {},
    "+ crop and flip": {"flip": True, "crop": True},
    "+ CutMix": {"cutmix": {"enabled": True}},
    "+ label smoothing": {"label_smoothing": 0.1},
    "+ EMA": {"optimizer": {"ema_decay": 0.999}},
}


def recipes() -> dict[str, dict[str, Any]]:
    """The settings of each row: everything off, then one more thing on a row."""
    rows, settings = {}, dict(OFF)
    for name, change in STEPS.items():
        settings = {key: value for key, value in settings.items() if key != "epochs"} | change
        rows[name] = settings
    return rows


def measure(root: Path, settings: dict[str, Any], features: Callable[..., Any]) -> dict[str, Any]:
    """Trains once and scores the test split."""
    from trainer import head, loop
    from trainer.config import TrainConfig
    from trainer.evaluation import Evaluator
    from trainer.input import Source, evaluation_batches
    from trainer.seeds import set_seeds

    config = TrainConfig.model_validate(settings)
    set_seeds(config)
    train, val, test = (
        Source.of(f"{root}/Split-{split}/*", split) for split in ("train", "val", "test")
    )
    head.cached_features = features
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        fitted = loop.fit(train, val, config, checkpoint_dir=folder)
    seconds = time.monotonic() - started
    scores = Evaluator(fitted.network, calibrated=True)(evaluation_batches(test, config))
    best = min(fitted.history, key=lambda one: one["val_loss"]) if fitted.history else {}
    return {
        "seconds": round(seconds, 1),
        "test_accuracy": scores.accuracy,
        "test_loss": scores.loss,
        "best_epoch": best.get("epoch"),
        "val_accuracy": best.get("val_accuracy"),
        "images_per_second": fitted.history[-1].get("images_per_second"),
    }


def shared_features() -> Callable[..., Any]:
    """The backbone's features do not depend on the seed: compute them once for all runs."""
    from trainer import head

    known: dict[tuple[str, int, int, bool], Any] = {}
    compute = head.cached_features

    def remembered(network: Any, source: Any, config: Any, *, views: int) -> Any:
        key = (source.split, views, config.image_size, config.crop)
        if key not in known:
            known[key] = compute(network, source, config, views=views)
        return known[key]

    return remembered


def table(path: Path) -> str:
    """The file as Markdown, mean and range over seeds."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    rows = ["| recipe | test accuracy, mean | lowest to highest | seeds |", "|---|---|---|---|"]
    for name in dict.fromkeys(one["recipe"] for one in lines):
        values = [one["test_accuracy"] for one in lines if one["recipe"] == name]
        spread = f"{min(values):.3f} to {max(values):.3f}"
        rows.append(f"| {name} | {statistics.mean(values):.3f} | {spread} | {len(values)} |")
    return "\n".join(rows)


def main() -> None:
    """Runs what is missing, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--alpha", type=float, default=0.75)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON, for every run")
    parser.add_argument("--only", nargs="+", help="names of rows")
    parser.add_argument("--out", type=Path, default=Path("ablation.jsonl"))
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if not args.table:
        _run(args)
    print(table(args.out))


def _run(args: argparse.Namespace) -> None:
    done = set()
    if args.out.exists():
        lines = [json.loads(line) for line in args.out.read_text().splitlines()]
        done = {(one["recipe"], one["seed"]) for one in lines}
    features = shared_features()
    fixed = {"weights": args.weights, "alpha": args.alpha, **args.settings}
    for seed in args.seeds:
        for name, settings in recipes().items():
            if (name, seed) in done or (args.only and name not in args.only):
                continue
            # The row has the last word: "head only" is its epochs: 0, whatever --settings says.
            outcome = measure(args.examples, fixed | settings | {"seed": seed}, features)
            with args.out.open("a") as file:
                file.write(json.dumps({"recipe": name, "seed": seed, **outcome}) + "\n")
            print(name, seed, outcome, flush=True)


if __name__ == "__main__":
    main()
