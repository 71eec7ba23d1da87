"""Names of classes in the config, checked against the classes that there are before anything is loaded.

refuse_unknown_classes(config, listing.class_names)
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pipeline.config import Config
from trainer.errors import UserError


def refuse_unknown_classes(config: Config, class_names: Sequence[str]) -> None:
    """A floor for a class that is not there would never be looked at.

    Raises:
      UserError: `evaluate.class_floors` names one; says which was probably meant.
    """
    for name in config.evaluate.class_floors:
        if name not in class_names:
            close = difflib.get_close_matches(name, class_names, n=1)
            known = ", ".join(class_names[:20]) + (", ..." if len(class_names) > 20 else "")
            hint = f"did you mean {close[0]!r}?" if close else f"classes: {known}"
            raise UserError(
                f"evaluate.class_floors names the class {name!r}, which is not in the data; {hint}",
                fix="correct the name; it is the name of the class's folder",
            )
