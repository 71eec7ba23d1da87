"""The decision itself, free of TFX: what was compared, what was decided and why.

decision = decide(policy, data_version="9f2c", run_version="77ab", in_service=served, force=False)
decision.retrain, decision.reason
"""

from __future__ import annotations

from pydantic import Field

from components.retrain_check.config import RetrainConfig
from trainer.settings import Settings

DECISION_FILE = "decision.json"


class Served(Settings):
    """What is known of the model in service."""

    version: int = Field(description="Its version in the registry.")
    data_version: str = Field(description="Fingerprint of the data that it was trained on.")
    run_version: str = Field(description="Fingerprint of the config and code that made it.")


class Decision(Settings):
    """Run or skip, with the reason and the facts it rests on."""

    retrain: bool = Field(description="True: the rest of the pipeline runs.")
    reason: str = Field(description="One sentence for a person.")
    data_version: str = Field(description="Fingerprint of the input as listed now.")
    run_version: str = Field(description="Fingerprint of the config and code of this run.")
    in_service: Served | None = Field(
        description="The model it was compared with, if there is one."
    )


def decide(
    policy: RetrainConfig,
    *,
    data_version: str,
    run_version: str,
    in_service: Served | None,
    force: bool,
) -> Decision:
    """Applies the policy; pure, so that every branch is a one-line test."""
    retrain, reason = _verdict(policy, data_version, run_version, in_service, force)
    return Decision(
        retrain=retrain,
        reason=reason,
        data_version=data_version,
        run_version=run_version,
        in_service=in_service,
    )


def _verdict(
    policy: RetrainConfig, data_version: str, run_version: str, served: Served | None, force: bool
) -> tuple[bool, str]:
    if force:
        return True, "retraining was forced"
    if served is None:
        return True, "no model is in service yet"
    if policy.when == "always":
        return True, "the policy is to train on every run (retrain.when: always)"
    if served.data_version != data_version:
        return True, f"the data changed since version {served.version}"
    if served.run_version != run_version:
        return True, f"the config or the code changed since version {served.version}"
    return False, f"data, config and code are those of version {served.version}, now in service"
