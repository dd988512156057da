"""How a run trains: gradients, updates, steps recorded as graphs, early stopping, judging, and what is left behind."""
