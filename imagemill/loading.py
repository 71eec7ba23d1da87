"""Loading TensorFlow without its start-up chatter in the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Asks TensorFlow for errors only; call before it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keeps what C++ code says on stderr back; shows it only where an unexpected error follows."""
    from trainer.errors import UserError

    quiet_tensorflow()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        saved = os.dup(2)
        try:
            os.dup2(kept.fileno(), 2)
            yield
        except UserError:
            raise
        except Exception:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
