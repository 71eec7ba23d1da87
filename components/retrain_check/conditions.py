"""Each condition of a policy on its own: does it hold, and a sentence with the numbers.

for note in look(policy, facts):
    print(note.condition, note.met, note.text)
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable

from pydantic import Field

from components.durations import roughly, to_timedelta
from components.retrain_check.config import Condition, RetrainConfig
from components.retrain_check.facts import BROKEN, DataChange, DriftFinding, Facts, Served
from trainer.settings import Settings

_NAMED = 3
Answer = tuple[bool, str]


class Note(Settings):
    """What one condition came to."""

    condition: str = Field(description="Its name, as in `retrain.of`.")
    met: bool = Field(description="Whether it speaks for a run.")
    text: str = Field(description="The fact, with its numbers.")


def look(policy: RetrainConfig, facts: Facts) -> tuple[Note, ...]:
    """A note for every condition of the policy; none for `always` or where no model is in service."""
    if policy.when == "always" or facts.in_service is None:
        return ()
    answers = _Conditions(policy, facts, facts.in_service)
    return tuple(
        Note(condition=name, met=met, text=text)
        for name in policy.conditions
        for met, text in [answers.table[name]()]
    )


@dataclasses.dataclass(frozen=True)
class _Conditions:
    """One method a condition; each answers (does it hold, the fact with its numbers)."""

    policy: RetrainConfig
    facts: Facts
    served: Served

    @property
    def table(self) -> dict[Condition, Callable[[], Answer]]:
        """The method of each condition."""
        return {
            "new_data": self.new_data,
            "new_class": self.new_class,
            "drift": self.drift,
            "age": self.age,
            "config": self.config,
            "code": self.code,
            "failed_run": self.failed_run,
        }

    @property
    def same_data(self) -> bool:
        """Whether the input is what the model in service was made from."""
        return self.facts.data_version == self.served.data_version

    @property
    def since(self) -> str:
        """The model that everything is compared with, for a sentence."""
        return f"version {self.served.version}"

    def new_data(self) -> Answer:
        """Enough new, changed and removed images."""
        if self.same_data:
            return False, f"no data changed since {self.since}"
        change = self.facts.change
        if change is None:
            return True, f"the data changed since {self.since} (its listing was not kept)"
        policy = self.policy
        text = f"{_amount(change)} since {self.since} ({change.share:.1%})"
        if change.total >= policy.min_new_images and change.share >= policy.min_new_share:
            return True, text
        return False, f"{text}, fewer than {_threshold(policy)}"

    def new_class(self) -> Answer:
        """A class came or went."""
        change = self.facts.change
        names = (*change.new_classes, *change.vanished_classes) if change else ()
        if change is None or not names:
            return False, f"the classes are those of {self.since}"
        parts = [
            f"{verb} {'class' if len(group) == 1 else 'classes'} {_listed(group)}"
            for verb, group in (("new", change.new_classes), ("vanished", change.vanished_classes))
            if group
        ]
        return True, " and ".join(parts)

    def drift(self) -> Answer:
        """Incoming images differ from the reference."""
        drifted = [finding for finding in self.facts.drift if finding.drifted]
        if drifted:
            text = ", ".join(map(_distance, drifted))
            return True, f"incoming images drifted from the data of {self.since}: {text}"
        if self.facts.drift:
            return False, "incoming images are like the reference"
        few = self.policy.drift.min_images
        return False, f"fewer than {few} incoming images to look for drift in"

    def age(self) -> Answer:
        """The model is old, and training again would not make the very same one."""
        if not self.served.created:
            return False, f"the age of {self.since} is not known"
        age = self.facts.now - datetime.datetime.fromisoformat(self.served.created)
        if age <= to_timedelta(self.policy.max_age):
            return False, f"{self.since} is {roughly(age)} old"
        old = f"{self.since} is {roughly(age)} old, older than {self.policy.max_age}"
        if self.same_data and self.facts.run_version == self.served.run_version:
            return False, f"{old}, but training again would make the same model"
        return True, old

    def config(self) -> Answer:
        """Another config, places and runners aside."""
        changed = _halves(self.facts.run_version)[0] != _halves(self.served.run_version)[0]
        return changed, f"the config {'changed since' if changed else 'is that of'} {self.since}"

    def code(self) -> Answer:
        """Another version of our code, or of what it stands on."""
        changed = _halves(self.facts.run_version)[1] != _halves(self.served.run_version)[1]
        return changed, f"the code {'changed since' if changed else 'is that of'} {self.since}"

    def failed_run(self) -> Answer:
        """The run before did not come to an end."""
        last = self.facts.last_run
        if last is None or last.outcome not in (*BROKEN, "interrupted"):
            return False, "the last run did not fail"
        how = {"failed": "failed", "lost": "was killed", "interrupted": "was interrupted"}
        why = f": {last.reason}" if last.reason else ""
        return True, f"the last run {how[last.outcome]}{why}"


def _amount(change: DataChange) -> str:
    named = [
        f"{count:,} {verb}"
        for count, verb in (
            (change.added, "new"),
            (change.modified, "changed"),
            (change.removed, "removed"),
        )
        if count
    ]
    unit = "image" if change.total == 1 else "images"
    return f"{', '.join(named) or 'no new or changed'} {unit}"


def _threshold(policy: RetrainConfig) -> str:
    share = f" and {policy.min_new_share:.1%}" if policy.min_new_share else ""
    return f"{policy.min_new_images:,}{share}"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name) for name in names[:_NAMED]) + more


def _distance(finding: DriftFinding) -> str:
    detail = f"; {finding.detail}" if finding.detail else ""
    return f"{finding.what} {finding.distance:.2f} (limit {finding.limit:g}{detail})"


def _halves(run_version: str) -> tuple[str, str]:
    """Digests of config and code in a run version `<config>-<code>`."""
    config, _, code = run_version.partition("-")
    return config, code
