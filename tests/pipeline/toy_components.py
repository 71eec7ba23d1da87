"""Components of a few lines, for tests of the runner.

TFX's `@component` reads real annotations, so none are deferred.
"""

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExternalArtifact

from trainer.errors import UserError


@component
def Decide(  # noqa: N802
    decision: OutputArtifact[ExternalArtifact], go: Parameter[int], why: Parameter[str]
):
    decision.set_int_custom_property("retrain", go)
    decision.set_string_custom_property("reason", why)


@component
def Work(made: OutputArtifact[ExternalArtifact], fail: Parameter[int]):  # noqa: N802
    if fail:
        raise UserError("no more paint", fix="buy paint")
    made.set_int_custom_property("answer", 42)
