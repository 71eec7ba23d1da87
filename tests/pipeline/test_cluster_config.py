"""The `kubeflow:` section: what a step gets where the config says nothing, something general or its own."""

from __future__ import annotations

import pydantic
import pytest

from pipeline.cluster_config import NODE_IDS, ClusterConfig, NodeConfig, quantity


@pytest.mark.parametrize(
    ("text", "value"), [("500m", 0.5), ("4", 4), ("1.5", 1.5), ("8Gi", 8 * 2**30), ("2G", 2e9)]
)
def test_quantities(text, value):
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "4 GB", "-1", "1e3", "Gi"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="must be a Kubernetes quantity"):
        quantity(text)


def test_only_the_trainer_has_a_gpu_by_itself():
    cluster = ClusterConfig()
    assert {node: cluster.node(node).gpus for node in NODE_IDS if cluster.node(node).gpus} == {
        "trainer": 1
    }


def test_a_steps_own_setting_wins_over_the_general_one_and_that_over_the_built_in():
    cluster = ClusterConfig(
        defaults=NodeConfig(cpu="3", retries=1), nodes={"trainer": NodeConfig(cpu="7", gpus=2)}
    )
    trainer = cluster.node("trainer")
    assert (trainer.cpu, trainer.gpus, trainer.retries) == ("7", 2, 1)
    assert cluster.node("schema-gen").cpu == "3"
    assert cluster.node("schema-gen").memory == "2Gi"


def test_steps_that_look_at_folders_or_the_registry_are_not_cached():
    cluster = ClusterConfig()
    assert [node for node in NODE_IDS if not cluster.node(node).cache] == [
        "retrain-check",
        "image-example-gen",
        "data-gate",
        "model-evaluator",
        "model-pusher",
    ]


def test_zero_and_empty_are_values_of_their_own():
    cluster = ClusterConfig(nodes={"trainer": NodeConfig(gpus=0, tolerations=(), shared_memory="")})
    trainer = cluster.node("trainer")
    assert (trainer.gpus, trainer.tolerations, trainer.shared_memory) == (0, (), "")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nodes": {"trianer": {}}}, "unknown step 'trianer'"),
        ({"defaults": {"gpus": 1}}, "only nodes.trainer may ask for gpus, but defaults does"),
        ({"nodes": {"data-gate": {"gpus": 1}}}, "but nodes.data-gate does"),
        ({"defaults": {"memory": "8 GB"}}, "must be a Kubernetes quantity"),
    ],
)
def test_what_is_refused(values, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        ClusterConfig.model_validate(values)
