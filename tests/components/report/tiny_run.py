"""A run of the colour model without its pipeline: the artifacts that the report reads, with planted mistakes."""

from __future__ import annotations

import json
from pathlib import Path

from components.data_gate.findings import Finding, GateReport, ImageRef, Item
from components.model_evaluator.result import Bin, ClassFigures, EvaluationResult, Rule, Slice
from components.report.sources import Sources
from tests.components.tiny_model import COLOURS, export_model, serialized_example
from trainer.config import TrainConfig
from trainer.features import CLASS_NAME, LABEL, DatasetInfo

PER_CLASS = {"train": 12, "val": 4, "test": 8}
MISFILED = "red/2003.png"
NASTY = "<script>alert('x')</script>"


def make_sources(folder: Path, *, blessed: bool = True) -> Sources:
    """Writes everything below `folder`; the red image MISFILED is filed under blue."""
    examples = folder / "examples"
    _write_examples(examples)
    for name in ("evaluation", "anomalies", "model_run"):
        (folder / name).mkdir()
    (folder / "evaluation" / "metrics.json").write_text(evaluation(blessed).model_dump_json())
    rows = [_prediction(f"{name}/{i}.png", name, "red") for i, name in enumerate(COLOURS)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "evaluation" / "predictions-00000-of-00001.jsonl").write_text(lines)
    (folder / "anomalies" / "findings.json").write_text(findings().model_dump_json())
    epochs = [
        {
            "epoch": float(n),
            "loss": 1 / n,
            "val_loss": 1.1 / n,
            "accuracy": 0.9,
            "val_accuracy": 0.8,
        }
        for n in (1, 2, 3)
    ]
    history = {
        "epochs": epochs,
        "start": "from version 2 in service",
        "precision": {"policy": "float32", "why": "3 steps are too few", "seconds": {}},
        "tuned": {"learning_rate": 0.000321},
        "temperature": 1.5,
    }
    (folder / "model_run" / "history.json").write_text(json.dumps(history))
    model = export_model(folder / "model" / "Format-Serving")
    train = TrainConfig(image_size=32, weights="none", batch_size=8)
    return Sources(
        name="colours",
        uris={
            name: str(folder / name)
            for name in ("examples", "evaluation", "anomalies", "model_run", "model")
        },
        model=model,
        version="3" if blessed else "",
        pushed=blessed,
        push_reason="version 3 is in service" if blessed else "the evaluation did not bless it",
        run_config={"name": "colours", "train": train.model_dump(mode="json")},
        lineage={"code_version": "c-1", "model artifact": "7"},
    )


def evaluation(blessed: bool = True) -> EvaluationResult:
    """Three classes, one of them never recognised."""
    return EvaluationResult(
        split="test",
        examples=24,
        baseline_version=2,
        class_names=COLOURS,
        overall={
            "accuracy": 0.75,
            "log_loss": 0.5,
            "latency_median_ms": 3.0,
            "latency_p95_ms": 4.0,
        },
        baseline={"accuracy": 0.5, "log_loss": 0.4},
        per_class={
            name: ClassFigures(
                examples=8, precision=None, recall=0.5, f1=0.4, auc=0.9, baseline_recall=0.25
            )
            for name in COLOURS
        },
        confusion=((4, 0, 4), (0, 8, 0), (0, 1, 7)),
        reliability=(Bin(low=0.5, high=1.0, examples=24, confidence=0.9, accuracy=0.75),),
        slices=(
            Slice(
                feature="brightness",
                value="dark",
                examples=12,
                accuracy=0.5,
                log_loss=0.9,
                baseline_accuracy=0.6,
            ),
        ),
        rules=(
            Rule(
                name="accuracy",
                value=0.75,
                limit=0.7 if blessed else 0.9,
                verdict="pass" if blessed else "fail",
                detail="share of 24 test images answered rightly",
                fix="" if blessed else "add photos",
            ),
        ),
    )


def findings() -> GateReport:
    """A leak with photos, a file without one, and a path that tries to be markup."""
    pair = tuple(
        ImageRef(path=path, class_name="red", split=split)
        for path, split in (("red/2000.png", "train"), ("red/0.png", "test"))
    )
    items = {
        "near_leakage": (Item(subject="red/2000.png", detail="2 images", images=pair),),
        "unreadable_files": (Item(subject=NASTY, detail="cut short"),),
    }
    return GateReport(
        images=72,
        findings=tuple(
            Finding(
                kind=kind,
                level="warn",
                count=1,
                total=72,
                unit="images",
                limit="none",
                items=of,
                items_total=3,
            )
            for kind, of in items.items()
        ),
        notes=("the embedding was not compared",),
    )


def _prediction(path: str, label: str, answer: str) -> dict[str, object]:
    right = 0.9 if label == answer else 0.1
    return {
        "path": path,
        "label": label,
        "answer": answer,
        "probability": 0.9,
        "label_probability": right,
    }


def _write_examples(folder: Path) -> None:
    import tensorflow as tf

    for number, (split, count) in enumerate(PER_CLASS.items()):
        (folder / f"Split-{split}").mkdir(parents=True)
        path = str(folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz")
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for name in COLOURS:
                for k in range(count):
                    # train from 2000 on, val from 1000, test from 0
                    seed = (2 - number) * 1000 + k
                    writer.write(_misfile(serialized_example(name, seed), f"{name}/{seed}.png"))
    info = DatasetInfo(
        class_names=COLOURS,
        counts={split: dict.fromkeys(COLOURS, count) for split, count in PER_CLASS.items()},
        data_version="d-1",
        stored_size=32,
    )
    (folder / "dataset.json").write_text(info.model_dump_json())


def _misfile(serialized: bytes, path: str) -> bytes:
    import tensorflow as tf

    if path != MISFILED:
        return serialized
    example = tf.train.Example.FromString(serialized)
    example.features.feature[LABEL].int64_list.value[0] = COLOURS.index("blue")
    example.features.feature[CLASS_NAME].bytes_list.value[0] = b"blue"
    return example.SerializeToString()
