"""Places that a step cannot reach: what is said, and whether it is tried again."""

from __future__ import annotations

import errno

import pytest

from kubeflow.reach import explained, said
from trainer.errors import ExitCode, UserError

PLACES = {"data_root": "s3://photos/cats", "registry": "/mnt/registry", "epochs": 3}


class NoCredentialsError(Exception):
    """As botocore's."""


class ClientError(Exception):
    """As botocore's."""


class BeamIOError(OSError):
    """As Beam's: it collects errors by file."""

    def __init__(self, text: str, details: dict[str, Exception]) -> None:
        super().__init__(text)
        self.exception_details = details


def _raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (
            _raised(
                UserError("cannot reach x", fix="check"), ConnectionRefusedError(111, "refused")
            ),
            r"data_root 's3://photos/cats' or registry '/mnt/registry' does not answer",
            ExitCode.INTERNAL,
        ),
        (_raised(ValueError("x"), TimeoutError("120 s")), "does not answer", ExitCode.INTERNAL),
        (
            BeamIOError("match failed", {"s3://b/x": NoCredentialsError("Unable to locate")}),
            "credentials are missing or not accepted .*Unable to locate",
            ExitCode.USAGE,
        ),
        (
            _raised(ClientError("An error occurred (AccessDenied)")),
            "credentials are missing",
            ExitCode.USAGE,
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/mnt/registry/scenes"),
            r"may not write to or read '/mnt/registry/scenes' \(Permission denied\)",
            ExitCode.USAGE,
        ),
        (
            ValueError("Unable to get filesystem from specified path"),
            "the image holds no client",
            ExitCode.USAGE,
        ),
    ],
)
def test_what_is_said_and_whether_it_is_tried_again(error, words, code):
    told = explained(error, PLACES)
    assert told is not None
    assert told.code == code
    with pytest.raises(UserError, match=words):
        raise told


@pytest.mark.parametrize(
    "error", [ValueError("shape"), FileNotFoundError(2, "no", "x"), KeyError()]
)
def test_other_errors_are_not_touched(error):
    assert explained(error, PLACES) is None


def test_a_step_without_places():
    told = explained(ConnectionResetError("gone"), {})
    assert told is not None
    assert told.message.startswith("a place of this step does not answer")


def test_a_judgement_stays_one_whatever_went_wrong_before():
    refused = UserError("class 'fog' is empty", fix="add images", code=ExitCode.DATA_REFUSED)
    with pytest.raises(UserError, match="is empty"), said({}):
        raise refused from ConnectionResetError("gone")
    with pytest.raises(UserError, match="does not answer"), said({}):
        raise ConnectionResetError("gone")
