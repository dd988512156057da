"""What networks learn from: data sets as tensors, and the mini-batch of each step."""
