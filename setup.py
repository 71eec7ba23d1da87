"""The package: rooms, version, entry point and dependency ranges.

The ranges say what may work together; what is installed and tested is pinned, with hashes, in
`requirements/legacy.lock` and `requirements/modern.lock`. `docs/dependencies.md` says why each
dependency is here. TFX 1.21's wheels need glibc 2.39, which no environment marker can ask for:
`requirements/stack.py` does, so set up with `make venv` rather than a bare `pip install`.
"""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOMS = ("imagemill", "kubeflow", "pipeline", "components", "trainer")
LEGACY = 'python_version < "3.11"'
MODERN = 'python_version >= "3.11"'

EITHER_STACK = [
    "absl-py>=1.4",
    "apscheduler>=3.11,<4",
    "cleanlab>=2.9,<3",
    "click>=8.1",
    "flatbuffers>=23.5",
    "google-crc32c>=1.5",
    "jinja2>=3.1",
    "keras-tuner>=1.4",
    "kfp-server-api>=2.0.5,<3",
    "pandas>=1.5",
    "pillow>=11",
    "prometheus-client>=0.20",
    "pyarrow>=10",
    "pydantic>=2.9,<3",
    "pydantic-core",
    "pyyaml>=6",
    "rich>=13",
    "tzlocal>=5",
    "scipy>=1.11",
    "starlette>=0.45",
    "uvicorn>=0.30",
]
PER_STACK = {
    LEGACY: [
        "tfx~=1.16.0",
        "apache-beam>=2.60,<2.75",
        "dill>=0.3.1",
        "keras>=3.3,<4",
        "kfp~=2.5.0",
        "ml-metadata~=1.16.0",
        "numpy>=1.26,<2",
        "protobuf>=3.20.3,<4",
        "scikit-learn>=1.5,<1.6",
        "tensorflow~=2.16.1",
        "tensorflow-data-validation~=1.16.1",
        "tensorflow-metadata~=1.16.1",
        "tensorflow-model-analysis~=0.47.0",
        "tfx-bsl~=1.16.1",
    ],
    MODERN: [
        "tfx~=1.21.0",
        "apache-beam>=2.77,<3",
        "keras>=3.12,<4",
        "kfp~=2.16.1",
        "ml-metadata~=1.21.0",
        "numpy>=2,<3",
        "protobuf>=6,<7",
        "scikit-learn>=1.5,<1.6",
        "tensorflow~=2.21.0",
        "tensorflow-data-validation~=1.21.0",
        "tensorflow-metadata~=1.21.0",
        "tensorflow-model-analysis~=0.52.0",
        "tfx-bsl~=1.21.0",
    ],
}
EXTRAS = {
    "test": [
        "hypothesis>=6.100",
        f"kfp-kubernetes~=2.16.1; {MODERN}",
        "pytest>=8",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.6",
    ],
    "lint": ["mypy>=1.11", "ruff>=0.6", "types-pyyaml>=6"],
    "s3": ["boto3>=1.34"],
    "gpu": [f"tensorflow[and-cuda]~=2.16.1; {LEGACY}", f"tensorflow[and-cuda]~=2.21.0; {MODERN}"],
}
DATA = [
    "*.css",
    "*.html",
    "*.j2",
    "*.js",
    "*.json",
    "*.sh",
    "*.svg",
    "*.yaml",
    "Containerfile*",
    "py.typed",
]


def version() -> str:
    """The version named in `imagemill/__init__.py`, read as text: nothing is installed yet."""
    text = Path(__file__).with_name("imagemill").joinpath("__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit('setup.py: imagemill/__init__.py has no line `__version__ = "X.Y.Z"`')
    return found.group(1)


def requirements() -> list[str]:
    """Every direct dependency, those of one stack carrying its environment marker."""
    marked = [f"{spec}; {marker}" for marker, specs in PER_STACK.items() for spec in specs]
    return EITHER_STACK + marked


if __name__ == "__main__":
    setup(
        name="imagemill",
        version=version(),
        description="From a folder of images to a validated, blessed, served classifier",
        license="Apache-2.0",
        python_requires=">=3.10,<3.14",
        packages=find_packages(
            include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")]
        ),
        package_data={"": [f"**/{pattern}" for pattern in DATA]},
        install_requires=requirements(),
        extras_require=EXTRAS,
        entry_points={"console_scripts": ["imagemill = imagemill.cli:main"]},
        classifiers=[
            "Environment :: Console",
            "Operating System :: POSIX :: Linux",
            "Programming Language :: Python :: 3.10",
            "Programming Language :: Python :: 3.11",
            "Programming Language :: Python :: 3.12",
            "Programming Language :: Python :: 3.13",
            "Topic :: Scientific/Engineering :: Image Recognition",
        ],
    )
