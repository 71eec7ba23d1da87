"""Telling people: real servers on this machine, and every way that it can go wrong."""

from __future__ import annotations

import http.server
import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.retrain_check.history import Event
from pipeline.notify.config import NotifyConfig
from pipeline.notify.message import Message, messages_of
from pipeline.notify.send import notify

FAILED = Event(kind="run", outcome="failed", reason="out of memory", host="node-7")


def message() -> Message:
    (found,) = messages_of("scenes", FAILED)
    return found


@pytest.mark.parametrize(
    ("event", "occasion", "title"),
    [
        ({"kind": "run", "outcome": "failed"}, "failure", "scenes: a run failed"),
        ({"kind": "run", "outcome": "refused_data"}, "refused", "scenes: the data were refused"),
        ({"kind": "run", "outcome": "refused_model"}, "refused", "scenes: the model was refused"),
        (
            {"kind": "run", "outcome": "pushed", "version": 4},
            "new_model",
            "scenes: version 4 was pushed",
        ),
        (
            {"kind": "check", "retrain": True, "numbers": {"conditions": {"drift": True}}},
            "drift",
            "scenes: incoming images drifted",
        ),
    ],
)
def test_what_is_told(event, occasion, title):
    (found,) = messages_of("scenes", Event.model_validate(event))
    assert (found.occasion, found.title) == (occasion, title)


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "run", "outcome": "unchanged"},
        {"kind": "run", "outcome": "interrupted"},
        {"kind": "check", "retrain": False},
        {"kind": "schedule"},
    ],
)
def test_what_is_not_told(event):
    assert messages_of("scenes", Event.model_validate(event)) == []


@pytest.fixture
def web() -> Iterator[tuple[str, list[dict], list[int]]]:
    received: list[dict] = []
    answer = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer[0])
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/secret-hook", received, answer
        server.shutdown()


def test_webhook(web, monkeypatch):
    url, received, _ = web
    monkeypatch.setenv("HOOK", url)
    assert notify(NotifyConfig(webhook_env="HOOK"), [message()]) == []
    assert received[0]["text"] == "*scenes: a run failed*\nout of memory (on node-7)"
    assert received[0]["imagemill"]["event"]["outcome"] == "failed"


def test_webhook_that_fails_says_why_but_not_where(web, monkeypatch, caplog):
    url, _, answer = web
    answer[0] = 403
    monkeypatch.setenv("HOOK", url)
    (problem,) = notify(NotifyConfig(webhook_env="HOOK"), [message()])
    assert problem == "could not notify by webhook: it answered 403 Forbidden"
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/secret-hook")
    (problem,) = notify(NotifyConfig(webhook_env="HOOK"), [message()])
    assert "no answer" in problem
    for wrong in ("", "file:///etc/passwd"):
        monkeypatch.setenv("HOOK", wrong)
        (problem,) = notify(NotifyConfig(webhook_env="HOOK"), [message()])
        assert "HOOK holds no http(s) URL" in problem
    assert "secret-hook" not in caplog.text


class _Smtp(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif verb == b"AUTH":
                good = line.split()[-1] == b"AG1lAHMzY3JldA=="
                self.wfile.write(b"235 yes\r\n" if good else b"535 no\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                self.server.mails.append(body.decode())  # type: ignore[attr-defined]
                self.wfile.write(b"250 ok\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def smtp() -> Iterator[tuple[int, list[str]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.mails = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.mails  # type: ignore[attr-defined]
        server.shutdown()


def mail(port: int, **values: object) -> NotifyConfig:
    email = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "mill@example.org",
        "to": ["ops@example.org", "lab@example.org"],
        **values,
    }
    return NotifyConfig.model_validate({"email": email, "timeout": 5})


def test_email(smtp, monkeypatch):
    port, mails = smtp
    monkeypatch.setenv("IMAGEMILL_SMTP_PASSWORD", "s3cret")
    assert notify(mail(port, user="me"), [message()]) == []
    assert "Subject: scenes: a run failed" in mails[0]
    assert "To: ops@example.org, lab@example.org" in mails[0]
    assert "out of memory (on node-7)" in mails[0]


def test_email_that_fails(smtp, monkeypatch, caplog):
    port, mails = smtp
    (problem,) = notify(mail(port, user="me"), [message()])
    assert "IMAGEMILL_SMTP_PASSWORD is not set" in problem
    monkeypatch.setenv("IMAGEMILL_SMTP_PASSWORD", "wr0ng")
    (problem,) = notify(mail(port, user="me"), [message()])
    assert problem == "could not notify by e-mail: 127.0.0.1 refused the login of 'me'"
    (problem,) = notify(mail(1), [message()])
    assert "127.0.0.1:1" in problem
    (problem,) = notify(mail(port, security="starttls"), [message()])
    assert "SMTPNotSupportedError" in problem
    assert mails == []
    assert "wr0ng" not in caplog.text


def test_command(tmp_path: Path):
    code = (
        "import json,sys,pathlib;"
        "pathlib.Path(sys.argv[1]).write_text(sys.argv[2]+'|'+json.load(sys.stdin)['occasion'])"
    )
    config = NotifyConfig(command=(sys.executable, "-c", code, str(tmp_path / "told")))
    assert notify(config, [message()]) == []
    told = (tmp_path / "told").read_text()
    assert told == "scenes: a run failed: out of memory (on node-7)|failure"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/program",), "did not start: No such file"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "exited with 3"),
        ((sys.executable, "-c", "import time; time.sleep(9)"), "took longer than 0.5 s"),
    ],
)
def test_a_command_that_fails(command, why):
    (problem,) = notify(NotifyConfig(command=command, timeout=0.5), [message()])
    assert why in problem


def test_one_way_that_fails_does_not_keep_the_others_from_telling(web, monkeypatch):
    url, received, _ = web
    monkeypatch.setenv("HOOK", url)
    config = NotifyConfig(webhook_env="HOOK", command=("/no/such/program",))
    assert len(notify(config, [message()])) == 1
    assert len(received) == 1


def test_only_what_was_asked_for():
    assert notify(NotifyConfig(on=("drift",), command=("/no/such/program",)), [message()]) == []


def test_half_an_email_config_is_refused():
    with pytest.raises(ValueError, match="sender"):
        NotifyConfig.model_validate({"email": {"host": "h"}})
