"""What a training step is made of: settings, input, augmentation, model, loop and export.

The lowest room of the house: it imports nothing of ours. `trainer.run.run_fn` is what the TFX Trainer calls.
"""
