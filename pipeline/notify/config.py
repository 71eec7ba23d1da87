"""Who is told of what: the YAML section `notify:`. Secrets stand in environment variables, never in a file.

notify:
  webhook_env: SLACK_WEBHOOK
  email: {host: smtp.example.org, sender: imagemill@example.org, to: [ops@example.org]}
  command: [logger, -t, imagemill]
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trainer.settings import Settings

Occasion = Literal["failure", "refused", "drift", "new_model"]
OCCASIONS: tuple[Occasion, ...] = ("failure", "refused", "drift", "new_model")


class EmailConfig(Settings):
    """A mail server and who gets mail."""

    host: str = Field("", description="Name of the SMTP server; empty: no e-mail.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls (port 587), tls (port 465) or none."
    )
    sender: str = Field("", description="Address that mail comes from.")
    to: tuple[str, ...] = Field((), description="Addresses that get mail.")
    user: str = Field("", description="User of the server; empty: no login.")
    password_env: str = Field(
        "IMAGEMILL_SMTP_PASSWORD", description="Environment variable with that user's password."
    )

    @model_validator(mode="after")
    def _complete(self) -> EmailConfig:
        if self.host and not (self.sender and self.to):
            raise ValueError("with `host`, `sender` and at least one address in `to` are needed")
        return self


class NotifyConfig(Settings):
    """Who is told of what, by scheduled runs here and by every run on a cluster."""

    on: tuple[Occasion, ...] = Field(
        OCCASIONS,
        description="failure: a run failed or was killed; refused: the data or the model did not "
        "pass; drift: incoming images are unlike the reference; new_model: one is in service.",
    )
    webhook_env: str = Field(
        "",
        description="Environment variable with the URL to POST JSON to, `text` for Slack and the "
        "like, `imagemill` for programs; empty: no webhook.",
    )
    email: EmailConfig = Field(EmailConfig(), description="Mail.")
    command: tuple[str, ...] = Field(
        (),
        description="Program and arguments to run, without a shell; the message is its standard "
        "input as JSON and its last argument as text; empty: none.",
    )
    timeout: float = Field(
        15, gt=0, le=600, description="Seconds that each way of telling may take."
    )

    @property
    def anybody(self) -> bool:
        """Whether there is a way to tell anybody."""
        return bool(self.webhook_env or self.email.host or self.command)
