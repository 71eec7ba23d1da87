"""Stand-ins for the registry's tests: models of a few bytes, a bucket, and a process that dies "
"at a chosen write."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from apache_beam.io.filesystem import CompressionTypes, FileMetadata, FileSystem

_MODIFYING = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}


def make_model(folder: Path, content: str) -> str:
    """A folder that looks like a SavedModel to the registry."""
    (folder / "variables").mkdir(parents=True)
    (folder / "assets.extra").mkdir()
    (folder / "saved_model.pb").write_text(f"graph {content}")
    (folder / "variables" / "variables.index").write_text(f"index {content}")
    (folder / "variables" / "variables.data-00000-of-00001").write_text(f"weights {content}" * 1000)
    (folder / "assets.extra" / "imagemill.json").write_text("{}")
    return str(folder)


def modifies(event: str, args: tuple[object, ...], root: str) -> bool:
    """Whether an audit event is a change to something under `root`."""
    if event == "open":
        path, _, flags = args
        writing = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return bool(writing) and str(path).startswith(root)
    return event in _MODIFYING and any(str(arg).startswith(root) for arg in args)


def run_and_die(work: Callable[[], object], root: str, fatal: int) -> int | None:
    """Runs `work` in a child that is killed with SIGKILL just before its `fatal`-th change under
    `root`.

    Returns: the signal that ended the child; None where it got through.
    """
    child = os.fork()
    if child == 0:
        changes = 0

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal changes
            if modifies(event, args, root):
                changes += 1
                if changes == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        except BaseException:
            os._exit(9)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0, "the push itself failed"
    return None


class BucketFileSystem(FileSystem):
    """An object store `bucket://` kept in a local folder: objects appear whole, there are no
    folders.

    The folder is in the environment variable IMAGEMILL_TEST_BUCKET, so that several processes
    share it.
    """

    # Called before every operation; tests that interleave pushes block in it.
    before_operation: Callable[[], None] = staticmethod(lambda: None)

    @classmethod
    def scheme(cls):
        return "bucket"

    def has_dirs(self):
        return False

    def _file(self, path):
        return Path(os.environ["IMAGEMILL_TEST_BUCKET"]) / path.removeprefix("bucket://").replace(
            "/", "%2F"
        )

    def _list(self, dir_or_prefix):
        self.before_operation()
        folder = Path(os.environ["IMAGEMILL_TEST_BUCKET"])
        for file in sorted(folder.iterdir()):
            path = "bucket://" + file.name.replace("%2F", "/")
            if path.startswith(dir_or_prefix) and not file.name.endswith(".tmp"):
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    facts = file.stat()
                    yield FileMetadata(path, facts.st_size, facts.st_mtime)

    def create(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        return _Upload(self._file(path))

    def open(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        self.before_operation()
        return self._file(path).open("rb")

    def exists(self, path):
        self.before_operation()
        return self._file(path).exists()

    def metadata(self, path):
        return FileMetadata(path, self._file(path).stat().st_size)

    def delete(self, paths):
        for path in paths:
            self.before_operation()
            self._file(path).unlink(missing_ok=True)

    def join(self, basepath, *paths):
        return "/".join([basepath, *paths])

    def split(self, path):
        return tuple(path.rsplit("/", 1))

    def mkdirs(self, path):
        pass

    def size(self, path):
        return self._file(path).stat().st_size

    def last_updated(self, path):
        return self._file(path).stat().st_mtime

    def checksum(self, path):
        raise NotImplementedError

    def copy(self, source_file_names, destination_file_names):
        raise NotImplementedError

    def rename(self, source_file_names, destination_file_names):
        raise NotImplementedError


class _Upload:
    """An object that exists from its close on, as on real stores."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            BucketFileSystem.before_operation()
            temporary = self._target.with_name(f"{os.getpid()}-{id(self)}.tmp")
            temporary.write_bytes(self._data)
            temporary.replace(self._target)
