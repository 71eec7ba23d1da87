"""The same ingest on Flink and on the local runner: do they write the same bytes?

    python -m benchmarks.ingest.flink ../shared/data/scenes

Needs Java 11 or 17 and Maven; the first run fetches the job server's libraries. The job server brings a Flink
cluster of its own up in its process and hands work to Python workers over Beam's portable protocol (environment
LOOPBACK).
"""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import ROOT

JARS = ROOT / "build" / "flink"
_DRIVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
# Flink 1.19 reaches into these packages; Java 17 closes them unless told otherwise.
_OPENED = ("java.lang", "java.util", "java.nio", "java.net")


def main() -> None:
    """Ingests once on each and compares."""
    root = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/scenes"
    fetch_jars()
    threads = ["--direct_running_mode=multi_threading", "--direct_num_workers=2"]
    with tempfile.TemporaryDirectory() as scratch:
        here = _ingest(root, Path(scratch) / "local", ["--runner=FnApiRunner", *threads])
        with job_server(Path(scratch)) as endpoint:
            portable = ["--runner=PortableRunner", f"--job_endpoint={endpoint}"]
            portable += ["--environment_type=LOOPBACK", "--parallelism=2"]
            there = _ingest(root, Path(scratch) / "flink", portable)
    if here != there:
        raise SystemExit("the bytes differ")
    print(f"{len(here)} files, all equal")


def fetch_jars() -> None:
    """Brings the job server's libraries from Maven Central, once."""
    if not (JARS / ".complete").exists():
        pom = Path(__file__).with_name("flink-pom.xml")
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
        subprocess.run(["mvn", "-B", "-q", "-f", str(pom), *copy], check=True)
        (JARS / ".complete").touch()


@contextmanager
def job_server(scratch: Path) -> Iterator[str]:
    """A job server with a Flink cluster inside; gives its address."""
    ports = [_free_port(), _free_port()]
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
    arguments = ["--flink-master=[local]", f"--job-port={ports[0]}", f"--artifact-port={ports[1]}"]
    arguments += ["--expansion-port=-1", f"--artifacts-dir={scratch / 'artifacts'}"]
    with (scratch / "server.log").open("wb") as log:
        argv = ["java", *opened, "-cp", f"{JARS}/*", _DRIVER, *arguments]
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            _wait_for(ports[0], process)
            yield f"localhost:{ports[0]}"
        finally:
            process.terminate()
            process.wait()


def _ingest(root: str, output: Path, options: list[str]) -> dict[str, str]:
    """Runs the ingest; returns the digest of every file written."""
    import apache_beam as beam

    from components.image_example_gen.config import IngestConfig
    from components.image_example_gen.ingest import Ingest
    from components.image_example_gen.listing import list_images

    config = IngestConfig(max_corrupt_share=1)
    listing = list_images(root, config)
    began = time.monotonic()
    work = Ingest(listing, config, listing.fingerprint(), lambda: beam.Pipeline(argv=options))
    work.run(str(output / "examples" / "1"), str(output / "dead" / "1"), registry="", name="")
    files = sorted(path for path in output.rglob("*") if path.is_file())
    print(f"{options[0]}: {listing.found} files in {time.monotonic() - began:.1f} s")
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit("the job server did not come up; see its server.log")


if __name__ == "__main__":
    main()
