"""The YAML section `kubeflow:`: how the same pipeline runs on a cluster, as a whole and per node.

    kubeflow:
      image: ghcr.io/me/imagemill@sha256:...
      data_root: /mnt/photos
      registry: /mnt/registry
      defaults: {volumes: [{claim: photos, path: /mnt/photos}]}
      nodes: {trainer: {gpus: 2, node_selector: {cloud.google.com/gke-spot: "true"}}}

A setting of a node is looked up in `nodes.<id>`, then in `defaults`, then in what suits that node by itself
(`BUILT_IN`). Everything that ends in the compiled document stands here; nothing is read from the environment.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from trainer.settings import Settings

NODE_IDS = (
    "retrain-check",
    "image-example-gen",
    "statistics-gen",
    "schema-gen",
    "data-gate",
    "tuner",
    "trainer",
    "model-evaluator",
    "model-validator",
    "model-pusher",
    "report",
)
GPU_NODE = "trainer"
_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")
_FACTORS = {
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def quantity(text: str) -> float:
    """A Kubernetes quantity such as `500m`, `4`, `8Gi` as a number (cores or bytes).

    Raises:
      ValueError: `text` is not a quantity.
    """
    found = _QUANTITY.match(text)
    if found is None:
        raise ValueError(f"must be a Kubernetes quantity such as 500m, 4 or 8Gi, got {text!r}")
    return float(found.group(1)) * _FACTORS[found.group(2) or ""]


class Toleration(Settings):
    """Lets a pod onto nodes with a taint."""

    key: str = Field("", description="Key of the taint; empty with `Exists` tolerates every taint.")
    operator: Literal["Exists", "Equal"] = Field("Exists", description="How the value is compared.")
    value: str = Field("", description="Value of the taint, for `Equal`.")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="Effect of the taint; empty matches all."
    )
    seconds: int | None = Field(
        None,
        ge=0,
        description="How long a NoExecute taint is tolerated, in seconds; null: for ever.",
    )


class NodeAffinity(Settings):
    """A rule on node labels."""

    key: str = Field(description="Label of the node.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        "In", description="How the label is compared with `values`."
    )
    values: tuple[str, ...] = Field((), description="Values of the label.")
    weight: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Preference from 1 to 100; null makes the rule a requirement.",
    )


class Volume(Settings):
    """A persistent volume claim in the pod."""

    claim: str = Field(description="Name of the PersistentVolumeClaim in the run's namespace.")
    path: str = Field(pattern=r"^/", description="Absolute path in the container.")
    sub_path: str = Field("", description="Folder of the volume to mount; empty: its root.")


class SecretEnv(Settings):
    """One key of a secret as an environment variable."""

    secret: str = Field(description="Name of the Secret.")
    key: str = Field(description="Key in the secret.")
    env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="The environment variable.")


class SecretFiles(Settings):
    """A secret as files, one a key."""

    secret: str = Field(description="Name of the Secret.")
    path: str = Field(pattern=r"^/", description="Absolute folder in the container.")


class NodeConfig(Settings):
    """How one step's pod is placed and treated; null means: look further up."""

    image: str | None = Field(
        None, description="Container image of this step, such as a GPU variant."
    )
    cpu: str | None = Field(None, description="CPU limit, such as 500m or 4 (cores).")
    memory: str | None = Field(None, description="Memory limit, such as 8Gi.")
    cpu_request: str | None = Field(None, description="CPU request; null: as the limit.")
    memory_request: str | None = Field(None, description="Memory request; null: as the limit.")
    gpus: int | None = Field(None, ge=0, le=64, description="GPUs; only the trainer may have any.")
    gpu_resource: str | None = Field(
        None, description="Resource name of the GPUs, such as nvidia.com/gpu or amd.com/gpu."
    )
    node_selector: dict[str, str] | None = Field(None, description="Labels a node must have.")
    tolerations: tuple[Toleration, ...] | None = Field(None, description="Taints to tolerate.")
    affinity: tuple[NodeAffinity, ...] | None = Field(None, description="Rules on node labels.")
    volumes: tuple[Volume, ...] | None = Field(None, description="Volume claims to mount.")
    env: dict[str, str] | None = Field(
        None, description="Environment variables in plain text; secrets go into `secret_env`."
    )
    secret_env: tuple[SecretEnv, ...] | None = Field(
        None, description="Secrets as environment variables, such as S3 credentials."
    )
    secret_files: tuple[SecretFiles, ...] | None = Field(None, description="Secrets as files.")
    shared_memory: str | None = Field(
        None, description="Size of /dev/shm, such as 2Gi; empty: Kubernetes' 64 MiB."
    )
    timeout_seconds: int | None = Field(
        None, ge=0, description="Kill a pod after this many seconds; 0 never does."
    )
    retries: int | None = Field(
        None, ge=0, le=100, description="Times a failed step is tried again."
    )
    retry_delay_seconds: int | None = Field(
        None, ge=1, description="Pause before the first retry, in seconds."
    )
    retry_delay_factor: int | None = Field(
        None,
        ge=1,
        description="By how much each pause is longer than the one before; Argo takes whole numbers only.",
    )
    retry_limit_seconds: int | None = Field(
        None,
        ge=1,
        description="No retry starts later than this many seconds after the first try began (what "
        "Argo calls maxDuration); it must cover several tries of a long step.",
    )
    cache: bool | None = Field(
        None,
        description="Reuse this step's outputs of an earlier run. KFP's key is the parameters, not "
        "the content of folders, so steps that look at folders default to false.",
    )
    labels: dict[str, str] | None = Field(None, description="Labels of the pod.")
    annotations: dict[str, str] | None = Field(None, description="Annotations of the pod.")
    beam: tuple[str, ...] | None = Field(
        None,
        description="Beam options of this step, such as --runner=FlinkRunner and its own; null runs "
        "in the pod on as many threads as it has cores.",
    )

    @field_validator("cpu", "memory", "cpu_request", "memory_request")
    @classmethod
    def _is_quantity(cls, value: str | None) -> str | None:
        if value is not None:
            quantity(value)
        return value

    def over(self, other: NodeConfig) -> NodeConfig:
        """This config with the gaps filled from `other`."""
        mine = {name: getattr(self, name) for name in self.model_fields_set}
        return other.model_copy(update={k: v for k, v in mine.items() if v is not None})


_ALL = NodeConfig(
    cpu="2",
    memory="4Gi",
    gpus=0,
    gpu_resource="nvidia.com/gpu",
    node_selector={},
    tolerations=(),
    affinity=(),
    volumes=(),
    env={},
    secret_env=(),
    secret_files=(),
    shared_memory="",
    timeout_seconds=6 * 3600,
    retries=2,
    retry_delay_seconds=30,
    retry_delay_factor=2,
    retry_limit_seconds=24 * 3600,
    cache=True,
    labels={},
    annotations={},
)
_LIGHT = NodeConfig(cpu="1", memory="2Gi", timeout_seconds=1800)
BUILT_IN: dict[str, NodeConfig] = {
    # Folders and the registry are looked at: a key made of parameters cannot know that they changed.
    "retrain-check": NodeConfig(cpu="1", memory="2Gi", timeout_seconds=1800, cache=False),
    "image-example-gen": NodeConfig(cache=False),
    "schema-gen": _LIGHT,
    "data-gate": NodeConfig(cache=False),
    "model-evaluator": NodeConfig(cache=False),
    # Spot nodes go away: try often, and resume from the checkpoint in the registry.
    "trainer": NodeConfig(
        cpu="4",
        memory="16Gi",
        gpus=1,
        tolerations=(Toleration(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule"),),
        shared_memory="2Gi",
        timeout_seconds=24 * 3600,
        retries=5,
        retry_limit_seconds=72 * 3600,
    ),
    "model-pusher": NodeConfig(cpu="1", memory="2Gi", timeout_seconds=1800, cache=False),
}


class ClusterConfig(Settings):
    """The pipeline on Kubeflow Pipelines v2."""

    image: str = Field(
        "imagemill:latest",
        description="Image of every step, best pinned by digest (`name@sha256:...`). `imagemill "
        "kubeflow build-image` makes it.",
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When a node fetches the image."
    )
    image_pull_secrets: tuple[str, ...] = Field(
        (), description="Secrets for a private image registry."
    )
    data_root: str = Field(
        "",
        description="Where the images are on the cluster: a path under a mounted volume, or gs://"
        "; empty: `data.root`.",
    )
    registry: str = Field(
        "", description="Where the model registry is on the cluster; empty: `registry`."
    )
    pipeline_root: str = Field(
        "",
        description="Where KFP keeps the artifacts, such as minio://bucket/path, s3:// or gs://; "
        "empty: the cluster's default.",
    )
    run_as_user: int | None = Field(
        1000, ge=1, description="User id of the containers; null: the image's. Never root."
    )
    service_account: str = Field(
        "", description="Service account of the pods; empty: the cluster's default for runs."
    )
    host: str = Field(
        "", description="Address of the KFP API, such as http://localhost:8888; empty: in-cluster."
    )
    namespace: str = Field("kubeflow", description="Namespace of the runs.")
    experiment: str = Field("", description="Experiment of the runs; empty: the pipeline's name.")
    defaults: NodeConfig = Field(NodeConfig(), description="Settings of every step.")
    nodes: dict[str, NodeConfig] = Field({}, description="Settings of one step, by its id.")

    @field_validator("nodes")
    @classmethod
    def _known_nodes(cls, value: dict[str, NodeConfig]) -> dict[str, NodeConfig]:
        unknown = sorted(set(value) - set(NODE_IDS))
        if unknown:
            raise ValueError(f"unknown step {unknown[0]!r}; steps: {', '.join(NODE_IDS)}")
        return value

    @model_validator(mode="after")
    def _gpus_only_where_used(self) -> ClusterConfig:
        idle = [name for name, node in self.nodes.items() if node.gpus and name != GPU_NODE]
        if self.defaults.gpus or idle:
            where = f"nodes.{idle[0]}" if idle else "defaults"
            raise ValueError(f"only nodes.{GPU_NODE} may ask for gpus, but {where} does")
        return self

    def node(self, node_id: str) -> NodeConfig:
        """The settings of one step with every gap filled but `image`, requests and `beam`."""
        built_in = BUILT_IN.get(node_id, NodeConfig()).over(_ALL)
        return self.nodes.get(node_id, NodeConfig()).over(self.defaults.over(built_in))
