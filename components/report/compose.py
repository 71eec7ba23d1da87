"""From a run's artifacts to the content of its report.

    content = compose(sources, ReportConfig())

What cannot be made (a model without a feature map, no room for a photo) is noted, never an error: a report that says
what it lacks is worth more than none.
"""

from __future__ import annotations

import datetime
import posixpath
from collections.abc import Sequence

import yaml

from components.model_evaluator.result import EvaluationResult, Rule
from components.report import answers
from components.report.augmentation import augment_strip
from components.report.config import ReportConfig
from components.report.content import (
    Augmented,
    ConfusedPair,
    LabelCheck,
    Loss,
    Report,
    Verdict,
)
from components.report.data_part import DataPart
from components.report.label_check import find_suspects
from components.report.pictures import heat_pictures, rendered
from components.report.sources import Sources, read_images
from components.report.thumbnails import Album
from components.report.training import training_facts
from trainer.config import TrainConfig
from trainer.features import DatasetInfo


def compose(sources: Sources, config: ReportConfig) -> Report:
    """Gathers everything that the page shows."""
    dataset, evaluation = sources.dataset(), sources.evaluation()
    gate, told = sources.findings(), sources.training()
    part = DataPart(sources.uris["examples"], dataset, gate, config)
    train = TrainConfig.model_validate(sources.run_config.get("train", {}))
    labels = find_suspects(sources.model, sources.uris["examples"], dataset, train, config.scored)
    worst, pairs = answers.boil_down(
        sources.predictions(), losses=config.top_losses, pairs=config.confused_pairs
    )
    wanted = {
        *part.paths(),
        *(one.path for one in labels.suspects[: config.suspects]),
        *(one.path for one in worst),
        *(path for pair in pairs for path in pair.paths),
    }
    images = read_images(sources.uris["examples"], wanted)
    album = Album(images, side=config.thumbnail_side, room=config.max_bytes)
    notes: list[str] = []
    # What a reader acts on comes first, so that it is not what runs out of room.
    shown_findings = part.findings(album)
    shown_labels = _with_pictures(labels, album, config.suspects)
    losses = _losses(sources, worst, images, album, train, config, notes)
    confused = tuple(_pair(pair, album) for pair in pairs)
    strip = _strip_paths(part.sampled, config.augmented)
    augmentation = _augmentation(strip, images, album, dataset, train)
    samples = part.samples(album)
    return Report(
        name=sources.name,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        verdict=verdict(sources, evaluation),
        dataset=dataset,
        histograms=part.histograms,
        samples=samples,
        findings=shown_findings,
        not_looked_for=gate.notes,
        augmentation=augmentation,
        training=training_facts(told),
        epochs=tuple(told.get("epochs", ())),
        evaluation=evaluation,
        confused=confused,
        losses=losses,
        labels=shown_labels,
        sizes=_sizes(sources.uris["model"]),
        lineage={"data_version": dataset.data_version, **sources.lineage},
        config_yaml=yaml.safe_dump(dict(sources.run_config), sort_keys=False, allow_unicode=True),
        notes=(*notes, *album.notes()),
    )


def verdict(sources: Sources, evaluation: EvaluationResult) -> Verdict:
    """What came of the run, in a sentence, and why."""
    failed = [rule for rule in evaluation.rules if rule.verdict == "fail"]
    reasons = tuple(_reason(rule) for rule in failed)
    if failed:
        rules = "1 rule failed" if len(failed) == 1 else f"{len(failed)} rules failed"
        headline = f"Refused: {rules}, so nothing was pushed."
    elif sources.pushed:
        headline = f"Blessed and pushed: {sources.push_reason or f'version {sources.version}'}."
    else:
        headline = f"Blessed, but not pushed: {sources.push_reason}."
        reasons = (sources.push_reason,)
    return Verdict(
        blessed=not failed,
        pushed=sources.pushed,
        version=sources.version or "",
        headline=headline,
        reasons=reasons,
    )


def _reason(rule: Rule) -> str:
    figures = [
        f"{name} {value:.4g}"
        for name, value in (("value", rule.value), ("limit", rule.limit))
        if value is not None
    ]
    measured = f" ({', '.join(figures)})" if figures else ""
    fix = f"; {rule.fix}" if rule.fix else ""
    return f"{rule.name}: {rule.detail}{measured}{fix}"


def _with_pictures(labels: LabelCheck, album: Album, count: int) -> LabelCheck:
    shown = (
        one.model_copy(update={"picture": album.picture(one.path, one.label)})
        for one in labels.suspects[:count]
    )
    return labels.model_copy(update={"suspects": (*shown, *labels.suspects[count:])})


def _losses(
    sources: Sources,
    worst: Sequence[answers.Answer],
    images: dict[str, bytes],
    album: Album,
    train: TrainConfig,
    config: ReportConfig,
    notes: list[str],
) -> tuple[Loss, ...]:
    looked_at = [one.path for one in worst if one.path in images][: config.heatmaps]
    heats = heat_pictures(sources.model, looked_at, images, album, train, notes)
    return tuple(
        Loss(
            picture=album.picture(one.path, one.label),
            heat=heats.get(one.path),
            label=one.label,
            answer=one.answer,
            probability=one.probability,
            label_probability=one.label_probability,
            loss=one.loss,
        )
        for one in worst
    )


def _pair(pair: answers.Pair, album: Album) -> ConfusedPair:
    return ConfusedPair(
        label=pair.label,
        answer=pair.answer,
        count=pair.times,
        share=pair.times / pair.of,
        pictures=tuple(album.picture(path, pair.label) for path in pair.paths),
    )


def _strip_paths(samples: dict[str, list[str]], count: int) -> list[tuple[str, str]]:
    """Class and path, the classes taking turns, so that neighbours (and CutMix partners) differ."""
    turns = max((len(paths) for paths in samples.values()), default=0)
    rows = [
        (name, paths[turn])
        for turn in range(turns)
        for name, paths in samples.items()
        if turn < len(paths)
    ]
    return rows[:count]


def _augmentation(
    strip: Sequence[tuple[str, str]],
    images: dict[str, bytes],
    album: Album,
    dataset: DatasetInfo,
    train: TrainConfig,
) -> tuple[Augmented, ...]:
    rows = [(name, path) for name, path in strip if path in images]
    if not rows:
        return ()
    seen = augment_strip(
        [images[path] for _, path in rows],
        [dataset.class_names.index(name) for name, _ in rows],
        dataset.class_names,
        train,
    )
    return tuple(
        Augmented(
            before=album.picture(path, f"{name}, as stored"),
            after=rendered(one.pixels, path, f"{name}, augmented", album),
            labels=one.labels,
        )
        for (name, path), one in zip(rows, seen, strict=True)
    )


def _sizes(model_uri: str) -> dict[str, int]:
    """Bytes of each format that the trainer exported, by folder."""
    from tfx.dsl.io import fileio

    sizes: dict[str, int] = {}
    for folder, _, files in fileio.walk(model_uri):
        relative = posixpath.relpath(folder, model_uri)
        name = relative.split("/")[0].removeprefix("Format-")
        for file in files:
            label = file if relative == "." else name
            sizes[label] = sizes.get(label, 0) + _bytes(posixpath.join(folder, file))
    return sizes


def _bytes(path: str) -> int:
    import tensorflow as tf

    return int(tf.io.gfile.stat(path).length)
