"""The compiled document: what TFX leaves out is there, and it is the same every time and on both stacks."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

from kubeflow.compile import compile_pipeline
from kubeflow.document import beam_arguments
from kubeflow.lint import problems
from kubeflow.schema_check import check_pipeline_spec, check_platform_spec, has_kubernetes_protos
from pipeline.cluster_config import NODE_IDS, NodeConfig
from pipeline.config import BeamConfig, load_config
from tests.kubeflow import golden


@pytest.fixture(scope="module")
def compiled():
    return golden.compile_scenes()


@pytest.fixture
def spec(compiled):
    return copy.deepcopy(compiled.spec)


def _tasks(spec):
    return spec["root"]["dag"]["tasks"]


def _container(spec, node_id):
    return spec["deploymentSpec"]["executors"][f"{node_id}_executor"]["container"]


def _kubernetes(compiled, node_id):
    executors = compiled.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return executors[f"{node_id}_executor"]


def test_the_document_is_the_one_in_the_documentation(compiled):
    assert golden.structure(compiled.spec, compiled.platform) == golden.structure(
        *golden.read(golden.DOCUMENT)
    ), "the document changed; where that is meant, run `python -m tests.kubeflow.golden`"


def test_equal_configs_make_equal_bytes(compiled):
    assert golden.compile_scenes().yaml() == compiled.yaml()


def test_two_documents_that_yaml_reads_back(compiled):
    assert list(yaml.safe_load_all(compiled.yaml())) == [compiled.spec, compiled.platform]
    assert compiled.spec["schemaVersion"] == "2.1.0"


def test_every_run_parameter_has_its_default_back(spec):
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    config = load_config(golden.CONFIG)
    assert {name: given["defaultValue"] for name, given in parameters.items()} == {
        "data-root": "/mnt/photos/scenes",
        "data-version": "",
        "epochs": config.train.epochs,
        "force": 0,
        "image": config.kubeflow.image,
        "registry": "/mnt/registry",
    }
    assert parameters["force"]["parameterType"] == "NUMBER_INTEGER"


def test_every_step_runs_our_entrypoint_with_both_specs(spec):
    for node_id in _tasks(spec):
        container = _container(spec, node_id)
        assert container["command"] == ["python", "-m", "kubeflow.entrypoint"]
        for side in ("inputs", "outputs"):
            given = container["args"][
                container["args"].index(f"--json_serialized_{side}_spec_args") + 1
            ]
            declared = copy.deepcopy(spec["components"][node_id].get(f"{side[:-1]}Definitions", {}))
            if node_id == "report" and side == "outputs":
                del declared["artifacts"]["page"]  # for KFP's UI alone
            assert json.loads(given) == declared


def test_epochs_and_registry_reach_the_trainer_at_run_time(spec):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    assert given["epochs"] == {"componentInputParameter": "epochs"}
    args = _container(spec, "trainer")["args"]
    rules = [args[i + 1] for i, arg in enumerate(args) if arg == "--lay_over"]
    assert rules == ["epochs=custom_config.config.epochs", "registry=custom_config.registry"]
    constant = json.loads(given["custom_config"]["runtimeValue"]["constant"])
    assert constant["config"]["epochs"] == load_config(golden.CONFIG).train.epochs
    assert constant["registry"] == "/mnt/registry"


def test_the_image_is_a_parameter_except_where_a_step_has_its_own(spec):
    for node_id in _tasks(spec):
        image = _container(spec, node_id)["image"]
        if node_id == "trainer":
            assert image.startswith("registry.example.com/imagemill-gpu@sha256:")
        else:
            assert image == "{{$.inputs.parameters['image']}}"


def test_gpus_for_the_trainer_alone(spec):
    with_gpu = [
        node for node in _tasks(spec) if "accelerator" in _container(spec, node)["resources"]
    ]
    assert with_gpu == ["trainer"]
    resources = _container(spec, "trainer")["resources"]
    assert resources["accelerator"] == {"type": "nvidia.com/gpu", "count": "1"}
    assert resources["cpuLimit"] == resources["cpuRequest"] == 4
    assert resources["memoryLimit"] == 17.18  # 16Gi in GB


def test_retries_outlast_spot_nodes(spec):
    assert _tasks(spec)["trainer"]["retryPolicy"] == {
        "maxRetryCount": 5,
        "backoffDuration": "30s",
        "backoffFactor": 2,
        "backoffMaxDuration": "259200s",
    }
    assert all("retryPolicy" in task for task in _tasks(spec).values())


def test_caching_is_set_per_step(spec):
    cached = {node for node, task in _tasks(spec).items() if task["cachingOptions"]}
    assert set(_tasks(spec)) - cached == {
        "retrain-check",
        "image-example-gen",
        "data-gate",
        "model-evaluator",
        "model-pusher",
    }


def test_placement_of_the_trainer(compiled):
    given = _kubernetes(compiled, "trainer")
    assert given["nodeSelector"] == {"labels": {"cloud.google.com/gke-accelerator": "nvidia-l4"}}
    assert [item["key"] for item in given["tolerations"]] == [
        "nvidia.com/gpu",
        "cloud.google.com/gke-spot",
    ]
    assert given["emptyDirMounts"] == [
        {"volumeName": "dshm", "mountPath": "/dev/shm", "medium": "Memory", "sizeLimit": "2Gi"}
    ]
    assert [mount["mountPath"] for mount in given["pvcMount"]] == ["/mnt/photos", "/mnt/registry"]
    assert given["securityContext"]["runAsNonRoot"] is True


def test_beam_runs_in_the_pod_on_its_cores_not_on_those_of_the_machine_that_compiled(spec):
    args = _container(spec, "image-example-gen")["args"]
    assert "--direct_num_workers=4" in args  # its cpu limit
    assert "--direct_num_workers=1" in _container(spec, "statistics-gen")["args"]  # one process


def test_beam_elsewhere_for_the_whole_pipeline_or_for_a_step():
    flink = BeamConfig(runner="FlinkRunner", args=("--flink_master=flink:8081",))
    spark = NodeConfig(beam=("--runner=SparkRunner",))
    assert beam_arguments(flink, "statistics-gen", NodeConfig(cpu="2")) == [
        "--runner=FlinkRunner",
        "--flink_master=flink:8081",
    ]
    assert beam_arguments(flink, "statistics-gen", spark) == ["--runner=SparkRunner"]


def test_plain_environment_variables(spec):
    assert _container(spec, "schema-gen")["env"] == [{"name": "OMP_NUM_THREADS", "value": "2"}]


def test_every_known_step_can_be_configured(spec):
    assert set(_tasks(spec)) <= set(NODE_IDS)


def test_the_protos_know_every_field(compiled):
    check_pipeline_spec(compiled.spec)
    check_platform_spec(compiled.platform)


@pytest.mark.skipif(
    not has_kubernetes_protos(), reason="kfp-kubernetes for this stack's protobuf is too old"
)
def test_a_field_that_the_kubernetes_proto_lacks_is_found(compiled):
    from google.protobuf import json_format

    platform = copy.deepcopy(compiled.platform)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["trainer_executor"]["sharedMemory"] = "2Gi"
    with pytest.raises(json_format.ParseError, match="sharedMemory"):
        check_platform_spec(platform)


def test_only_warnings_are_left(compiled):
    assert compiled.warnings == ()


def test_a_search_before_the_training_is_nothing_that_a_cluster_refuses():
    config = load_config(golden.CONFIG, {"tune": {"enabled": True}})
    compiled = compile_pipeline(config, code_version=golden.CODE_VERSION)
    assert compiled.warnings == ()
    assert "tuner" in _tasks(compiled.spec)["trainer"]["dependentTasks"]
    check_pipeline_spec(compiled.spec)


def _drop_default(spec, platform):
    del spec["root"]["inputDefinitions"]["parameters"]["epochs"]["defaultValue"]


def _underscore(spec, platform):
    _tasks(spec)["data_gate"] = _tasks(spec)["data-gate"]
    spec["components"]["data_gate"] = spec["components"]["data-gate"]


def _template(spec, platform):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    given["run_fn"] = {"runtimeValue": {"constant": "{{workflow.name}}"}}


def _template_in_argument(spec, platform):
    _container(spec, "trainer")["args"].append("--x={{inputs.parameters.y}}")


def _long(spec, platform):
    _container(spec, "trainer")["args"].append("x" * (128 * 1024 + 1))


def _long_together(spec, platform):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    given["run_fn"] = given["eval_args"] = {"runtimeValue": {"constant": "x" * 70_000}}


def _old_schema(spec, platform):
    spec["schemaVersion"] = "2.0.0"


def _resolver(spec, platform):
    executor = spec["deploymentSpec"]["executors"]["schema-gen_executor"]
    executor["resolver"] = {"outputArtifactQueries": {}}


def _importer(spec, platform):
    spec["deploymentSpec"]["executors"]["schema-gen_executor"]["importer"] = {}


def _file_based_example_gen(spec, platform):
    _container(spec, "image-example-gen")["lifecycle"] = {"preCacheCheck": {}}


def _dynamic_property(spec, platform):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    given["run_fn"] = {"taskOutputParameter": {"producerTask": "x_task"}}


def _module_file(spec, platform):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    given["module_file"] = {"runtimeValue": {"constant": "/home/me/model.py"}}


def _executor_in_main(spec, platform):
    args = _container(spec, "data-gate")["args"]
    args[args.index("--executor_class_path") + 1] = "__main__.Executor"


def _second_gpu(spec, platform):
    _container(spec, "data-gate")["resources"]["accelerator"] = {
        "type": "nvidia.com/gpu",
        "count": "1",
    }


def _dead_shared_memory(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["trainer_executor"]["enabledSharedMemory"] = {"size": "2Gi"}


def _root(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    del executors["trainer_executor"]["securityContext"]


def _claim_twice(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounts = executors["trainer_executor"]["pvcMount"]
    mounts.append({**mounts[0], "mountPath": "/elsewhere"})


def _mount_path_twice(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["trainer_executor"]["pvcMount"][1]["mountPath"] = "/mnt/photos"


def _secret_named_as_a_claim(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    [mount] = executors["model-pusher_executor"]["secretAsVolume"]
    mount["secretNameParameter"]["runtimeValue"]["constant"] = "photos"


def _claim_that_names_no_volume(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    [mount, _] = executors["trainer_executor"]["pvcMount"]
    mount["pvcNameParameter"]["runtimeValue"]["constant"] = "photos.v2"


def _null(spec, platform):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    given["run_fn"] = {"runtimeValue": {"constant": None}}


def _null_of_kubernetes(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["trainer_executor"]["tolerations"][0]["tolerationSeconds"] = None


def _capital_name(spec, platform):
    spec["pipelineInfo"]["name"] = "Scenes"


def _workspace(spec, platform):
    given = _tasks(spec)["trainer"]["inputs"]["parameters"]
    given["run_fn"] = {"runtimeValue": {"constant": "/kfp-workspace/x"}}


def _lost_executor(spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["ghost_executor"] = executors["trainer_executor"]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_drop_default, "has no default"),
        (_underscore, "id must match"),
        (_template, "Argo would take for a template"),
        (_template_in_argument, "Argo would take for a template"),
        (_long, "longer than 128 KiB"),
        (_long_together, "too long for the one argument"),
        (_old_schema, "must be '2.1.0', got '2.0.0'"),
        (_resolver, "is a Resolver"),
        (_importer, "is an Importer under a condition"),
        (_file_based_example_gen, "its driver never runs on KFP"),
        (_dynamic_property, "comes from another step's output"),
        (_module_file, "has a module_file"),
        (_executor_in_main, "which no container can import"),
        (_second_gpu, "asks for GPUs"),
        (_dead_shared_memory, "is read by no backend"),
        (_root, "may run as root"),
        (_claim_twice, "mounts 'photos' twice"),
        (_mount_path_twice, "mounts two volumes at '/mnt/photos'"),
        (_secret_named_as_a_claim, "mounts 'photos' twice"),
        (_claim_that_names_no_volume, "'photos.v2' cannot name a volume"),
        (_null, "is null"),
        (_null_of_kubernetes, "is null"),
        (_capital_name, "is no DNS-1123 label"),
        (_workspace, "would mount a workspace volume"),
        (_lost_executor, "is no executor of the pipeline"),
    ],
)
def test_each_hazard_is_found(compiled, spec, harm, message):
    cluster = load_config(golden.CONFIG).kubeflow
    platform = copy.deepcopy(compiled.platform)
    assert problems(spec, platform, cluster) == []
    harm(spec, platform)
    found = [problem for problem in problems(spec, platform, cluster) if problem.fatal]
    assert any(message in problem.message for problem in found), found


def test_places_that_no_pod_can_see_are_pointed_out(compiled, spec):
    cluster = load_config(golden.CONFIG).kubeflow
    bare = cluster.model_copy(
        update={"defaults": cluster.defaults.model_copy(update={"volumes": ()})}
    )
    found = problems(spec, compiled.platform, bare)
    assert {p.where for p in found if "data-root" in p.message} == {
        "retrain-check",
        "image-example-gen",
    }
    assert not any(problem.fatal for problem in found)


@pytest.mark.parametrize(("place", "found"), [("minio://b/photos", 1), ("s3://b/photos", 0)])
def test_a_bucket_that_beam_cannot_read(compiled, spec, place, found):
    spec["root"]["inputDefinitions"]["parameters"]["data-root"]["defaultValue"] = place
    problem = problems(spec, compiled.platform, load_config(golden.CONFIG).kubeflow)
    assert [(one.where, one.fatal) for one in problem] == [("data-root", True)] * found


@pytest.mark.parametrize("image", ["Registry/Image:1", "has space", "", "x@sha256:zz", "-x"])
def test_an_image_name_that_no_node_can_pull(compiled, spec, image):
    cluster = load_config(golden.CONFIG).kubeflow.model_copy(update={"image": image})
    [found] = problems(spec, compiled.platform, cluster)
    assert found.fatal
    assert "is no image name" in found.message


@pytest.mark.parametrize("root", ["file:///data", "/mnt/data", "hdfs://x"])
def test_a_pipeline_root_that_the_launcher_cannot_serve(compiled, spec, root):
    cluster = load_config(golden.CONFIG).kubeflow.model_copy(update={"pipeline_root": root})
    [found] = problems(spec, compiled.platform, cluster)
    assert found.fatal
    assert found.where == "kubeflow.pipeline_root"


def test_an_image_without_digest_is_pointed_out(compiled, spec):
    cluster = load_config(golden.CONFIG).kubeflow.model_copy(update={"image": "imagemill:latest"})
    [found] = problems(spec, compiled.platform, cluster)
    assert "not pinned by digest" in found.message
    assert not found.fatal
