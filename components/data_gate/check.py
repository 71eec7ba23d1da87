"""The gate without a pipeline: files in, findings out; nothing is written to a registry.

report = check_photos(list_images("photos", ingest), ingest, GateConfig(), registry="registry", name="scenes")
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from components.data_gate.config import GateConfig
from components.data_gate.findings import GateReport, Raw, judge
from components.data_gate.image_table import ImageTable
from components.data_gate.look import look
from components.data_gate.scan import scan
from components.image_example_gen.config import IngestConfig
from components.image_example_gen.listing import Listing

if TYPE_CHECKING:
    from components.data_gate.anomalies import Statistics
    from components.data_gate.service import Served


def check_photos(
    listing: Listing,
    ingest: IngestConfig,
    gate: GateConfig,
    *,
    registry: str = "",
    name: str = "",
    workers: int = 0,
) -> GateReport:
    """Scans all files and judges what is found.

    TFDV takes seconds to load and is needed only to compare: with splits that the input gives, with the accepted
    schema, or with the data of a model in service. It loads while files are read.

    Args:
      listing: the files.
      ingest: limits of the decoder, as a run would use them.
      gate: thresholds and policies.
      registry: folder of the registry; "" for none.
      name: the model's name in it.
      workers: decoders at work; 0 means one per core.
    """
    known = bool(registry) and _is_known(registry, name)
    splits = {file.split for file in listing.files if file.split}
    comparing = known or len(splits) > 1
    loading = threading.Thread(target=_load_tfdv, daemon=True)
    if comparing:
        loading.start()
    table, letters = scan(listing, ingest, workers)
    served: Served | None = None
    compared: Sequence[Raw] = []
    if comparing:
        loading.join()
        served = _served(registry, name) if known else None
        compared = _compare(table, gate, served, (registry, name) if known else None)
    classes = served.class_names if served else None
    raws = [*look(table, listing.class_names, letters, gate, classes), *compared]
    return judge(
        raws,
        gate.policies,
        gate.files_listed,
        images=len(table),
        classes=table.class_summaries(),
    )


def _is_known(registry: str, name: str) -> bool:
    """Whether the registry has a model in service or an accepted schema."""
    from components.data_gate.schema_store import SchemaStore
    from components.model_pusher.registry import Registry

    return (
        Registry(registry, name).in_service() is not None
        or SchemaStore(registry, name).accepted() is not None
    )


def _load_tfdv() -> None:
    importlib.import_module("tensorflow_data_validation")


def _served(registry: str, name: str) -> Served | None:
    from components.data_gate.service import read_served

    return read_served(registry, name)


def _compare(
    table: ImageTable, gate: GateConfig, served: Served | None, place: tuple[str, str] | None
) -> Sequence[Raw]:
    from components.data_gate.compare import class_drift_findings, drift_findings, skew_findings
    from components.data_gate.table_statistics import table_statistics

    if not len(table):
        return []
    before = served.statistics if served else {}
    statistics = table_statistics(table, by_class="train" in before)
    return [
        *_schema_findings(statistics, place),
        *skew_findings(statistics, gate.skew),
        *drift_findings(statistics, before, gate.drift),
        *class_drift_findings(statistics, before, gate.drift),
    ]


def _schema_findings(
    statistics: Mapping[str, Statistics], place: tuple[str, str] | None
) -> Iterator[Raw]:
    from components.data_gate.anomalies import schema_findings
    from components.data_gate.curation import validate_table
    from components.data_gate.schema_store import SchemaStore

    accepted = SchemaStore(*place).accepted() if place else None
    if accepted is not None:
        anomalies = validate_table(accepted.schema, statistics)
        yield schema_findings(anomalies, len(accepted.schema.feature))
