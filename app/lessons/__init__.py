"""What the lab teaches in words: its glossary."""
