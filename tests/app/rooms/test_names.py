"""Names and codes."""

from __future__ import annotations

from collections import Counter

import pytest

from app.rooms.codes import ALPHABET, LENGTH, WRONG_PER_MINUTE, new_code, read_code
from app.rooms.names import LONGEST, likeness, read_name, unique
from trainer.errors import KnobError


@pytest.mark.parametrize("given", ["Ada", "  Ada  ", "Ada\u00a0", "A  d a"])
def test_blanks_at_the_ends_of_a_name_are_left_out_and_runs_become_one(given: str) -> None:
    assert read_name(given) == " ".join(given.split())


@pytest.mark.parametrize(
    "given",
    [
        *("", "   ", None, 7, ["Ada"], "x" * (LONGEST + 1), "A\nB", "A\u202eB", "A\u200bB", "\x1b[31mA", "\ud800"),
        *("e" + "\u0301" * 9, "A\u2066B", "x" * 10_000_000),
    ],
    ids=lambda given: repr(given)[:20],
)
def test_what_is_no_name_is_refused_and_quoted_in_short(given: object) -> None:
    with pytest.raises(KnobError, match="name = ") as raised:
        read_name(given)
    assert len(str(raised.value)) < 300


def test_markup_is_a_name_like_any_other() -> None:
    assert read_name("<b>Ada</b>") == "<b>Ada</b>"


def test_the_second_of_a_name_gets_a_number_and_so_do_those_that_look_like_it() -> None:
    taken: set[str] = set()
    names = []
    for wanted in ("Ada", "ada", "ＡＤＡ", "Ada 2", "Ada"):
        names.append(unique(wanted, taken))
        taken.add(likeness(names[-1]))
    assert names == ["Ada", "ada 2", "ＡＤＡ 3", "Ada 2 2", "Ada 4"]


def test_a_long_name_with_a_number_is_no_longer_than_any() -> None:
    long = "x" * LONGEST
    assert unique(long, {long}) == "x" * (LONGEST - 2) + " 2"


def test_codes_have_only_letters_that_are_taken_for_no_other() -> None:
    assert not set(ALPHABET) & set("01OIL")
    assert len(ALPHABET) == len(set(ALPHABET)) == 31
    assert all(len(new_code()) == LENGTH and read_code(new_code()) for _ in range(100))


def test_each_letter_of_a_code_is_as_likely() -> None:
    # 6,000 codes are 36,000 letters, 1,161.3 of each in the mean; 6 standard deviations of a binomial are 201.
    counts = Counter("".join(new_code() for _ in range(6000)))
    assert set(counts) == set(ALPHABET)
    assert max(abs(count - 36_000 / 31) for count in counts.values()) < 201


@pytest.mark.parametrize(
    ("typed", "read"), [("k7qx3m", "K7QX3M"), (" k7q-x3m ", "K7QX3M"), ("K7QX3", None), ("K7QX30", None)]
)
def test_a_code_is_read_whatever_its_case_and_blanks(typed: str, read: str | None) -> None:
    assert read_code(typed) == read


def test_a_code_cannot_be_guessed_in_a_lesson() -> None:
    tries = WRONG_PER_MINUTE * 91  # as many at once as flow in a minute, and 90 minutes
    assert tries == 2730
    assert 31**LENGTH / (tries * 100) > 3000  # of a hundred rooms one is found by one attacker in so many
