"""Rooms: a class around its runs. Who is in it, what they look at, and who may turn which knob; nothing here trains."""
