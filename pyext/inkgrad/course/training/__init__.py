"""Training: one class, one job.

- ``trainer`` trains a model, with the steps of ``steps`` (or of ``data_parallel``);
- ``run`` does so in the background, where it can be paused, resumed and stopped;
- ``run_record`` is what is kept of a run, ``run_store`` where, with ``checkpoints`` and
  ``confusion_images``;
- ``saved_run`` opens a stored run again;
- ``run_status`` is what pages and the API show of either;
- ``onnx_export`` and ``script_export`` turn a run into files for other programs.

Imports ``data`` and ``recognition``, and is imported by ``lessons`` and ``commands``.
"""
