"""What KFP 2.17's own code made of the documented pipeline, recorded by `python -m tests.kubeflow.golden`.

Set IMAGEMILL_KFP_CONFORMANCE to a built check (kubeflow/conformance/build.sh) to ask the code itself.
"""

from __future__ import annotations

import json
import os

import pytest

from tests.kubeflow import golden

MADE = json.loads(golden.BACKEND.read_text())


def _container(node_id):
    [container] = MADE["pods"][node_id]["containers"]
    return container


def test_the_record_belongs_to_the_documented_pipeline():
    assert golden.digest(*golden.read(golden.DOCUMENT)) == MADE["digest"], (
        "the document changed in what the backend sees: build kubeflow/conformance and run "
        "`python -m tests.kubeflow.golden --conformance BINARY`"
    )


def test_the_backend_still_says_the_same():
    binary = os.environ.get("IMAGEMILL_KFP_CONFORMANCE")
    if not binary:
        pytest.skip(
            "needs a check built in a checkout of kubeflow/pipelines: kubeflow/conformance/build.sh"
        )
    assert golden.ask_backend(binary) == MADE


def test_only_the_trainers_pod_asks_for_gpus():
    asking = [
        node for node in MADE["pods"] if "nvidia.com/gpu" in _container(node)["resources"]["limits"]
    ]
    assert asking == ["trainer"]
    assert _container("trainer")["resources"]["limits"] == {
        "cpu": "4",
        "memory": "17180M",
        "nvidia.com/gpu": "1",
    }


def test_the_trainers_pod_is_placed_on_spot_gpu_nodes():
    pod = MADE["pods"]["trainer"]
    assert pod["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert {item["key"] for item in pod["tolerations"]} == {
        "nvidia.com/gpu",
        "cloud.google.com/gke-spot",
    }
    [preferred] = pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["weight"] == 100
    assert pod["activeDeadlineSeconds"] == 24 * 3600


def test_every_pod_has_the_volumes_and_the_trainer_real_shared_memory():
    for node_id, pod in MADE["pods"].items():
        mounts = {
            mount["mountPath"]: mount["name"] for mount in _container(node_id)["volumeMounts"]
        }
        assert mounts["/mnt/photos"] == "photos"
        assert mounts["/mnt/registry"] == "model-registry"
        names = [volume["name"] for volume in pod["volumes"]]
        assert len(names) == len(set(names))
        assert ("/dev/shm" in mounts) == (node_id == "trainer")
    [memory] = [v for v in MADE["pods"]["trainer"]["volumes"] if v["name"] == "dshm"]
    assert memory["emptyDir"] == {"medium": "Memory", "sizeLimit": "2Gi"}


def test_no_pod_runs_as_root_or_keeps_a_capability():
    assert MADE["podSecurity"]["runAsNonRoot"] is True
    assert MADE["podSecurity"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for node_id in MADE["pods"]:
        security = _container(node_id)["securityContext"]
        assert security["runAsUser"] == 1000
        assert security["runAsNonRoot"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_secrets_are_handed_to_the_steps_that_need_them():
    plain, variable = _container("model-evaluator")["env"]
    assert plain == {"name": "OMP_NUM_THREADS", "value": "2"}
    assert variable["valueFrom"]["secretKeyRef"] == {
        "name": "report-token",
        "key": "token",
        "optional": False,
    }
    assert {v["name"] for v in MADE["pods"]["model-pusher"]["volumes"]} >= {"push-credentials"}
    assert "push-credentials" not in json.dumps(MADE["pods"]["trainer"])


def test_images_are_resolved_from_the_run_parameter():
    images = {node: _container(node)["image"] for node in MADE["pods"]}
    assert images.pop("trainer").startswith("registry.example.com/imagemill-gpu@sha256:")
    assert set(images.values()) == {f"registry.example.com/imagemill@sha256:{'0' * 64}"}


def test_every_conditional_step_waits_for_the_decision():
    conditional = {name for name, when in MADE["when"].items() if "condition" in when}
    steps = set(MADE["pods"]) - {"retrain-check"}
    assert conditional == steps
    assert all("retrain-check.Succeeded" in MADE["depends"][f"{step}-driver"] for step in steps)


def test_failed_steps_are_tried_again():
    assert any(name.endswith("retry-system-container-impl") for name in MADE["templates"])
