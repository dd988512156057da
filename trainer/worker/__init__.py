"""One worker: ``python -m trainer.worker``, which trains many runs in turn and tells the app what happens in them."""
