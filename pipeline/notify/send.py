"""The three ways of telling, and `notify`, which tries all of them and raises nothing.

problems = notify(config.notify, messages)      # sentences for the log; [] where all went well
"""

from __future__ import annotations

import email.message
import json
import logging
import os
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable

from pipeline.notify.config import EmailConfig, NotifyConfig
from pipeline.notify.message import Message

_LOGGER = logging.getLogger(__name__)


class NotifyError(Exception):
    """A message that did not get through; the text holds no secret."""


def notify(config: NotifyConfig, messages: Iterable[Message]) -> list[str]:
    """Tells each message in every way that is set up.

    Returns:
      A sentence for each way that failed. They are logged as warnings too; nothing is raised.
    """
    wanted = [message for message in messages if message.occasion in config.on]
    tried = [_try(name, send, message) for message in wanted for name, send in _ways(config)]
    problems = [problem for problem in tried if problem]
    for problem in problems:
        _LOGGER.warning("%s", problem)
    return problems


def _try(name: str, send: Callable[[Message], None], message: Message) -> str:
    """Sends; returns what went wrong, or ""."""
    try:
        send(message)
    except Exception as error:
        detail = str(error) if isinstance(error, NotifyError) else type(error).__name__
        return f"could not notify by {name}: {detail}"
    return ""


def _ways(config: NotifyConfig) -> list[tuple[str, Callable[[Message], None]]]:
    ways: list[tuple[str, Callable[[Message], None]]] = []
    if config.webhook_env:
        ways.append(("webhook", lambda m: send_webhook(config.webhook_env, m, config.timeout)))
    if config.email.host:
        ways.append(("e-mail", lambda m: send_email(config.email, m, config.timeout)))
    if config.command:
        ways.append(("command", lambda m: run_command(config.command, m, config.timeout)))
    return ways


def send_webhook(variable: str, message: Message, timeout: float) -> None:
    """POSTs the message as JSON to the URL in an environment variable.

    Raises:
      NotifyError: no URL, no answer, or an answer that is not 2xx. It never names the URL, which is a secret.
    """
    url = os.environ.get(variable, "")
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise NotifyError(f"the environment variable {variable} holds no http(s) URL")
    request = urllib.request.Request(
        url,
        data=json.dumps(message.to_json()).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "imagemill"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        error.close()
        raise NotifyError(f"it answered {error.code} {error.reason}") from None
    except OSError as error:
        raise NotifyError(f"no answer ({getattr(error, 'reason', error)})") from None


def send_email(config: EmailConfig, message: Message, timeout: float) -> None:
    """Sends the message by SMTP.

    Raises:
      NotifyError: no connection, no password, or a refusal.
    """
    mail = email.message.EmailMessage()
    mail["Subject"] = " ".join(message.title.split())
    mail["From"] = config.sender
    mail["To"] = ", ".join(config.to)
    mail.set_content(f"{message.text}\n\n{message.event.model_dump_json(exclude_defaults=True)}\n")
    try:
        with _server(config, timeout) as server:
            if config.user:
                server.login(config.user, _password(config))
            server.send_message(mail)
    except smtplib.SMTPAuthenticationError as error:
        raise NotifyError(f"{config.host} refused the login of {config.user!r}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotifyError(f"{config.host}:{config.port}: {type(error).__name__}: {error}") from None


def _server(config: EmailConfig, timeout: float) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if config.security == "tls":
        return smtplib.SMTP_SSL(config.host, config.port, timeout=timeout, context=context)
    server = smtplib.SMTP(config.host, config.port, timeout=timeout)
    if config.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _password(config: EmailConfig) -> str:
    password = os.environ.get(config.password_env)
    if password is None:
        raise NotifyError(f"the environment variable {config.password_env} is not set")
    return password


def run_command(command: tuple[str, ...], message: Message, timeout: float) -> None:
    """Runs a program with the message as JSON on its standard input and as text as its last argument.

    Raises:
      NotifyError: it does not start, does not end in time, or says that it failed.
    """
    try:
        done = subprocess.run(
            [*command, f"{message.title}: {message.text}"],
            input=json.dumps(message.to_json()["imagemill"]).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotifyError(f"{command[0]} took longer than {timeout:g} s") from None
    except OSError as error:
        raise NotifyError(f"{command[0]} did not start: {error.strerror}") from None
    if done.returncode:
        raise NotifyError(f"{command[0]} exited with {done.returncode}")
