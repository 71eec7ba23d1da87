"""The pipeline as a pure function of the config: no clock, no file, no environment is read here.

    pipeline = create_pipeline(config, data_version=fingerprint)

The same object runs under the local runner and compiles for Kubeflow, so it uses only what both support:
no Resolver, FileBasedExampleGen, InfraValidator, `module_file` or dynamic exec properties
(docs/architecture.md says what stands in for each).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx.components import SchemaGen, Trainer, Tuner
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2

from components.data_gate.component import DataGate
from components.data_gate.embedding import EmbeddingSource
from components.data_gate.statistics import ImageStatisticsGen
from components.image_example_gen.component import ImageExampleGen
from components.model_evaluator.component import ModelEvaluator
from components.model_pusher.component import ModelPusher
from components.model_validator.component import ModelValidator
from components.report.component import Report
from components.retrain_check.component import RetrainCheck
from pipeline.config import Config
from pipeline.versions import run_version

RUN_FN = "trainer.run.run_fn"
TUNER_FN = "trainer.tuning.tuner_fn"


def create_pipeline(
    config: Config,
    *,
    data_version: str = "",
    code_version: str = "",
    step_versions: Mapping[str, str] | None = None,
    force: bool = False,
    decided: str = "",
    in_service: str = "",
    metadata_connection_config: Any = None,
) -> Pipeline:
    """Builds the whole pipeline.

    Args:
      config: all settings.
      data_version: fingerprint of the input's listing. It is what tells the step cache that the
        data changed; "" (as on a cluster) makes the steps that need it compute it when they run.
      code_version: digest of the code, for the step cache and the lineage.
      step_versions: digest of the code that a step can reach, by node id, for the step cache; steps
        without one take `code_version`.
      force: retrain whatever the policy says.
      decided: what a local run has decided already (`components.retrain_check.handed`); "" on a
        cluster, where `retrain-check` decides when it runs.
      in_service: the version that steps compare with (`pipeline.in_service`), so that the step cache
        sees it change; "" on a cluster, where these steps are never cached. They read the registry
        when they run.
      metadata_connection_config: where ML Metadata lives; only local runners use it.

    Returns:
      A TFX pipeline whose location parameters (`data-root`, `registry`, `data-version`, `force`) are
      runtime parameters with the config's values as defaults.
    """
    arguments = runtime_arguments(config, data_version=data_version, force=force)
    shared = _Shared(config, arguments, code_version, step_versions or {}, in_service)
    check = _retrain_check(shared, decided)
    with Cond(check.outputs["decision"].future()[0].custom_property("retrain") == 1):
        steps = _training_steps(shared)
    for step in steps:
        if isinstance(step, BaseBeamComponent):
            step.with_beam_pipeline_args(config.beam.step_args(step.id))
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=config.pipeline_root,
        components=[check, *steps],
        enable_cache=config.cache,
        metadata_connection_config=metadata_connection_config,
    )


def runtime_arguments(
    config: Config, *, data_version: str = "", force: bool = False
) -> dict[str, str | int]:
    """The runtime parameters and their values for this config.

    A runner must pass them: TFX drops defaults that are 0 or "" when it compiles a pipeline.
    """
    return {
        "data-root": config.data.root,
        "registry": config.registry_root,
        "data-version": data_version,
        "force": int(force),
    }


class _Shared:
    """What several nodes are given."""

    def __init__(
        self,
        config: Config,
        arguments: dict[str, str | int],
        code_version: str,
        step_versions: Mapping[str, str],
        in_service: str,
    ) -> None:
        self.config = config
        self.code_version = code_version
        self.step_versions = step_versions
        self.in_service = in_service
        self.run_version = run_version(config, code_version)
        parameters = {
            name: RuntimeParameter(name, type(default), default=default)
            for name, default in arguments.items()
        }
        self.data_root = parameters["data-root"]
        self.registry = parameters["registry"]
        self.data_version = parameters["data-version"]
        self.force = parameters["force"]

    def place(self, node_id: str) -> dict[str, Any]:
        """Where the model lives and which code the step runs."""
        return {
            "registry": self.registry,
            "name": self.config.name,
            "code_version": self.code_of(node_id),
        }

    def code_of(self, node_id: str) -> str:
        """Digest of the code that a step can reach."""
        return self.step_versions.get(node_id, self.code_version)


def _retrain_check(shared: _Shared, decided: str) -> BaseComponent:
    return RetrainCheck(
        data_root=shared.data_root,
        registry=shared.registry,
        name=shared.config.name,
        data_version=shared.data_version,
        run_version=shared.run_version,
        force=shared.force,
        decided=decided,
        ingest=shared.config.ingest,
        config=shared.config.retrain,
    ).with_id("retrain-check")


def _training_steps(shared: _Shared) -> list[BaseComponent]:
    config = shared.config
    ingest = ImageExampleGen(
        data_root=shared.data_root,
        data_version=shared.data_version,
        config=config.ingest,
        **shared.place("image-example-gen"),
    ).with_id("image-example-gen")
    examples = ingest.outputs["examples"]
    statistics = ImageStatisticsGen(
        examples=examples, embedding=EmbeddingSource.of(config.gate.embedding, config.train)
    ).with_id("statistics-gen")
    schema = SchemaGen(
        statistics=statistics.outputs["statistics"], infer_feature_shape=True
    ).with_id("schema-gen")
    data = {
        "examples": examples,
        "statistics": statistics.outputs["statistics"],
        "schema": schema.outputs["schema"],
    }
    gate = DataGate(
        **data,
        dead_letters=ingest.outputs["dead_letters"],
        in_service=shared.in_service,
        config=config.gate,
        **shared.place("data-gate"),
    ).with_id("data-gate")
    training = _training(shared, data["examples"], data["schema"])
    training[0].add_upstream_node(gate)
    release = _release_steps(shared, data, training[-1], gate.outputs["anomalies"])
    return [ingest, statistics, schema, gate, *training, *release]


def _training(shared: _Shared, examples: Any, schema: Any) -> list[BaseComponent]:
    """The Trainer, after a Tuner where the config asks for a search."""
    given = {
        "examples": examples,
        "schema": schema,
        "train_args": trainer_pb2.TrainArgs(splits=["train"]),
        "eval_args": trainer_pb2.EvalArgs(splits=["val"]),
    }
    if not shared.config.tune.enabled:
        return [_trainer(shared, given)]
    tuner = Tuner(
        tuner_fn=TUNER_FN,
        custom_config={
            **_of_training(shared, "tuner"),
            "tune": shared.config.tune.model_dump(mode="json"),
        },
        **given,
    ).with_id("tuner")
    best = tuner.outputs["best_hyperparameters"]
    return [tuner, _trainer(shared, {**given, "hyperparameters": best})]


def _trainer(shared: _Shared, given: dict[str, Any]) -> BaseComponent:
    return Trainer(
        run_fn=RUN_FN,
        **given,
        custom_config=_of_training(shared, "trainer"),
    ).with_id("trainer")


def _of_training(shared: _Shared, node_id: str) -> dict[str, Any]:
    """What the Trainer's and the Tuner's functions are told."""
    return {
        "config": shared.config.train.model_dump(mode="json"),
        "registry": shared.config.registry_root,
        "name": shared.config.name,
        "code_version": shared.code_of(node_id),
        # Part of what the cache knows a training by, so only where the result depends on it.
        "in_service": shared.in_service if shared.config.train.warm_start else "",
    }


def _release_steps(
    shared: _Shared, data: dict[str, Any], trainer: BaseComponent, anomalies: Any
) -> list[BaseComponent]:
    model = trainer.outputs["model"]
    evaluator = ModelEvaluator(
        examples=data["examples"],
        model=model,
        in_service=shared.in_service,
        config=shared.config.evaluate,
        **shared.place("model-evaluator"),
    ).with_id("model-evaluator")
    validator = ModelValidator(
        examples=data["examples"],
        model=model,
        code_version=shared.code_of("model-validator"),
        config=shared.config.validator,
    ).with_id("model-validator")
    pusher = ModelPusher(
        **data,
        model=model,
        blessing=evaluator.outputs["blessing"],
        infra_blessing=validator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        config=shared.config.push,
        run_config=json.dumps(shared.config.model_dump(mode="json"), sort_keys=True),
        run_version=shared.run_version,
        **shared.place("model-pusher"),
    ).with_id("model-pusher")
    report = Report(
        examples=data["examples"],
        statistics=data["statistics"],
        anomalies=anomalies,
        model=model,
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        name=shared.config.name,
        code_version=shared.code_version,
        run_version=shared.run_version,
        run_config=json.dumps(shared.config.model_dump(mode="json"), sort_keys=True),
        config=shared.config.report,
    ).with_id("report")
    return [evaluator, validator, pusher, report]
