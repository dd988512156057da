"""Models of other programs that are watched: what they send, who looks, and what is said to them (docs/watching.md)."""
