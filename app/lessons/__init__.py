"""Lessons: short steps on the lab's own page, read from ``lessons/``, with what each waits for and asks."""
