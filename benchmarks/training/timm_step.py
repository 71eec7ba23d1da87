"""PyTorch's side of the comparison, run by an interpreter that has torch and timm: `PYTHON timm_step.py SIDE BATCH`.

Every line on standard input is a number of training steps to run; every line of output says that they are done, and the
CPU seconds that they took. Same network (timm's mobilenetv3_small_075), AdamW, label smoothing, channels_last.
"""

from __future__ import annotations

import sys
import time
from typing import Any

CLASSES = 6


def main() -> None:
    """Serves steps until standard input ends."""
    train = make_step(int(sys.argv[1]), int(sys.argv[2]))
    for line in sys.stdin:
        started = time.process_time()
        for _ in range(int(line)):
            train()
        sys.stdout.write(f"{time.process_time() - started}\n")
        sys.stdout.flush()


def make_step(side: int, batch: int) -> Any:
    """A function that trains on one batch and returns the loss."""
    import timm
    import torch

    model = timm.create_model("mobilenetv3_small_075", pretrained=False, num_classes=CLASSES)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-4)
    images = torch.rand(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (batch,))

    def train() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return train


if __name__ == "__main__":
    main()
