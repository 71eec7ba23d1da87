"""The whole job as one object: typed config, `create_pipeline`, the local runner.

from pipeline.config import load_config
from pipeline.local import run_locally

result = run_locally(load_config("scenes.yaml"))
"""
