"""The same pipeline object on open-source Kubeflow Pipelines v2."""
