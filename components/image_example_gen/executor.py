"""What `image-example-gen` does when TFX runs it: exec properties in, artifacts out."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.example_gen import utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.image_example_gen.config import IngestConfig
from components.image_example_gen.ingest import Ingest
from components.image_example_gen.listing import list_images
from trainer.features import SPLITS, DatasetInfo

FILE_FORMAT = "tfrecords_gzip"


class Executor(base_beam_executor.BaseBeamExecutor):  # type: ignore[misc]
    """Lists, decodes, splits and writes."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the ingest.

        Raises:
          UserError: the input cannot be used; says why and what to do.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = IngestConfig.model_validate_json(exec_properties["config"])
        listing = list_images(exec_properties["data_root"] or config.root, config)
        # What is recorded is what was read, even if files came or went since the run was planned.
        version = listing.fingerprint()
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        letters = artifact_utils.get_single_instance(output_dict["dead_letters"])
        info = Ingest(listing, config, version, self._make_beam_pipeline).run(
            examples.uri,
            letters.uri,
            registry=exec_properties.get("registry") or "",
            name=exec_properties.get("name") or "",
        )
        _describe(examples, info)
        letters.set_int_custom_property("files_found", listing.found)
        letters.set_int_custom_property("dead_letters", info.dead_letters)


def _describe(examples: types.Artifact, info: DatasetInfo) -> None:
    """Properties by which TFX's components know how to read the examples."""
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, FILE_FORMAT)
    examples.set_string_custom_property(utils.FINGERPRINT_PROPERTY_NAME, info.data_version)
    examples.set_int_custom_property("images", sum(info.split_size(split) for split in SPLITS))
    examples.set_int_custom_property("classes", len(info.class_names))
