"""A copy of the checkout is its own, what is added to it is counted, and an anchor that does not fit is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extending.harness import ROOT, Addition, Checkout, Edit


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


def addition(folder: Path, *edits: Edit, **files: str) -> Addition:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return Addition("some", folder, edits)


def test_a_fresh_copy_is_the_checkout_and_nothing_that_was_installed(tmp_path: Path) -> None:
    copy = Checkout(tmp_path)
    assert copy.changed() == set()
    assert (copy.root / "trainer" / "errors.py").read_bytes() == (ROOT / "trainer" / "errors.py").read_bytes()
    assert not {".venv", ".git", "node_modules"} & {path.name for path in copy.root.iterdir()}


def test_python_in_the_copy_imports_the_copy_and_not_the_checkout(copy: Checkout) -> None:
    said = copy.python("-c", "import trainer.errors, app.settings; print(trainer.errors.__file__)")
    assert Path(said.strip()).is_relative_to(copy.root)


def test_what_is_added_is_there_and_counted_and_the_checkout_stays(tmp_path: Path) -> None:
    copy = Checkout(tmp_path / "copy")
    (tmp_path / "files").mkdir()
    edit = Edit(
        "trainer/errors.py", "from __future__ import annotations\n", "from __future__ import annotations  # !\n"
    )
    before = (ROOT / "trainer" / "errors.py").read_bytes()
    own = addition(tmp_path / "files", edit, brand_new="VALUE = 1\n")
    copy.apply(own)
    assert copy.changed() == {"trainer/errors.py", "brand_new.py"} == {*own.touched}
    assert copy.python("-c", "import brand_new; print(brand_new.VALUE)") == "1\n"
    assert (ROOT / "trainer" / "errors.py").read_bytes() == before


@pytest.mark.parametrize(("anchor", "count"), [("no such text", 0), ("class ", 2)])
def test_an_anchor_that_does_not_stand_in_its_file_once_is_refused(copy: Checkout, anchor: str, count: int) -> None:
    text = "class A: ...\nclass B: ...\n"
    (copy.root / "spare.py").write_text(text)
    with pytest.raises(ValueError, match=f"stands there {count} times"):
        copy.apply(Addition("some", copy.root / "none", (Edit("spare.py", anchor, "x"),)))
    assert (copy.root / "spare.py").read_text() == text


def test_a_new_file_never_takes_the_place_of_one_that_is_there(copy: Checkout, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("")
    with pytest.raises(FileExistsError, match="README"):
        copy.apply(addition(tmp_path))


def test_python_that_fails_in_the_copy_fails_the_test_with_what_it_said(copy: Checkout) -> None:
    with pytest.raises(AssertionError, match="nothing of the kind"):
        copy.python("-c", "raise SystemExit('nothing of the kind')")
