"""What is said of a lesson that cannot be read."""

from __future__ import annotations


class LessonError(ValueError):
    """A lesson says something that the lab does not understand; the message says where, and what is allowed."""
