"""The image: what goes into its build, and what its recipe promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubeflow import image_build
from trainer.errors import UserError

RECIPE = (image_build.REPO / "kubeflow/image/Containerfile").read_text()


def test_the_command_names_version_revision_and_choices(tmp_path):
    line = image_build.command("buildah", "r/i:1", tmp_path, gpu=True, base="b", extra=["--quiet"])
    assert line[:2] == ["buildah", "build"]
    assert line[-2:] == ["--quiet", str(tmp_path)]
    arguments = {line[i + 1].split("=")[0] for i, word in enumerate(line) if word == "--build-arg"}
    assert arguments == {"BASE", "GPU", "REVISION", "VERSION"}
    assert re.search(r"VERSION=\d+\.\d+\.\d+", " ".join(line))


def test_the_context_holds_everything_that_is_copied_and_nothing_of_this_machine(tmp_path):
    weights = tmp_path / "w.weights.h5"
    weights.write_bytes(b"w")
    context = tmp_path / "context"
    context.mkdir()
    image_build.fill_context(context, str(weights))
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", RECIPE, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (context / source).exists(), source
    assert (context / "kubeflow/image/weights/w.weights.h5").read_bytes() == b"w"
    names = {path.name for path in context.rglob("*")}
    assert not names & {".git", ".venv", "tests", "__pycache__"}


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="cannot read the weights"):
        image_build.fill_context(tmp_path, str(tmp_path / "nope.h5"))


@pytest.mark.parametrize("tag", ["Has/Capitals:1", "", "a b", "-x"])
def test_a_tag_that_is_none(tag):
    with pytest.raises(UserError, match="is no image name"):
        image_build.build(
            tag=tag, gpu=False, weights=None, base=None, builder=None, push=False, dry_run=True
        )


def test_no_builder(monkeypatch):
    monkeypatch.setattr(image_build.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="none of buildah, podman, docker"):
        image_build.find_builder()


def test_a_failed_build_is_no_traceback(tmp_path: Path):
    tool = tmp_path / "builder"
    tool.write_text("#!/bin/sh\nexit 7\n")
    tool.chmod(0o755)
    with pytest.raises(UserError, match="failed with exit code 7"):
        image_build.build(
            tag="i:1",
            gpu=False,
            weights=None,
            base=None,
            builder=str(tool),
            push=False,
            dry_run=False,
        )


def test_a_push_gives_the_name_by_digest(tmp_path: Path):
    tool = tmp_path / "buildah"
    tool.write_text('#!/bin/sh\nprintf sha256:abc > "$3"\n')
    tool.chmod(0o755)
    assert image_build.push_image(str(tool), "host:5000/i:1") == "host:5000/i@sha256:abc"
    assert image_build.push_image(str(tool), "host:5000/i") == "host:5000/i@sha256:abc"


def _pins(lock: str) -> dict[str, str]:
    text = (image_build.REPO / "requirements" / lock).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def test_the_gpu_variant_adds_nvidias_libraries_and_changes_nothing_else():
    gpu, cpu = _pins("gpu.lock"), _pins("modern.lock")
    added = set(gpu) - set(cpu)
    assert "nvidia-cudnn-cu12" in added
    assert all(name.startswith("nvidia-") for name in added)
    assert {name: gpu[name] for name in set(gpu) & set(cpu)}.items() <= cpu.items()
    assert "--require-hashes -r requirements/gpu.lock" in RECIPE


def test_the_recipe_is_fit_for_restricted_pods():
    final = RECIPE.split("FROM ${BASE}\n")[-1]
    assert "USER 1000:1000" in final
    assert "g++" not in final
    assert "--require-hashes -r requirements/modern.lock" in RECIPE
