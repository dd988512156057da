"""Broken and hostile input: what is made of valid messages and files, and what must come of it."""
