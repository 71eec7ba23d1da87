"""The whole job as one object: typed config, `create_pipeline`, the local runner.

    from pipeline import load_config, run_locally

    result = run_locally(load_config("scenes.yaml"))

These few names are the Python API; they are loaded when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.config import Config, load_config, make_config
    from pipeline.history import PastRun, read_runs
    from pipeline.local import run_locally
    from pipeline.result import RunResult

__all__ = [
    "Config",
    "PastRun",
    "RunResult",
    "load_config",
    "make_config",
    "read_runs",
    "run_locally",
]
_PLACES = {
    "Config": "pipeline.config",
    "load_config": "pipeline.config",
    "make_config": "pipeline.config",
    "PastRun": "pipeline.history",
    "read_runs": "pipeline.history",
    "run_locally": "pipeline.local",
    "RunResult": "pipeline.result",
}


def __getattr__(name: str) -> Any:
    """Loads a name of the API on first use, so that importing the package costs nothing."""
    import importlib

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
