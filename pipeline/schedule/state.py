"""What a scheduler remembers and can be told, as files in `<output>/<name>/schedule/`.

    folder = StateFolder.of(config)
    folder.read().next, folder.pause(), folder.ask_for_run()

Files, so that a request made while no scheduler runs is found when one starts, and a crash loses nothing.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError

from pipeline.config import Config
from trainer.settings import Settings


class State(Settings):
    """What was true when it was last written."""

    model_config = ConfigDict(extra="ignore")

    schedule: str = Field("", description="The schedule in words.")
    timezone: str = Field("", description="Time zone of the schedule.")
    pid: int = Field(0, description="Process of the scheduler.")
    started: str = Field("", description="When it started.")
    next: str = Field("", description="When the next run is due; empty: not by time.")
    last_due: str = Field(
        "", description="The time up to which nothing is owed: due and started, or let go."
    )
    running_since: str = Field("", description="When the run in progress started; empty: none is.")
    watched: str = Field("", description="Fingerprint of the watched path that was last acted on.")


@dataclasses.dataclass(frozen=True)
class StateFolder:
    """The folder of one model's scheduler."""

    path: Path

    @classmethod
    def of(cls, config: Config) -> StateFolder:
        """The folder that belongs to a config."""
        return cls(Path(config.output, config.name, "schedule"))

    @property
    def logs(self) -> Path:
        """Where the output of each run goes."""
        return self.path / "runs"

    def read(self) -> State:
        """The state; a fresh one where there is none or it cannot be read."""
        try:
            return State.model_validate_json((self.path / "state.json").read_bytes())
        except (OSError, ValidationError):
            return State()

    def write(self, state: State) -> None:
        """Replaces the state, whole."""
        _write(self.path / "state.json", state.model_dump_json(indent=2))

    def update(self, **values: object) -> State:
        """Replaces some of it."""
        state = State.model_validate({**self.read().model_dump(), **values})
        self.write(state)
        return state

    def pause(self) -> None:
        """Lets no run start by itself until `resume`."""
        _write(self.path / "paused", "")

    def resume(self) -> None:
        """Ends a pause."""
        (self.path / "paused").unlink(missing_ok=True)

    @property
    def paused(self) -> bool:
        """Whether runs are held back."""
        return (self.path / "paused").exists()

    def ask_for_run(self) -> None:
        """Asks the scheduler to start a run now."""
        _write(self.path / "run-now", "")

    def take_request(self) -> bool:
        """Whether a run was asked for; asking once gives True once."""
        try:
            (self.path / "run-now").unlink()
        except FileNotFoundError:
            return False
        return True


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
