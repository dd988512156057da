"""What outlives the server: runs, their changes and checkpoints, and the tables that they learn from."""
