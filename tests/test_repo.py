"""The repository's own rules: imports point down, help is light, locks and ranges agree."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import warnings
import zipfile

import pytest
from packaging.utils import canonicalize_name

from tests.repo import (
    PYTHONS,
    ROOMS,
    ROOT,
    imports,
    locked,
    marker_environment,
    requirements,
    room_files,
    setup_py,
    tracked_files,
)

HEAVY = "tensorflow keras tfx apache_beam kfp numpy pandas scipy sklearn ml_metadata pyarrow grpc"
STACKS = [(stack, python) for stack, pythons in PYTHONS.items() for python in pythons]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_down(room: str) -> None:
    above = {*ROOMS[: ROOMS.index(room)], "tests", "benchmarks"}
    upward = [
        str(statement)
        for path in room_files(room)
        for statement in imports(path)
        if statement.module.split(".")[0] in above
    ]
    assert upward == []


def _loaded_by(code: str) -> set[str]:
    report = "; import sys; print('\\n', *{name.split('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", code + report]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.splitlines()[-1].split()) & set(HEAVY.split())


def test_the_command_imports_nothing_heavy() -> None:
    assert _loaded_by("import imagemill.cli") == set()


def _light_modules() -> list[str]:
    configs = [path for room in ROOMS for path in room_files(room) if path.stem == "config"]
    folders = [path.parent for path in (ROOT / "components").glob("*/__init__.py")]
    paths = [*(path.with_suffix("") for path in configs), *folders]
    return sorted(".".join(path.relative_to(ROOT).parts) for path in paths)


def test_configs_and_component_packages_import_nothing_heavy() -> None:
    modules = _light_modules()
    assert "trainer.config" in modules
    assert _loaded_by("import " + ", ".join(modules)) == set()


def _verbs() -> list[str]:
    from imagemill.cli import _VERBS

    return list(_VERBS)


@pytest.mark.parametrize("verb", _verbs())
def test_the_help_of_a_verb_imports_nothing_heavy(verb: str) -> None:
    code = f"import imagemill.cli as cli; assert cli.run_command(['{verb}', '--help']) == 0"
    assert _loaded_by(code) == set()


def _provided() -> set[str]:
    """The import names that the direct dependencies bring, `google.*` by its second part."""
    names = set()
    for requirement in requirements():
        if requirement.marker is None or requirement.marker.evaluate():
            for file in importlib.metadata.files(requirement.name) or []:
                top, _, rest = str(file).partition("/")
                names.add(
                    f"google.{rest.partition('/')[0]}"
                    if top == "google"
                    else top.removesuffix(".py")
                )
    return names


def test_every_import_is_of_a_direct_dependency() -> None:
    known = {*_provided(), *sys.stdlib_module_names, *ROOMS}
    undeclared = [
        str(statement)
        for room in ROOMS
        for path in room_files(room)
        for statement in imports(path)
        if not {statement.module.split(".")[0], ".".join(statement.module.split(".")[:2])} & known
    ]
    assert undeclared == []


def _forbidden() -> re.Pattern[str]:
    # Written in pieces, or this file would break its own rule.
    places = [
        "/wo" + "rk/",
        "/ro" + "ot/",
        "/fa" + "rm/",
        "/tmp/" + "(?:x|trixie)",
        r"\.lib" + "rary/",
    ]
    hosts = [
        "py" + r"pi\.org",
        "python" + r"hosted\.org",
        "npm" + r"js\.org",
        "proxy\\.gol" + r"ang\.org",
    ]
    hosts += [
        "crates" + r"\.io",
        "deb\\.deb" + r"ian\.org",
        "maven" + r"\.org",
        "goog" + r"leapis\.com/pip",
    ]
    return re.compile("|".join(places + hosts))


def test_no_tracked_file_names_a_place_of_one_machine_or_a_registry_host() -> None:
    forbidden = _forbidden()
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
        for path in tracked_files()
        if ".ci" not in path.relative_to(ROOT).parts
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
        if forbidden.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(("stack", "python"), STACKS)
def test_the_lock_holds_every_direct_dependency_within_its_range(stack: str, python: str) -> None:
    versions = locked(stack, python)
    wrong = [
        f"{requirement}: {versions.get(canonicalize_name(requirement.name), 'not locked')}"
        for requirement in requirements("test", "lint")
        if requirement.marker is None or requirement.marker.evaluate(marker_environment(python))
        if canonicalize_name(requirement.name) not in versions
        or versions[canonicalize_name(requirement.name)] not in requirement.specifier
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["build", "gpu", "legacy", "modern"])
def test_every_locked_package_has_a_hash_and_no_lock_names_an_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    assert "--index-url" not in text
    assert "://" not in text
    pins = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert pins
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_every_direct_dependency_is_explained() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    table = text.partition("## Why each is here")[2]
    explained = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    direct = {requirement.name for requirement in requirements("test", "lint")}
    assert sorted(direct - explained) == []
    assert sorted(explained - direct) == []


def test_every_folder_of_a_room_is_a_package() -> None:
    folders = {path.parent for room in ROOMS for path in room_files(room)}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel built from what git tracks in the rooms."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in tracked_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] in (*ROOMS, "setup.py", "LICENSE"):
            (source / relative).parent.mkdir(parents=True, exist_ok=True)
            (source / relative).write_bytes(path.read_bytes())
    command = [sys.executable, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.glob("imagemill-*.whl")
    return zipfile.ZipFile(built).namelist()


def test_a_wheel_holds_every_module_and_data_file_of_the_rooms(wheel: list[str]) -> None:
    # Not part of the running program: prose, and the Go program that checks what it compiles.
    outside = {"README.md", "conformance"}
    expected = {
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.relative_to(ROOT).parts[0] in ROOMS and outside.isdisjoint(path.parts)
    }
    assert sorted(expected - set(wheel)) == []


def test_the_version_is_that_of_the_package() -> None:
    from imagemill import __version__

    assert setup_py().version() == __version__


@pytest.mark.parametrize(
    "module", ["trainer.input", "imagemill", "components.data_gate.executor", "tests.any"]
)
def test_a_warning_of_ours_is_an_error(module: str) -> None:
    with pytest.raises(DeprecationWarning, match="going away"):
        warnings.warn_explicit("going away", DeprecationWarning, "file.py", 1, module=module)


@pytest.mark.parametrize("module", ["tensorflow.python", "pipelines.other", "trainers"])
def test_a_deprecation_elsewhere_is_not_ours_to_mend(module: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.warn_explicit("going away", DeprecationWarning, "file.py", 1, module=module)
    assert seen == []


def test_make_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (\S+)$", text, re.MULTILINE))
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^ {2}make ([a-z-]+) ", shown, re.MULTILINE)) == targets


def test_ci_runs_a_stage_for_each_name() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    stages = re.search(r"^STAGES=\(([^)]*)\)", script, re.MULTILINE)
    assert stages is not None
    assert set(stages[1].split()) == set(re.findall(r"^stage_(\w+)\(\)", script, re.MULTILINE))
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
