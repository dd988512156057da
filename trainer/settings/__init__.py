"""What can be set of a run and of its networks, what follows from it, and what may be asked for. Imports no torch."""
