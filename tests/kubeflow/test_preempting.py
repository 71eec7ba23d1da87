"""The node that goes away: each try is let live until it has left a new checkpoint, then taken away."""

from __future__ import annotations

from pathlib import Path

from tests.kubeflow.preempting import Preempting

# Goes on from the newest checkpoint, keeps one a step; SIGTERM ends it with 143, as our entrypoint ends.
TRAINER = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
done = max((int(file.stem.split("-")[1]) for file in folder.glob("step-*.ckpt")), default=0)
print("from", done, flush=True)
for step in range(done + 1, 9):
    time.sleep(0.1)
    (folder / f"step-{step:09d}.ckpt").touch()
"""


def test_a_step_is_taken_away_twice_and_goes_on_each_time(tmp_path: Path):
    registry = tmp_path / "registry"
    launch = Preempting("trainer", registry)
    codes, begun = [], []
    for attempt in range(3):
        pod = tmp_path / str(attempt)
        pod.mkdir()
        argv = ["python", "-c", TRAINER, str(registry / "scenes"), "--node_id", "trainer"]
        codes.append(launch(argv, {"KFP_RETRY_INDEX": str(attempt)}, pod))
        begun.append(int((pod / "log").read_text().split()[1]))
    assert codes == [143, -9, 0]
    assert 0 == begun[0] < begun[1] < begun[2] < 8


def test_other_steps_are_left_alone(tmp_path: Path):
    launch = Preempting("trainer", tmp_path)
    argv = ["python", "-c", "raise SystemExit(7)", "--node_id", "schema-gen"]
    assert launch(argv, {"KFP_RETRY_INDEX": "0"}, tmp_path) == 7
