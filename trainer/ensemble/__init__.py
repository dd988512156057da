"""Thinned sub-networks, their votes, and their averages."""
