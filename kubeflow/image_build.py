"""Builds the image with buildah, podman or docker, from a clone of the repository.

build(tag="registry.example.com/imagemill:1", gpu=False, weights=None, base=None, builder=None, push=False, ...)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from trainer.errors import ExitCode, UserError

BUILDERS = ("buildah", "podman", "docker")
REPO = Path(__file__).resolve().parents[1]
# What the Containerfile copies; tests, documents and this machine's environment stay out.
CONTEXT = (
    "LICENSE",
    "README.md",
    "setup.py",
    "requirements",
    "imagemill",
    "kubeflow",
    "pipeline",
    "components",
    "trainer",
)
_TAG = re.compile(r"^[a-z0-9][a-z0-9._:/-]*(:[\w.-]+)?$")


def build(
    *,
    tag: str,
    gpu: bool,
    weights: str | None,
    base: str | None,
    builder: str | None,
    push: bool,
    dry_run: bool,
    builder_args: Sequence[str] = (),
) -> None:
    """Builds the image, and pushes it where asked.

    Args:
      tag: its name.
      gpu: with CUDA libraries.
      weights: a file to bake in at /opt/imagemill/weights/.
      base: base image instead of Debian's.
      builder: buildah, podman or docker; None takes the first found.
      push: push it and print its digest.
      dry_run: print the command only.
      builder_args: further arguments for the builder.

    Raises:
      UserError: no builder or no sources are here, or the build failed.
    """
    if not _TAG.match(tag):
        raise UserError(f"{tag!r} is no image name", fix="write registry/name:tag in lower case")
    if not (REPO / "requirements" / "modern.lock").exists():
        raise UserError(
            f"the sources that the image is built from are not in {str(REPO)!r}",
            fix="run `imagemill kubeflow build-image` in a clone of the repository",
        )
    tool = builder or find_builder()
    with tempfile.TemporaryDirectory(prefix="imagemill-image-") as folder:
        context = Path(folder)
        line = command(tool, tag, context, gpu=gpu, base=base, extra=builder_args)
        click.echo(" ".join(line))
        if dry_run:
            return
        fill_context(context, weights)
        _run(line)
    if push:
        click.echo(f"Set kubeflow.image: {push_image(tool, tag)}")


def find_builder() -> str:
    """The first of buildah, podman and docker that is installed.

    Raises:
      UserError: none is.
    """
    for name in BUILDERS:
        if shutil.which(name):
            return name
    raise UserError(
        f"none of {', '.join(BUILDERS)} is installed",
        fix="install one (Debian: apt-get install buildah)",
    )


def command(
    tool: str, tag: str, context: Path, *, gpu: bool, base: str | None, extra: Sequence[str] = ()
) -> list[str]:
    """The builder's command line."""
    arguments = {"VERSION": _version(), "REVISION": _revision()}
    if gpu:
        arguments["GPU"] = "1"
    if base:
        arguments["BASE"] = base
    line = [tool, "build", "--file", str(context / "kubeflow/image/Containerfile"), "--tag", tag]
    for name, value in sorted(arguments.items()):
        line += ["--build-arg", f"{name}={value}"]
    return [*line, *extra, str(context)]


def fill_context(context: Path, weights: str | None) -> None:
    """Copies what the Containerfile needs, and nothing else: no secrets lying about, a small upload.

    Raises:
      UserError: the weights cannot be read.
    """
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "conformance")
    for name in CONTEXT:
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, context / name, ignore=ignore)
        else:
            shutil.copy(source, context / name)
    if weights:
        try:
            shutil.copy(weights, context / "kubeflow/image/weights")
        except OSError as error:
            raise UserError(
                f"cannot read the weights {weights!r}: {error.strerror}", fix="check the path"
            ) from None


def push_image(tool: str, tag: str) -> str:
    """Pushes the image; returns its name by digest, as a compiled document should have it."""
    with tempfile.NamedTemporaryFile() as file:
        if tool == "docker":
            _run([tool, "push", tag])
            return _output([tool, "inspect", "--format", "{{index .RepoDigests 0}}", tag])
        _run([tool, "push", "--digestfile", file.name, tag])
        digest = Path(file.name).read_text().strip()
    name = tag.rpartition(":")[0] if ":" in tag.rpartition("/")[2] else tag
    return f"{name}@{digest}"


def _run(line: Sequence[str]) -> None:
    done = subprocess.run(line, check=False)
    if done.returncode:
        raise UserError(
            f"`{line[0]} {line[1]}` failed with exit code {done.returncode}",
            fix="read its last lines above",
            code=ExitCode.INTERNAL,
        )


def _output(line: Sequence[str]) -> str:
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


def _version() -> str:
    text = (REPO / "imagemill" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    return found.group(1) if found else ""


def _revision() -> str:
    done = subprocess.run(
        ["git", "-C", str(REPO), "rev-parse", "HEAD"], check=False, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else ""
