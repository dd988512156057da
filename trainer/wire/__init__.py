"""How things travel between processes and to the page: frames, the stream of messages, JSON. Imports no torch."""
