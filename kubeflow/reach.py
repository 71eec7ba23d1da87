"""Says which place a step could not reach, and whether trying again may help.

    told = explained(error, {"registry": "s3://models", "data_root": "/mnt/photos"})
    told.code      # INTERNAL where the network failed: try again; USAGE for credentials and rights: do not

Buckets and volumes fail deep inside Beam and its clients, with a page of traceback. The cause is somewhere in the
chain of exceptions; the step's parameters say which places it had to reach.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.errors import ExitCode, UserError

PLACES = ("data_root", "registry")
_CLIENTS = ("google.", "botocore", "boto3", "requests", "urllib3", "http", "socket", "ssl")
_CREDENTIALS = frozenset(
    {
        "DefaultCredentialsError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "RefreshError",
        "Forbidden",
        "Unauthorized",
        "PermissionDenied",
    }
)
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403 ", "401 ")
_JUDGEMENTS = (ExitCode.DATA_REFUSED, ExitCode.NOT_BLESSED, ExitCode.TRAINING_FAILED)
_NO_LIBRARY = "Unable to get filesystem"
_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def explained(error: BaseException, parameters: Mapping[str, Any]) -> UserError | None:
    """The sentence for an error of reaching a place, or None for any other error."""
    causes = list(_chain(error))
    where = _where(parameters)
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in _NOT_WRITABLE:
            return UserError(
                f"this step may not write to or read {str(cause.filename)!r} ({cause.strerror})",
                fix="mount a volume there with `kubeflow.defaults.volumes`, and let user 1000 write to it",
            )
    if any(_lacks_credentials(cause) for cause in causes):
        return UserError(
            f"{where} cannot be used: credentials are missing or not accepted ({_short(causes)})",
            fix="name a secret under `kubeflow.defaults.secret_env` or `secret_files`, or bind the service "
            "account to one that has the rights",
        )
    if any(_NO_LIBRARY in str(cause) for cause in causes):
        return UserError(
            f"{where} cannot be read: the image holds no client for that file system ({_short(causes)})",
            fix="use a volume, gs:// or s3://",
        )
    if any(_is_network(cause) for cause in causes):
        return UserError(
            f"{where} does not answer ({_short(causes)})",
            fix="the step is tried again; if it stays, check the address and the cluster's network policy",
            code=ExitCode.INTERNAL,
        )
    return None


@contextlib.contextmanager
def said(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Raises the sentence instead of an error of reaching a place."""
    try:
        yield
    except Exception as error:
        judged = isinstance(error, UserError) and error.code in _JUDGEMENTS
        told = None if judged else explained(error, parameters)
        if told is None:
            raise
        raise told from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what caused it, and what Beam collected per file."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]
        details = getattr(one, "exception_details", None)
        if isinstance(details, Mapping):
            waiting += [value for value in details.values() if isinstance(value, BaseException)]


def _where(parameters: Mapping[str, Any]) -> str:
    places = [f"{name} {str(parameters[name])!r}" for name in PLACES if parameters.get(name)]
    return " or ".join(places) or "a place of this step"


def _lacks_credentials(error: BaseException) -> bool:
    name = type(error).__name__
    denied = name == "ClientError" and any(word in str(error) for word in _DENIED)
    return name in _CREDENTIALS or denied


def _is_network(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    return type(error).__module__.startswith(_CLIENTS)


def _short(causes: list[BaseException]) -> str:
    """The innermost cause that says anything, on one line."""
    said = [" ".join(str(cause).split()) for cause in causes if str(cause).strip()]
    return f"{type(causes[-1]).__name__}: {said[-1]}"[:300] if said else type(causes[-1]).__name__
