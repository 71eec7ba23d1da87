"""Runs the HTTP server until it is told to stop.

    python -m components.serving.server registry/scenes --port 8501

SIGTERM and Ctrl-C: no new connections, requests under way are answered, then it ends with code 0.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from components.serving.config import ServeConfig
from trainer.errors import UserError

_GRACE_SECONDS = 30


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 finds a free one.

    Raises: UserError where the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP; with it on, every
    # answer waits 40 ms for the client's delayed acknowledgement of its header.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(
            f"cannot listen on {host}:{port}: {error}",
            fix="choose another --port, or stop what listens there",
        ) from None
    listener.listen(512)
    return listener


def address(listener: socket.socket) -> str:
    """Its URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(
    model: str, listener: socket.socket, config: ServeConfig, on_ready: Callable[[str], None]
) -> None:
    """Loads the model, then serves on the socket until SIGTERM or SIGINT.

    Args:
      model: a registry, `<root>/<name>`, or a SavedModel.
      listener: from `bind`; clients that connect while the model loads wait.
      config: limits.
      on_ready: told the address when requests are taken.
    """
    import uvicorn

    from components.serving.app import make_app

    app = make_app(model, config)
    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=30,
        server_header=False,
        ws="none",
    )
    server = uvicorn.Server(settings)
    on_ready(address(listener))
    # uvicorn raises a captured signal again when it is done; by then it has been obeyed.
    with contextlib.suppress(KeyboardInterrupt), _ignored(signal.SIGTERM):
        server.run(sockets=[listener])


@contextlib.contextmanager
def _ignored(number: signal.Signals):  # type: ignore[no-untyped-def]
    before = signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(number, before)


def main(args: Sequence[str] | None = None) -> int:
    """The server as a process of its own; prints its address when it is ready."""
    parser = argparse.ArgumentParser(prog="components.serving.server", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--config", default="{}", help="ServeConfig as JSON")
    given = parser.parse_args(args)
    logging.basicConfig(level=logging.INFO)
    config = ServeConfig.model_validate_json(given.config)
    with bind(given.host, given.port) as listener:
        run(given.model, listener, config, lambda url: print(url, flush=True))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
