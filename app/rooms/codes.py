"""Join codes: short enough to be read off a projector, too many to be guessed in a lesson."""

from __future__ import annotations

import secrets
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Digits and capital letters without those that are taken for another: 0 and O, 1, I and L."""
LENGTH: Final = 6
WRONG_PER_MINUTE: Final = 30
"""Wrong codes of one address. In 90 minutes that is 2,730 tries; with 100 rooms among 31⁶ = 887,503,681 codes, one
attacker in 3,250 finds one."""


def new_code() -> str:
    """Return a code, each of them as likely."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_code(text: str) -> str | None:
    """Return the code that somebody typed, whatever its case and blanks; None: it can be none.

    Args:
        text: what was typed; hyphens and blanks in it count for nothing.
    """
    code = "".join(letter for letter in text[:64].upper() if letter not in " -\u00a0")
    return code if len(code) == LENGTH and all(letter in ALPHABET for letter in code) else None
