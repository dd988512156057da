"""What teaches: lessons, short steps on the lab's own page, and the glossary; both read from ``lessons/``."""
