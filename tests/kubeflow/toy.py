"""A pipeline of three small steps with what goes wrong on KFP: a condition, types, metadata, JSON settings."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types import component_spec, standard_artifacts
from tfx.types.experimental import simple_artifacts

from trainer.errors import ExitCode, UserError


def _channel(kind):
    return component_spec.ChannelParameter(type=kind)


class DecideExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        [decision] = output_dict["decision"]
        assert isinstance(exec_properties["retrain"], int)
        decision.set_int_custom_property("retrain", exec_properties["retrain"])


class MakeExecutor(base_executor.BaseExecutor):
    """Writes what it was told; `mode` says how to fail."""

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        assert input_dict == {}, "inputs of the condition are none of ours"
        assert "image" not in exec_properties
        settings = json.loads(exec_properties["settings"])
        marker = Path(exec_properties["registry"]) / "attempts"
        marker.parent.mkdir(parents=True, exist_ok=True)
        tries = len(marker.read_text()) if marker.exists() else 0
        marker.write_text("x" * (tries + 1))
        _misbehave(settings["mode"], tries)
        [examples] = output_dict["examples"]
        examples.split_names = '["train", "val"]'
        examples.span = 7
        examples.set_string_custom_property("note", "héllo")
        (Path(examples.uri) / "Split-train").mkdir()
        (Path(examples.uri) / "Split-train" / "data").write_text(str(settings["epochs"]))


class NoCredentialsError(Exception):
    """As botocore's, where the secret's variables are not in the pod."""


def _misbehave(mode, tries):
    if mode == "user-error":
        raise UserError("class 'fog' is empty", fix="add images", code=ExitCode.DATA_REFUSED)
    if mode == "crash-once" and tries == 0:
        raise OSError("disk went away")
    if mode == "bucket-away" and tries == 0:
        raise ValueError("listing failed") from ConnectionRefusedError(111, "Connection refused")
    if mode == "no-secret":
        raise NoCredentialsError("Unable to locate credentials")
    if mode == "ends-itself" and tries == 0:
        raise SystemExit(143)
    if mode == "preempted-twice" and tries < 2:
        os.kill(os.getpid(), signal.SIGTERM)


class UseExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        [examples] = input_dict["examples"]
        assert isinstance(examples, standard_artifacts.Examples)
        assert examples.split_names == '["train", "val"]'
        assert examples.span == 7
        assert examples.get_string_custom_property("note") == "héllo"
        epochs = (Path(examples.uri) / "Split-train" / "data").read_text()
        [model] = output_dict["model"]
        model.set_string_custom_property("epochs", epochs)
        [empty] = output_dict["empty"]
        assert Path(empty.uri).is_dir()


class DecideSpec(types.ComponentSpec):
    PARAMETERS = {"retrain": component_spec.ExecutionParameter(type=int)}
    INPUTS = {}
    OUTPUTS = {"decision": _channel(simple_artifacts.File)}


class MakeSpec(types.ComponentSpec):
    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "registry": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {"examples": _channel(standard_artifacts.Examples)}


class UseSpec(types.ComponentSpec):
    PARAMETERS = {}
    INPUTS = {"examples": _channel(standard_artifacts.Examples)}
    OUTPUTS = {
        "model": _channel(standard_artifacts.Model),
        "empty": _channel(simple_artifacts.File),
    }


def _component(name, spec, executor):
    return type(
        name,
        (base_component.BaseComponent,),
        {
            "SPEC_CLASS": spec,
            "EXECUTOR_SPEC": executor_spec.ExecutorClassSpec(executor),
            "__init__": lambda self, **given: base_component.BaseComponent.__init__(
                self, spec(**given)
            ),
        },
    )


Decide = _component("Decide", DecideSpec, DecideExecutor)
Make = _component("Make", MakeSpec, MakeExecutor)
Use = _component("Use", UseSpec, UseExecutor)


def toy_pipeline(registry: str, mode: str = "") -> Pipeline:
    """decide, then under a condition make and use."""
    decide = Decide(
        retrain=RuntimeParameter("retrain", int, default=1),
        decision=types.Channel(type=simple_artifacts.File),
    ).with_id("decide")
    with Cond(decide.outputs["decision"].future()[0].custom_property("retrain") == 1):
        make = Make(
            settings=json.dumps({"epochs": 8, "mode": mode}),
            registry=RuntimeParameter("registry", str, default=registry),
            examples=types.Channel(type=standard_artifacts.Examples),
        ).with_id("make")
        use = Use(
            examples=make.outputs["examples"],
            model=types.Channel(type=standard_artifacts.Model),
            empty=types.Channel(type=simple_artifacts.File),
        ).with_id("use")
    return Pipeline(pipeline_name="toy", pipeline_root="unused", components=[decide, make, use])
