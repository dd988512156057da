"""The web side of Dropout Lab: who may talk, and what travels."""

__version__ = "0.1.0"
