"""Measurements side by side with a plain PyTorch loop, in one process run each: ``make bench``."""
