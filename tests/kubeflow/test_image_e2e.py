"""The compiled commands inside the built image, as its user, through the stand-in for driver and launcher.

Needs an image: `imagemill kubeflow build-image -t NAME`, then IMAGEMILL_TEST_IMAGE=NAME. Needs root and buildah.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from kubeflow.compile import compile_pipeline
from pipeline.config import load_config
from tests.kubeflow.scenes import EPOCHS, config_file, copy_slice, metrics
from tests.kubeflow.standin import SUCCEEDED, StandIn

IMAGE = os.environ.get("IMAGEMILL_TEST_IMAGE", "")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not IMAGE, reason="needs an image: IMAGEMILL_TEST_IMAGE=NAME"),
]
USER = 1000


@pytest.fixture(scope="module")
def container():
    name = _buildah("from", IMAGE)
    yield name
    _buildah("rm", name)


def _buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_image_knows_its_version_and_runs_without_rights(container):
    assert _run(container, "imagemill", "--version").startswith("imagemill ")
    assert _run(container, "id", "-u") == str(USER)
    assert _run(container, "sh", "-c", "command -v g++ gcc cc || echo none") == "none"


def test_beam_reads_buckets_with_what_the_image_holds(container):
    program = (
        "import apache_beam.io.aws.clients.s3.boto3_client as s3\n"
        "from apache_beam.io.filesystems import FileSystems\n"
        "print(s3.boto3 is not None, *(type(FileSystems.get_filesystem(place)).__name__"
        " for place in ('gs://b/x', 's3://b/x')))"
    )
    said = _run(container, "python", "-W", "ignore", "-c", program).splitlines()[-1]
    assert said == "True GCSFileSystem S3FileSystem"


def _run(container: str, *argv: str) -> str:
    return _buildah("run", "--user", f"{USER}:{USER}", container, "--", *argv)


def test_the_whole_pipeline_inside_the_image(container, tmp_path: Path):
    tmp_path = tmp_path.resolve()
    copy_slice(tmp_path)
    config = load_config(config_file(tmp_path, "image", epochs=EPOCHS))
    spec, _ = yaml.safe_load_all(compile_pipeline(config).yaml())
    (tmp_path / "image").mkdir(exist_ok=True)

    def launch(argv, environment, pod: Path) -> int:
        for path in [tmp_path, *tmp_path.rglob("*")]:
            os.chown(path, USER, USER, follow_symlinks=False)
        variables = [
            word for key, value in environment.items() for word in ("--env", f"{key}={value}")
        ]
        line = ["buildah", "run", "--user", f"{USER}:{USER}", "--volume", f"{tmp_path}:{tmp_path}"]
        with (pod / "log").open("wb") as log:
            command = [*line, *variables, container, "--", *argv]
            return subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, check=False
            ).returncode

    run = StandIn(spec, workspace=tmp_path / "kfp", launch=launch).run()
    assert not run.failed, run.logs[run.failed[0]][-4000:]
    assert set(run.states.values()) == {SUCCEEDED}
    assert metrics(config)["accuracy"] > 1 / 3
