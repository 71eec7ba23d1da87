"""Every kind of finding: what it is, what is counted, what to do about it. docs/data-gate.md is the same in prose."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Attributes:
      title: what it is, for a table.
      unit: what is counted and compared with the limits.
      fix: what to do, in the imperative.
    """

    title: str
    unit: str
    fix: str


KINDS = {
    "leakage": Kind(
        "same image in two splits",
        "images outside train",
        "delete the copies outside train; what training saw cannot test it",
    ),
    "label_conflicts": Kind(
        "same image under two labels",
        "images",
        "keep the copy in the right class, delete the others",
    ),
    "near_leakage": Kind(
        "near duplicate in two splits",
        "images outside train",
        "move each group into one split, or delete the copies outside train",
    ),
    "near_label_conflicts": Kind(
        "near duplicates under two labels", "images", "look at each group and give it one label"
    ),
    "exact_duplicates": Kind("exact duplicates", "images", "delete all but one of each group"),
    "near_duplicates": Kind(
        "near duplicates", "images", "delete all but one, or leave them: a split holds them all"
    ),
    "unreadable_files": Kind("files that cannot be read", "files", "replace or delete them"),
    "too_few_images": Kind(
        "classes with too few images", "classes", "add images, or merge or drop the class"
    ),
    "class_not_in_train": Kind(
        "classes without training images", "classes", "add images of the class to train"
    ),
    "class_not_in_split": Kind(
        "classes missing in val or test", "classes", "add images, or the class is not evaluated"
    ),
    "class_imbalance": Kind(
        "classes far smaller than the largest", "classes", "add images or weight the classes"
    ),
    "new_class": Kind(
        "classes unknown to the model in service",
        "classes",
        "check that the folder is meant to be a class",
    ),
    "vanished_class": Kind(
        "classes of the model in service that are gone",
        "classes",
        "bring the folder back, or set gate.policies.vanished_class: warn once",
    ),
    "blank": Kind("blank images and placeholders", "images", "delete them"),
    "tiny": Kind("tiny images", "images", "replace them by larger ones or delete them"),
    "blurred": Kind(
        "blurred images", "images", "look at them; delete what a person could not label"
    ),
    "dark": Kind("dark images", "images", "look at them; delete what a person could not label"),
    "over_exposed": Kind(
        "over-exposed images", "images", "look at them; delete what a person could not label"
    ),
    "odd_aspect": Kind("images of odd shape", "images", "crop them to the subject, or delete them"),
    "schema_anomalies": Kind(
        "statistics that break the schema",
        "features",
        "compare with `imagemill schema diff`; if the data is right, `imagemill schema accept`",
    ),
    "feature_drift": Kind(
        "features drifted from the data of the model in service",
        "features",
        "check the camera and the source; raise gate.drift limits if the change is meant",
    ),
    "class_drift": Kind(
        "classes whose images changed since the model in service",
        "classes",
        "look at the newest images of the class; the folder may have been filled from another source",
    ),
    "label_drift": Kind(
        "share of classes shifted from the data of the model in service",
        "comparisons",
        "check that no class is missing images",
    ),
    "feature_skew": Kind(
        "features that differ between splits",
        "features",
        "split at random, or check how the splits were made",
    ),
    "label_skew": Kind(
        "share of classes differs between splits",
        "splits",
        "split stratified by class, or check the folders",
    ),
}
