"""TFX components of ours, one folder each: `config` (settings), `component` (spec), `executor` (work)."""
