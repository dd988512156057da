"""People around runs: a host, the students who join from their phones, and what all of them see."""
