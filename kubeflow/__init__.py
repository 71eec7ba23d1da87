"""The same pipeline on open-source Kubeflow Pipelines v2.

TFX compiles it (`KubeflowV2DagRunner`), a pass over the document puts right what open-source KFP does differently, and
in the container an entrypoint of ours stands where TFX's would.
"""
