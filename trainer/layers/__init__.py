"""Layers that hold all lanes of a run at once, with a leading lane dimension."""
