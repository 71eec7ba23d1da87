"""Which code a step can reach: what it imports, also inside functions, and nothing of its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.code_version import _ROOT, code_version, reachable, step_versions


def reached(*beginnings: str) -> set[str]:
    return {file.relative_to(_ROOT).as_posix() for file in reachable(_ROOT, beginnings)}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    sources = {
        "trainer/__init__.py": "",
        "trainer/run.py": "import trainer.loop\nimport json\n",
        "trainer/loop.py": "def run():\n    from trainer import late\n",
        "trainer/late.py": "WORKER = 'components.one.worker'\n",
        "trainer/preview.py": "import trainer.run\n",
        "components/__init__.py": "",
        "components/one/__init__.py": "",
        "components/one/worker.py": "",
        "components/two/__init__.py": "",
        "components/two/executor.py": "from trainer.late import WORKER\n",
        "components/two/helper.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_module_reaches_what_it_imports_and_what_it_starts_by_name(house):
    files = reachable(house, ["trainer.run"])
    assert {file.relative_to(house).as_posix() for file in files} == {
        *("trainer/__init__.py", "trainer/run.py", "trainer/loop.py", "trainer/late.py"),
        *("components/__init__.py", "components/one/__init__.py", "components/one/worker.py"),
    }


def test_a_package_counts_whole(house):
    names = {file.name for file in reachable(house, ["components.two"])}
    assert {"executor.py", "helper.py", "late.py", "worker.py"} <= names
    assert "run.py" not in names


def test_an_edit_of_the_report_leaves_the_expensive_steps_alone():
    for beginning in ("trainer.run", "components.image_example_gen", "components.model_evaluator"):
        assert not [file for file in reached(beginning) if file.startswith("components/report/")]


def test_an_edit_of_the_augmentation_trains_again_and_reads_nothing_again():
    assert "trainer/augment.py" in reached("trainer.run")
    assert "trainer/augment.py" not in reached("components.image_example_gen")


def test_the_worker_that_decodes_counts_for_the_ingest():
    files = reached("components.image_example_gen")
    assert "components/image_example_gen/decoder.py" in files
    assert "trainer/features.py" in files


def test_versions_are_short_digests_that_differ():
    versions = step_versions()
    assert len({*versions.values(), code_version()}) == len(versions) + 1
    assert all(len(version) == 12 and int(version, 16) >= 0 for version in versions.values())
