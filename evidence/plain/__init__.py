"""The experiments in plain `torch.nn`: a reference to hold the lab against, which anyone can read and run again.

It takes the lab's examples, split and labels of each seed, and nothing else of the trainer: initial weights are those
that `torch.nn` makes, masks those of `torch.nn.Dropout`, mini-batches a permutation of its own, and each network is
trained by itself. ``python -m evidence.plain --presets rate --seeds 3`` prints what comes of it.
"""
