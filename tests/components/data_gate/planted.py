"""A copy of real photos with dirt in it whose every file is known."""

from __future__ import annotations

import dataclasses
import io
import shutil
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from components.data_gate.findings import Finding


@dataclasses.dataclass(frozen=True)
class Planted:
    """Paths below the root that must be found, by kind; of groups, every member."""

    files: dict[str, set[str]]

    def missing_from(self, findings: dict[str, Finding]) -> dict[str, set[str]]:
        lost = {
            kind: files - named_files(findings[kind]) if kind in findings else files
            for kind, files in self.files.items()
        }
        return {kind: files for kind, files in lost.items() if files}


def named_files(finding: Finding) -> set[str]:
    return {image.path for item in finding.items for image in item.images}


def plant(source: Path, target: Path, *, train: int, test: int, share: float = 0.01) -> Planted:
    """Copies `train` and `test` photos a class and spoils some.

    Args:
      source: the scenes.
      target: an empty folder.
      train: photos a class to train on.
      test: photos a class to test on.
      share: of the training photos, per kind of dirt.
    """
    _copy(source, target, {"train": train, "test": test})
    dirt = _Dirt(target, count=max(3, round(share * 6 * train)))
    dirt.leak()
    dirt.mislabel()
    dirt.alter("blurred", "glacier", lambda image: image.filter(ImageFilter.GaussianBlur(4)))
    dirt.alter("dark", "mountain", lambda image: ImageEnhance.Brightness(image).enhance(0.12))
    dirt.alter("blank", "sea", _placeholder, suffix=".gif")
    dirt.alter("tiny", "sea", lambda image: image.resize((24, 24)))
    dirt.alter("odd_aspect", "mountain", lambda image: image.resize((600, 120)))
    dirt.reencode()
    dirt.break_files()
    dirt.shift_class(keep=train // 4)
    return Planted(dirt.files)


class _Dirt:
    """Spoils other photos each time; the first of every class in alphabetical order stay clean."""

    def __init__(self, root: Path, count: int) -> None:
        self.root = root
        self.count = count
        self.files: dict[str, set[str]] = {}
        self._taken: dict[str, int] = {}

    def take(self, split: str, class_name: str) -> list[Path]:
        """The next photos of a folder that are still clean."""
        folder = self.root / split / class_name
        files = sorted(folder.glob("[0-9]*.jpg"), reverse=True)
        start = self._taken.get(str(folder), 0)
        self._taken[str(folder)] = start + self.count
        return files[start : start + self.count]

    def note(self, kind: str, *paths: Path) -> None:
        names = {path.relative_to(self.root).as_posix() for path in paths}
        self.files.setdefault(kind, set()).update(names)

    def leak(self) -> None:
        for file in self.take("train", "buildings"):
            copy = self.root / "test" / "buildings" / f"leak-{file.name}"
            shutil.copy(file, copy)
            self.note("leakage", file, copy)

    def mislabel(self) -> None:
        for file in self.take("train", "street"):
            copy = self.root / "train" / "buildings" / f"wrong-{file.name}"
            shutil.copy(file, copy)
            self.note("label_conflicts", file, copy)

    def reencode(self) -> None:
        for file in self.take("train", "glacier"):
            copy = self.root / "test" / "glacier" / f"again-{file.name}"
            with Image.open(file) as image:
                image.convert("RGB").resize((120, 120)).save(copy, quality=60)
            self.note("near_leakage", file, copy)

    def alter(self, kind: str, class_name: str, change, suffix: str = ".jpg") -> None:
        """Replaces photos; a GIF keeps its wrong name, as placeholders do."""
        for number, file in enumerate(self.take("train", class_name)):
            with Image.open(file) as image:
                changed = change(image.convert("RGB"))
            if suffix == ".gif":
                ImageDraw.Draw(changed).text(
                    (10 + number, 60), "photo unavailable", fill=(90, 90, 90)
                )
            buffer = io.BytesIO()
            changed.save(buffer, "GIF" if suffix == ".gif" else "JPEG")
            file.write_bytes(buffer.getvalue())
            self.note(kind, file)

    def break_files(self) -> None:
        truncated, text, empty, *_ = self.take("test", "street")
        truncated.write_bytes(truncated.read_bytes()[:1500])
        text.write_text("<html>404</html>")
        empty.write_bytes(b"")
        self.note("unreadable_files", truncated, text, empty)

    def shift_class(self, keep: int) -> None:
        for file in sorted((self.root / "train" / "forest").iterdir())[keep:]:
            file.unlink()


def _placeholder(image: Image.Image) -> Image.Image:
    return Image.new("RGB", image.size, (226, 226, 226))


def _copy(source: Path, target: Path, counts: dict[str, int]) -> None:
    for split, count in counts.items():
        for folder in sorted((source / split).iterdir()):
            place = target / split / folder.name
            place.mkdir(parents=True)
            for file in sorted(folder.glob("*.jpg"))[:count]:
                (place / file.name).write_bytes(file.read_bytes())
