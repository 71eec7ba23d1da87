"""Where the model looked: Grad-CAM (arXiv 1610.02391) on the exported SavedModel, without its source.

    looker = Looker(saved_model_dir)
    heat = looker([photo_bytes])          # float32 [N, h, w] in 0..1

The feature map is what the last global average (a `Mean` over a rank-4 tensor) before the softmax takes in. The weights
are read as constants, so any head of differentiable operations works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

_WARM = np.array([255.0, 96.0, 16.0])
_STRENGTH = 0.65


class NoFeatureMapError(ValueError):
    """The model has no global average before its softmax, so there is nothing to look at."""


class Frozen(NamedTuple):
    """A SavedModel's graph with its weights as constants, and the tensors in it that matter."""

    wrapped: Any
    feed: Any
    logits: Any
    features: Any


def frozen(saved_model: str) -> Frozen:
    """Opens the graph of `serving_default`.

    Raises:
      NoFeatureMapError: the graph is not of the expected shape.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = tf.saved_model.load(saved_model)  # the signature does not keep its variables alive
    constant = convert_variables_to_constants_v2(
        model.signatures["serving_default"], lower_control_flow=False
    )
    graph_def = constant.graph.as_graph_def()
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.import_graph_def(graph_def, name=""), signature=[]
    )
    feed = wrapped.graph.get_tensor_by_name(constant.inputs[0].name)
    return Frozen(wrapped, feed, *_logits_and_features(wrapped.graph))


class Looker:
    """Grad-CAM of the answer, for encoded images.

    Raises:
      NoFeatureMapError: the graph is not of the expected shape.
    """

    def __init__(self, saved_model: str) -> None:
        import tensorflow as tf

        model = frozen(saved_model)
        with model.wrapped.graph.as_default():
            [gradient] = tf.gradients(tf.reduce_max(model.logits, -1), model.features)
            weights = tf.reduce_mean(gradient, [1, 2], keepdims=True)
            heat = tf.nn.relu(tf.reduce_sum(weights * model.features, -1))
        self._run = model.wrapped.prune(model.feed, heat)
        self._constant = tf.constant

    def __call__(self, images: Sequence[bytes]) -> npt.NDArray[np.float32]:
        """Heat, float32 [N, h, w]; the hottest place of each image is 1."""
        heat = self._run(self._constant(list(images))).numpy()
        peak = heat.max((1, 2), keepdims=True)
        return np.asarray(heat / np.where(peak > 0, peak, 1), np.float32)


def overlay(pixels: npt.NDArray[np.uint8], heat: npt.NDArray[np.float32]) -> Image.Image:
    """Pixels [H, W, 3], grey where the model did not look and warm where it did."""
    size = (pixels.shape[1], pixels.shape[0])
    spread = Image.fromarray((heat * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    share = np.asarray(spread, np.float64)[..., None] / 255
    grey = pixels.mean(-1, keepdims=True).repeat(3, -1)
    faded = grey * (1 - share) + pixels * share
    mixed = faded * (1 - _STRENGTH * share) + _WARM * _STRENGTH * share
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def _logits_and_features(graph: Any) -> tuple[Any, Any]:
    softmaxes = [op for op in graph.get_operations() if op.type == "Softmax"]
    if not softmaxes:
        raise NoFeatureMapError("the model has no softmax")
    logits = softmaxes[-1].inputs[0]
    queue, seen = deque([logits.op]), set()
    while queue:
        op = queue.popleft()
        if op.type == "Mean" and op.inputs[0].shape.rank == 4:
            return logits, op.inputs[0]
        for tensor in op.inputs:
            if tensor.op.name not in seen:
                seen.add(tensor.op.name)
                queue.append(tensor.op)
    raise NoFeatureMapError("the model has no global average before its softmax")
