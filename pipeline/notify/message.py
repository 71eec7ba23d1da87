"""What there is to tell of an event of the history, in words."""

from __future__ import annotations

import dataclasses
from typing import Any

from components.retrain_check.history import Event
from pipeline.notify.config import Occasion


@dataclasses.dataclass(frozen=True)
class Message:
    """Something worth telling.

    Attributes:
      occasion: what kind of thing it is.
      model: the model's name.
      title: it in a few words.
      text: the whole of it in a sentence or two.
      event: the history's line behind it.
    """

    occasion: Occasion
    model: str
    title: str
    text: str
    event: Event

    def to_json(self) -> dict[str, Any]:
        """Plain values, with `text` where Slack and its kind look for it."""
        return {
            "text": f"*{self.title}*\n{self.text}",
            "imagemill": {
                "occasion": self.occasion,
                "model": self.model,
                "title": self.title,
                "detail": self.text,
                "event": self.event.model_dump(mode="json", exclude_defaults=True),
            },
        }


def messages_of(model: str, event: Event) -> list[Message]:
    """What to tell of one event: nothing, or one message."""
    found = _drift(event) if event.kind == "check" else _end(event)
    if found is None:
        return []
    occasion, title, text = found
    return [Message(occasion, model, f"{model}: {title}", text, event)]


def _drift(event: Event) -> tuple[Occasion, str, str] | None:
    if not event.numbers.get("conditions", {}).get("drift"):
        return None
    return "drift", "incoming images drifted", event.reason


def _end(event: Event) -> tuple[Occasion, str, str] | None:
    where = f" (on {event.host})" if event.host else ""
    if event.outcome in ("failed", "lost"):
        return "failure", "a run failed", f"{event.reason}{where}"
    if event.outcome == "refused_data":
        page = event.numbers.get("report")
        report = f" Report: {page}" if page else ""
        text = f"{event.reason}. The model in service stays.{report}"
        return "refused", "the data were refused", text
    if event.outcome == "refused_model":
        return "refused", "the model was refused", f"{event.reason}. The model in service stays."
    if event.outcome == "pushed":
        figures = event.numbers.get("metrics", {})
        text = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        return "new_model", f"version {event.version} was pushed", text or event.reason
    return None
