"""Where the workers live that train the runs."""
