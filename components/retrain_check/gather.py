"""Looks up what a decision rests on: the listing, the model in service, what changed, how the last run ended.

    check = Check(request)
    decision = decide(policy, check.facts)
    check.write_down(decision)          # a line in the history; the listing kept for the next comparison

The order keeps a check without change cheap: fingerprints first, and only where they differ the kept listing; images
are read only where the policy samples them.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import ImageFile, Listing, list_images
from components.model_pusher.registry import Registry
from components.model_pusher.storage import normal, storage_for
from components.retrain_check import snapshot as snapshots
from components.retrain_check.config import RetrainConfig
from components.retrain_check.decision import Decision
from components.retrain_check.drift import listing_drift
from components.retrain_check.facts import DataChange, DriftFinding, Facts, LastRun, Served
from components.retrain_check.history import Event, History, last_run
from components.retrain_check.snapshot import Snapshot

_MONTHS = 3


@dataclasses.dataclass(frozen=True)
class Request:
    """What a check is asked.

    Attributes:
      data_root: where the images are.
      registry: the registry's folder.
      name: the model's name in it.
      run_version: `<digest of config>-<digest of code>`.
      ingest: how the input is listed.
      policy: what is looked at.
      data_version: fingerprint of the listing; "" to compute it.
      forced: whether a person asked for a run.
      by: who runs it, for the history.
      now: the time.
    """

    data_root: str
    registry: str
    name: str
    run_version: str
    ingest: IngestConfig
    policy: RetrainConfig
    data_version: str = ""
    forced: bool = False
    by: str = "hand"
    now: datetime.datetime = dataclasses.field(
        default_factory=lambda: datetime.datetime.now(datetime.timezone.utc)
    )


class Check:
    """One check, from the question to the line in the history.

    Args:
      request: the question.
      listing: the input, where it was listed already.
    """

    def __init__(self, request: Request, listing: Listing | None = None) -> None:
        self._request = request
        self._given = listing
        self._registry = Registry(request.registry, request.name)
        self._storage = storage_for(normal(request.registry))
        self._history = History(request.registry, request.name)

    @functools.cached_property
    def listing(self) -> Listing:
        """The input as it is now, listed once. Raises: UserError where there is nothing to list."""
        return self._given or list_images(self._request.data_root, self._request.ingest)

    @functools.cached_property
    def data_version(self) -> str:
        """Fingerprint of the input."""
        return self._request.data_version or self.listing.fingerprint()

    @functools.cached_property
    def facts(self) -> Facts:
        """Everything that `decide` looks at."""
        request = self._request
        served = in_service(self._registry)
        change, drift = self._compare(served)
        return Facts(
            now=request.now,
            data_version=self.data_version,
            run_version=request.run_version,
            forced=request.forced,
            in_service=served,
            change=change,
            drift=drift,
            last_run=self._last_run(served),
        )

    def write_down(self, decision: Decision) -> Event:
        """Writes the decision down and, before a run, keeps the listing that it will train on."""
        if decision.retrain:
            self._keep_listing(decision)
        event = check_event(decision, by=self._request.by)
        return self._history.append(event, self._request.now)

    def _compare(self, served: Served | None) -> tuple[DataChange | None, tuple[DriftFinding, ...]]:
        policy = self._request.policy
        if served is None or not policy.looks_outside or served.data_version == self.data_version:
            return None, ()
        before = snapshots.load(self._storage, self._registry.path, served.data_version)
        if before is None:
            return None, ()
        change = self._snapshot.change_since(before, self.listing)
        return change, self._drift(before, served)

    def _drift(self, before: Snapshot, served: Served) -> tuple[DriftFinding, ...]:
        policy = self._request.policy
        if "drift" not in policy.conditions:
            return ()
        incoming = self._snapshot.incoming(before, self.listing)
        found = listing_drift(policy.drift, incoming, before)
        return found + self._image_drift(incoming, served)

    def _image_drift(self, incoming: list[ImageFile], served: Served) -> tuple[DriftFinding, ...]:
        config = self._request.policy.drift
        if not config.sample or len(incoming) < config.min_images:
            return ()
        from components.retrain_check.image_drift import image_drift

        version = self._registry.version(served.version)
        return image_drift(config, incoming, version, self._request.ingest, seed=self.data_version)

    @functools.cached_property
    def _snapshot(self) -> Snapshot:
        return Snapshot.of(self.listing)

    def _last_run(self, served: Served | None) -> LastRun | None:
        if not self._request.policy.looks_outside:
            return None
        last = last_run(self._history.events(months=_MONTHS))
        if last is None or last.outcome != "lost" or served is None:
            return last
        # On a cluster nobody writes down how a run ended, but a pushed model speaks for itself.
        ended_well = (last.data_version, last.run_version) == (
            served.data_version,
            served.run_version,
        )
        return last.model_copy(update={"outcome": "pushed"}) if ended_well else last

    def _keep_listing(self, decision: Decision) -> None:
        """Keeps this listing and those that a model was made from."""
        model = self._registry.path
        snapshots.keep(self._storage, model, decision.data_version, self._snapshot)
        needed = {decision.data_version}
        for version in self._registry.versions():
            needed.add(str(version.read_json("lineage.json").get("data_version", "")))
        snapshots.forget(self._storage, model, needed)


def in_service(registry: Registry) -> Served | None:
    """The model in service, or None."""
    version = registry.in_service()
    if version is None:
        return None
    lineage = version.read_json("lineage.json")
    return Served(
        version=version.number,
        data_version=str(lineage.get("data_version", "")),
        run_version=str(lineage.get("run_version", "")),
        created=version.info.created,
    )


def check_event(decision: Decision, *, by: str) -> Event:
    """The history's line for a decision."""
    numbers: dict[str, object] = {"when": decision.when}
    if decision.in_service:
        numbers["in_service"] = decision.in_service.version
    if decision.change:
        numbers["change"] = decision.change.model_dump(mode="json")
    if decision.drift:
        numbers["drift"] = {f.what: round(f.distance, 4) for f in decision.drift}
    if decision.notes:
        numbers["conditions"] = {note.condition: note.met for note in decision.notes}
    return Event(
        kind="check",
        by=by,
        retrain=decision.retrain,
        reason=decision.reason,
        data_version=decision.data_version,
        run_version=decision.run_version,
        numbers=numbers,
    )
