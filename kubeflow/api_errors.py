"""What goes wrong between us and the KFP API, as sentences; and who we are there.

Who we are comes from the environment, never from a config: KFP_TOKEN (a bearer token), KFP_TOKEN_FILE (a file with one,
read anew for each command) or KFP_COOKIES (such as dex's `authservice_session=...`); in a pod, the service account.
SSL_CERT_FILE names the certificates to trust, where the API's is signed by an authority of one's own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainer.errors import ExitCode, UserError


class UnreachableError(UserError):
    """The API gave no answer; it may soon."""


def probe(host: str, token: str | None, cookies: str | None) -> None:
    """Asks once whether KFP is there and knows us: kfp.Client tries for half a minute, then says neither."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Cookie": cookies} if cookies else {}
    url = f"{host.rstrip('/')}/apis/v2beta1/healthz"
    if not url.startswith(("http://", "https://")):
        raise UserError(
            f"the address {host!r} of the KFP API has no http:// or https://",
            fix="add it to `kubeflow.host`",
        )
    try:
        # A context of its own: urllib's is made once, from what the environment said then.
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers),
            timeout=30,
            context=ssl.create_default_context(),
        ) as reply:
            json.load(reply)
    except urllib.error.HTTPError as error:
        raise _refused(host, error.code) from None
    except ValueError:
        raise _refused(host, 302) from None  # a page to log in
    except OSError as error:
        raise _unreachable(host, error) from None


def token_of_environment() -> str | None:
    """The bearer token, if there is one.

    Raises:
      UserError: the file that should hold it cannot be read.
    """
    file = os.environ.get("KFP_TOKEN_FILE")
    if not file:
        return os.environ.get("KFP_TOKEN")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(
            f"cannot read the token in KFP_TOKEN_FILE={file!r}: {error.strerror}",
            fix="correct the path, or unset the variable",
        ) from None


@contextlib.contextmanager
def explained(host: str) -> Iterator[None]:
    """Turns the client's exceptions into sentences, and keeps what it prints from the terminal."""
    import kfp_server_api

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except kfp_server_api.ApiException as error:
        raise _api_error(host, error) from None
    except Exception as error:
        # The generated client lets urllib3's errors through, and urllib3 is its dependency, not ours.
        if isinstance(error, OSError) or type(error).__module__.startswith("urllib3"):
            raise _unreachable(host, error) from None
        raise


def _unreachable(host: str, error: Exception) -> UserError:
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UserError(
            f"the certificate of the KFP API at {host} is not trusted ({cause.verify_message})",
            fix="set SSL_CERT_FILE to a file with the certificate of the authority that signed it",
        )
    said = getattr(cause, "strerror", "") or ""
    return UnreachableError(
        f"the KFP API at {host or 'its in-cluster address'} does not answer "
        f"({type(cause).__name__}{': ' + said if said else ''})",
        fix="check the address, the port-forward and the network",
        code=ExitCode.INTERNAL,
    )


def _refused(host: str, status: int) -> UserError:
    if status in (301, 302, 401, 403):
        return UserError(
            f"the KFP API at {host} refuses us (HTTP {status})",
            fix="set KFP_TOKEN, KFP_TOKEN_FILE or KFP_COOKIES; the account needs the rights in docs/kubeflow.md",
        )
    return UnreachableError(
        f"the KFP API at {host} failed (HTTP {status})",
        fix="check that the address is KFP's API (service `ml-pipeline`, port 8888) or its UI",
        code=ExitCode.INTERNAL,
    )


def _api_error(host: str, error: Any) -> UserError:
    said = " ".join(str(error.body or error.reason or "").split())[:300]
    if error.status in (401, 403):
        return _refused(host, error.status)
    if error.status is None or error.status >= 500 or error.status == 429:
        return UnreachableError(
            f"the KFP API at {host} failed (HTTP {error.status}): {said}",
            fix="try again; if it stays, look at the log of its deployment `ml-pipeline`",
            code=ExitCode.INTERNAL,
        )
    return UserError(
        f"the KFP API at {host} refuses the request (HTTP {error.status}): {said}",
        fix="correct what it names",
    )
