"""The accepted schema of a model's data, kept beside its versions in the registry, and the one that waits for review.

    store = SchemaStore("registry", "scenes")
    store.accepted()                 # None on the first run
    store.accept(schema)             # files it as the next version
    store.propose(schema)            # what the newest data would need

Layout: `<root>/<name>/schema/0001.pbtxt`, `0002.pbtxt`, ...: the highest number counts, and editing that file is fine.
Beside them `proposed.pbtxt`. TF Serving ignores the folder, since its name is no number.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.model_pusher.storage import Storage, normal, storage_for
from trainer.errors import UserError

_PROPOSED = "proposed.pbtxt"


@dataclasses.dataclass(frozen=True)
class AcceptedSchema:
    """A version of the schema.

    Attributes:
      number: from 1.
      path: its file.
      schema: its content.
    """

    number: int
    path: str
    schema: schema_pb2.Schema


class SchemaStore:
    """The schemas of one model.

    Args:
      root: the registry's folder.
      name: the model's name.
    """

    def __init__(self, root: str, name: str, storage: Storage | None = None) -> None:
        self.folder = posixpath.join(normal(root), name, "schema")
        self._storage = storage or storage_for(normal(root))

    def numbers(self) -> list[int]:
        """Numbers of all versions, ascending."""
        found = self._storage.glob(self.folder, "*.pbtxt")
        names = (re.fullmatch(r"(\d{4,})\.pbtxt", posixpath.basename(path)) for path in found)
        return sorted(int(match.group(1)) for match in names if match)

    def accepted(self, number: int | None = None) -> AcceptedSchema | None:
        """The newest version, or one of them; None where there is none.

        Raises:
          UserError: the file is no schema in protobuf's text format.
        """
        numbers = self.numbers()
        if not numbers or (number is not None and number not in numbers):
            return None
        chosen = numbers[-1] if number is None else number
        path = self._path(f"{chosen:04}.pbtxt")
        return AcceptedSchema(chosen, path, parse_schema(self._storage.read(path).decode(), path))

    def proposed(self) -> schema_pb2.Schema | None:
        """What waits for review, if anything does."""
        path = self._path(_PROPOSED)
        if not self._storage.exists(path):
            return None
        return parse_schema(self._storage.read(path).decode(), path)

    def accept(self, schema: schema_pb2.Schema) -> AcceptedSchema:
        """Files a schema as the next version and drops the proposal; two at once get two numbers."""
        data = schema_text(schema).encode()
        number = max(self.numbers(), default=0) + 1
        while not self._storage.create(self._path(f"{number:04}.pbtxt"), data):
            number += 1
        self._storage.delete(self._path(_PROPOSED))
        return AcceptedSchema(number, self._path(f"{number:04}.pbtxt"), schema)

    def propose(self, schema: schema_pb2.Schema) -> str:
        """Leaves a schema for review, replacing an earlier proposal; returns its path."""
        path = self._path(_PROPOSED)
        self._storage.write(path, schema_text(schema).encode())
        return path

    def withdraw(self) -> None:
        """Drops the proposal."""
        self._storage.delete(self._path(_PROPOSED))

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name)


def open_store(path: str) -> SchemaStore:
    """The store that a user means by `<root>/<name>`, or by a root that holds one name.

    Raises:
      UserError: there is no schema, or there are several names.
    """
    path = normal(path)
    found = storage_for(path).glob(path, "schema/*.pbtxt")
    if found:
        return SchemaStore(*posixpath.split(path))
    below = storage_for(path).glob(path, "*/schema/*.pbtxt")
    names = sorted({file.split("/")[-3] for file in below})
    if len(names) == 1:
        return SchemaStore(path, names[0])
    if names:
        raise UserError(
            f"{path} holds the schemas of several models: {', '.join(names)}",
            fix=f"name one, such as {posixpath.join(path, names[0])}",
        )
    raise UserError(
        f"there is no schema under {path!r}",
        fix="give the registry that `imagemill run` uses (`registry` in the config); its first run files a schema",
    )


def schema_text(schema: schema_pb2.Schema) -> str:
    """A schema as the text that a person edits."""
    text: str = text_format.MessageToString(schema, as_utf8=True)
    return text


def parse_schema(text: str, source: str) -> schema_pb2.Schema:
    """Reads what `schema_text` wrote, perhaps edited since.

    Raises:
      UserError: names the line that is wrong.
    """
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise UserError(
            f"{source} is not a schema: {error}",
            fix="correct that line (format: TensorFlow Metadata's schema.proto as text), or accept another "
            "with `imagemill schema accept`",
        ) from None
