"""Files that people upload, and what must come of each: words in an error, or what was found in a table that works."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Odd:
    """A file.

    Attributes:
        name: what is odd about it.
        data: its bytes, or its text in UTF-8.
        error: words of the error that it must lead to; () if it can be learnt from.
        finds: what must be found in the table: attributes of `trainer.tables.table.Table`.
        tells: words that must be told of it.
        label: the column that is asked for.
    """

    name: str
    data: bytes | str
    error: tuple[str, ...] = ()
    finds: dict[str, Any] = field(default_factory=dict)
    tells: tuple[str, ...] = ()
    label: str | None = None

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return self.data.encode() if isinstance(self.data, str) else self.data


def lines(
    count: int = 40, row: Callable[[int], str] = lambda k: f"{k % 7}.5,{k % 5},{'ab'[k % 2]}", header: str = "x,y,c"
) -> str:
    """A table of ``count`` rows below a line of names."""
    return "\n".join([header, *(row(k) for k in range(count))]) + "\n"


def number(count: int, at: int, cell: str) -> str:
    """A table whose row ``at`` has ``cell`` where the others have numbers, all different."""
    return lines(count, lambda k: f"{cell if k == at else k + 0.25},{k % 3},{'ab'[k % 2]}")


def archive() -> bytes:
    """A workbook as far as its first bytes go."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return held.getvalue()


GOOD = {"classes": ("a", "b"), "feature_names": ("x", "y"), "rows": 40, "label": "c"}
PLAIN = lines()
WORD_ROWS = (",".join(f"v{(k * (j + 3)) % 17}" for j in range(20)) + f",{'ab'[k % 2]}" for k in range(60))
NUMBER_ROWS = (",".join(f"{(k * (j + 3)) % 17}" for j in range(256)) + f",{'ab'[k % 2]}" for k in range(60))
TURNED = ("a", "b\u202e")
TEXTS = ("one, two", 'a ""quoted"" word', "two\nlines")
HALF = lines(40, lambda k: f"{k % 7},{k % 3},{'ab'[k % 2] if k < 20 else ''}")
_HEADLESS = PLAIN.split("\n", 1)[1]

REFUSED: Sequence[Odd] = (
    Odd("empty", b"", ("the file is empty",)),
    Odd("only blanks", b" \r\n \n\t ", ("the file is empty",)),
    Odd("only empty lines and cells", b"\n,,,\n,,,\n", ("no rows",)),
    Odd("only a byte order mark", codecs.BOM_UTF8 + b"\n", ("no rows",)),
    Odd("only names", b"x,y,c\n", ("0 rows below the names", "at least 30")),
    Odd("one row", b"1,2,a\n", ("1 row", "at least 30")),
    Odd("one word", b"hello", ("single column", "at least two")),
    Odd("29 rows", lines(29), ("29 rows below the names", "at least 30")),
    Odd("one column", b"x\n" + b"1\n2\n" * 30, ("single column", "commas")),
    Odd("one column of text", b"some text\nand more of it\n" * 30, ("single column",)),
    Odd("a million columns", b"1," * 1_000_000 + b"a\n", ("line 1", "1,000,001 columns", "at most 300")),
    Odd("301 columns", (",".join(["1"] * 300) + ",a\n") * 40, ("301 columns", "300")),
    Odd("over 5 MB", b"x,y,c\n" + b"1,2,a\n" * 1_000_000, ("6,000,006 bytes", "5,000,000")),
    Odd("50,001 rows", lines(50_001), ("50,000 rows",)),
    Odd("over a million cells", (",".join("1" * 299) + ",a\n") * 3600, ("1,000,000 cells", "line 3,335")),
    Odd(
        "a quote that never ends",
        b"x,y,c\n" + b"1,2,a\n" * 20 + b'"1,2,a\n' + b"1,2,a\n" * 20,
        ("line 22", "never closed"),
    ),
    Odd("a cell of 4 MB", b'"' + b"x" * 4_000_000 + b'",1\n', ("line 1", "131,072 letters", "not closed?")),
    Odd("text after a closing quote", PLAIN + '"5" inch,2,a\n', ("line 42", "closing quote")),
    Odd("a row too long", PLAIN + "1,2,3,a\n", ("line 42 has 4 cells", "line 1 has 3", "double quotes")),
    Odd("a row too short", PLAIN + "1,a\n", ("line 42 has 2 cells", "line 1 has 3")),
    Odd("a remark on top without its sign", "made by hand\n" + PLAIN, ("line 2 has 3 cells", "line 1 has 1;")),
    Odd("a zero byte", PLAIN + "1,\0,a\n", ("line 42", "zero byte")),
    Odd("random bytes", bytes((k * 7919 + k // 251) % 256 for k in range(5000)), ("",)),
    Odd("neither UTF-8 nor Windows-1252", PLAIN.encode() + b"1,2,\x81\n", ("line 42", "0x81", "UTF-8")),
    Odd("half a UTF-16 letter", PLAIN.encode("utf-16") + b"a", ("UTF-16",)),
    Odd("a workbook", archive(), ("Excel", "CSV")),
    Odd("an old workbook", b"\xd0\xcf\x11\xe0" + bytes(600), ("old Excel",)),
    Odd("a compressed file", gzip.compress(PLAIN.encode()), ("compressed",)),
    Odd("a PDF", b"%PDF-1.7\n" + b"x" * 400, ("a PDF",)),
    Odd("a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), ("a picture",)),
    Odd("one class", lines(40, lambda k: f"{k % 7},{k % 3},a"), ("'c'", "the same in every row", "'x'")),
    Odd("a label of no value", lines(40, lambda k: f"{k % 7},,"), ("2 to 20",), label="c"),
    Odd("21 classes", lines(63, lambda k: f"{k / 8},{k / 9},k{k % 21}"), ("21 different values", "2 to 20")),
    Odd(
        "a quantity as label",
        lines(40, lambda k: f"{k % 7},{k % 3},{k / 7}"),
        ("'c'", "40 different numbers", "quantity", "such as 'x', 'y'"),
    ),
    Odd(
        "nothing but quantities",
        lines(40, lambda k: f"{k / 3},{k / 5},{k / 7}"),
        ("quantity", "low, middle and high"),
    ),
    Odd("a label that is not there", PLAIN, ("no column 'species'", "x, y, c"), label="species"),
    Odd("only ids beside the label", lines(40, lambda k: f"{k},n{k},{'ab'[k % 2]}"), ("no column is left",)),
    Odd("constants beside the label", lines(40, lambda k: f"1,z,{'ab'[k % 2]}"), ("no column is left",)),
    Odd("a word among numbers", number(40, 20, "abc"), ("line 22", "'x'", "'abc'", "39 of the 40")),
    Odd("infinity", number(40, 3, "inf"), ("line 5", "'x'", "'inf'", "1e+100")),
    Odd("a number beyond all numbers", number(40, 3, "1e999"), ("line 5", "'x'", "'1e999'")),
    Odd("a number whose square is none", number(40, 3, "-1e200"), ("line 5", "'x'", "'-1e200'")),
    Odd("a label that is infinite", lines(40, lambda k: f"{k % 7},{k % 3},{k % 2 or 'inf'}"), ("is no label",)),
    Odd(
        "too many words for features",
        "\n".join(WORD_ROWS),
        ("323 numbers", "256"),
    ),
    Odd("labels of which few are there", HALF, ("only 20 have a label", "30")),
    Odd("a web page", b"<!doctype html>\n<html><body>404, not, found</body></html>\n", ("",)),
    Odd("JSON", b'[{"x": 1, "c": "a"},\n {"x": 2, "c": "b"}]\n', ("",)),
    Odd("nothing but separators", b"," * 5_000_000, ("5,000,001 columns",)),
    Odd("nothing but line ends", b"\n" * 4_999_990 + b"a,b", ("4,999,990 lines", "500,000")),
    Odd("empty lines above the table", "\n" * 500_000 + PLAIN, ("500,041 lines", "500,000")),
    Odd("comments without end", "#\n" * 400_000 + PLAIN, ("more than 10,000 lines of comments", "#")),
    Odd("nothing but quotes", b'"' * 5_000_000, ("line 1", "not closed?")),
    Odd("a million quotes", b'"a\n' * 500_000, ("line 1", "closing quote")),
    Odd("one number of 5 MB", b"1" * 5_000_000, ("131,072 letters",)),
    Odd("40,000 near numbers", (b"1" * 40 + b"x,2\n") * 40_000, ("",)),
    Odd("digits without end", b"1" * 100_000 + b"x,2\n" + b"1,2\n" * 40, ("",), label="column 1"),
)

USABLE: Sequence[Odd] = (
    Odd("an ordinary one", PLAIN, finds=GOOD, tells=("The first line names the columns.", "UTF-8")),
    Odd(
        "a remark on top",
        "# made by hand\n" + PLAIN,
        finds={**GOOD, "skipped": 1},
        tells=("1 line above the table begins with # and was skipped as a comment: “# made by hand”",),
    ),
    Odd(
        "remarks on top, with quotes, commas and empty lines",
        '# a "remark, by x, of y\r\n\r\n#\r\n' + PLAIN.replace("\n", "\r\n"),
        finds={**GOOD, "skipped": 3},
        tells=("2 lines above the table begin with #",),
    ),
    Odd("names behind a #, as NumPy writes them", "# made\n# " + PLAIN, finds={**GOOD, "skipped": 1}),
    Odd("a first name with a #", "#" + PLAIN, finds={**GOOD, "skipped": 0}),
    Odd("a first name that is #", lines(header="#,y,c"), finds={"feature_names": ("#", "y")}),
    Odd("a remark as wide as the table", "# by me, of 2020, in Rome\n" + PLAIN, finds={**GOOD, "skipped": 1}),
    Odd("a row behind a # above the names", "#0.5,1,a\n" + PLAIN, finds={**GOOD, "skipped": 1}),
    Odd(
        "colours that begin with #",
        "".join(f"#{k % 3}f,{k % 7},{'ab'[k % 2]}\n" for k in range(40)),
        finds={"rows": 40, "skipped": 0, "named": False},
    ),
    Odd(
        "leading zeros in the label",
        lines(40, lambda k: f"{k % 7},{k % 3},{('01', '1', '001', '2')[k % 4]}"),
        finds={"classes": ("001", "01", "1", "2"), "class_counts": (10, 10, 10, 10)},
        tells=("they are codes and no numbers, because '01' begins with 0",),
    ),
    Odd(
        "leading zeros in a feature",
        lines(40, lambda k: f"0{k % 3},{k % 3},{'ab'[k % 2]}"),
        finds={"feature_names": ("x = 00", "x = 01", "x = 02", "y")},
        tells=("because '00' begins with 0",),
    ),
    Odd("zeros before a decimal point", lines(40, lambda k: f"0{k % 7}.5,{k % 5},{'ab'[k % 2]}"), finds=GOOD),
    Odd(
        "zip codes",
        lines(80, lambda k: f"{10115 + k},{k % 3},{'ab'[k % 2]}", "zip,y,c").replace("10130", "10131"),
        finds={"feature_names": ("y",)},
        tells=("it has codes and no numbers, because the column is called 'zip', and another one in nearly every row",),
    ),
    Odd(
        "Namibia among the countries",
        lines(60, lambda k: f"{k % 7},{k % 3},{('NA', 'DE', 'US')[k % 3]}"),
        finds={"classes": ("DE", "NA", "US"), "rows": 60},
        tells=("In c “NA” (20×) is taken as a value, since the others are codes of two capitals",),
    ),
    Odd(
        "NA among words",
        lines(60, lambda k: f"{k % 7},{k % 3},{('NA', 'Germany', 'Peru')[k % 3]}"),
        finds={"classes": ("Germany", "Peru"), "rows": 40},
        tells=("20 rows without a label were left out; taken as no label: “NA” 20×.", "taken as missing: “NA” 20×"),
    ),
    Odd(
        "Yes and yes",
        lines(40, lambda k: f"{k % 7},{('A', 'a')[k % 2]},{('Yes', 'yes', 'no')[k % 3]}"),
        finds={"classes": ("Yes", "no", "yes")},
        tells=("'Yes' 14× and 'yes' 13× differ only in capitals", "'A' 20× and 'a' 20× differ only in capitals"),
    ),
    Odd(
        "what cannot be seen",
        lines(40, lambda k: f"{k % 7}\u200b,{k % 3},{TURNED[k % 2]}", "x\ufeff,y,c\x1b"),
        finds={**GOOD, "classes": ("a", "b"), "cleaned": 62},
        tells=("In 62 cells characters that cannot be seen were left out",),
    ),
    Odd("a name in two lines", lines(header='"x\n1",y,c'), finds={"feature_names": ("x 1", "y")}, tells=("In 1 name",)),
    Odd(
        "classes that are alike when they are short",
        lines(40, lambda k: f"{k % 7},{k % 3},{'x' * 50}{k % 2}"),
        finds={"classes": ("x" * 39 + "…", "x" * 39 + "… (2)")},
    ),
    Odd("30 rows", lines(30), finds={"rows": 30}, tells=("20 may be trained on, and 10 judge",)),
    Odd("no names", _HEADLESS, finds={"rows": 40, "label": "column 3"}, tells=("already holds values",)),
    Odd("a UTF-8 byte order mark", codecs.BOM_UTF8 + PLAIN.encode(), finds=GOOD),
    Odd("UTF-16 of Windows", PLAIN.encode("utf-16"), finds=GOOD, tells=("UTF-16",)),
    Odd("UTF-16, the other end first", codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), finds=GOOD, tells=("UTF-16",)),
    Odd("UTF-16 without a mark", PLAIN.encode("utf-16-le"), finds={**GOOD, "charset": "utf-16-le"}, tells=("UTF-16",)),
    Odd(
        "UTF-16 without a mark, the other end first",
        PLAIN.encode("utf-16-be"),
        finds={**GOOD, "charset": "utf-16-be"},
        tells=("UTF-16",),
    ),
    Odd("UTF-16 and a comment", ("# by me\r\n" + PLAIN).encode("utf-16"), finds={**GOOD, "skipped": 1}),
    Odd("UTF-16, a comment and lines of old Macs", ("# me\r" + PLAIN.replace("\n", "\r")).encode("utf-16"), finds=GOOD),
    Odd("a comment and lines of old Macs", "# me\r" + PLAIN.replace("\n", "\r"), finds={**GOOD, "skipped": 1}),
    Odd(
        "Windows-1252",
        lines(40, lambda k: f"{k % 7},{k % 3},{('süß', 'sauer')[k % 2]}").encode("cp1252"),
        finds={"classes": ("sauer", "süß")},
        tells=("Windows-1252",),
    ),
    Odd("lines of Windows", PLAIN.replace("\n", "\r\n"), finds=GOOD),
    Odd("lines of old Macs", PLAIN.replace("\n", "\r"), finds=GOOD),
    Odd("empty lines at the end", PLAIN + "\n\n,,\n \n", finds=GOOD),
    Odd("empty lines between", PLAIN.replace("\n", "\n\n"), finds=GOOD),
    Odd("no line end at the end", PLAIN.rstrip(), finds=GOOD),
    Odd("tabs", PLAIN.replace(",", "\t"), finds=GOOD, tells=("tabs",)),
    Odd("bars", PLAIN.replace(",", "|"), finds=GOOD, tells=("bars",)),
    Odd("semicolons", PLAIN.replace(",", ";"), finds=GOOD, tells=("semicolons",)),
    Odd(
        "semicolons and decimal commas",
        PLAIN.replace(",", ";").replace(".", ","),
        finds=GOOD,
        tells=("a number from 0.5 to 6.5",),
    ),
    Odd(
        "thousands with dots",
        lines(40, lambda k: f"{k % 7}.250,5;{k % 5};{'ab'[k % 2]}", "x;y;c"),
        finds=GOOD,
        tells=("a number from 250.5 to 6250.5",),
    ),
    Odd(
        "thousands with commas",
        lines(40, lambda k: f'"{k % 7 + 1},250.5",{k % 5},{"ab"[k % 2]}'),
        finds=GOOD,
        tells=("a number from 1250.5 to 7250.5",),
    ),
    Odd("what Excel says of its separator", b"sep=;\r\n" + PLAIN.replace(",", ";").encode(), finds=GOOD),
    Odd("spaces around everything", PLAIN.replace(",", " , "), finds=GOOD),
    Odd("quotes around everything", lines(40, lambda k: f'"{k}.5","{k % 5}","{"ab"[k % 2]}"'), finds=GOOD),
    Odd(
        "separators, quotes and line ends in quotes",
        lines(42, lambda k: f'{k % 7},"{TEXTS[k % 3]}",{"ab"[k % 2]}'),
        finds={"feature_names": ("x", 'y = a "quoted" word', "y = one, two", "y = two lines"), "rows": 42},
    ),
    Odd("names twice", lines(header="x,x,c"), finds={"feature_names": ("x", "x (2)")}),
    Odd("names that are empty", lines(header=",,"), finds={"label": "column 3", "rows": 40}),
    Odd("a name of a thousand letters", lines(header="x" * 1000 + ",y,c"), finds={"rows": 40}),
    Odd(
        "only words",
        lines(
            40, lambda k: f"{('red', 'blue')[k % 2]},{('big', 'small')[k % 3 == 0]},{'ab'[k % 2]}", "colour,size,kind"
        ),
        finds={"label": "kind", "rows": 40},
        tells=("2 of words",),
    ),
    Odd(
        "only words and no names",
        "".join(f"{('red', 'blue')[k % 2]},{'ab'[k % 2]}\n" for k in range(40)),
        finds={"label": "column 2", "rows": 40},
    ),
    Odd("numbers as label", lines(40, lambda k: f"{k % 7},{k % 3},{k % 2}.0"), finds={"classes": ("0", "1")}),
    Odd(
        "plus and minus as label", lines(40, lambda k: f"{k % 7},{k % 3},{'+-'[k % 2]}"), finds={"classes": ("+", "-")}
    ),
    Odd(
        "the first column as label",
        lines(40, lambda k: f"{'ab'[k % 2]},{k % 7},{k % 3}"),
        finds={"label": "x", "feature_names": ("y", "c")},
        label="x",
    ),
    Odd("a label in other letters", PLAIN, finds=GOOD, label=" C "),
    Odd(
        "NaN and its kin",
        lines(
            40, lambda k: f"{('NaN', 'NA', '?', '', 'null')[k % 5] if k % 4 == 0 else k + 0.5},{k % 3},{'ab'[k % 2]}"
        ),
        finds=GOOD,
        tells=("10 missing ones are replaced by the median",),
    ),
    Odd(
        "missing words",
        lines(40, lambda k: f"{('', 'red', 'blue')[k % 3]},{k % 7},{'ab'[k % 2]}"),
        finds={"feature_names": ("x = blue", "x = red", "x is missing", "y")},
        tells=("14 missing ones count",),
    ),
    Odd(
        "missing labels",
        lines(45, lambda k: f"{k % 7},{k % 3},{'ab'[k % 2] if k >= 5 else 'NA'}"),
        finds={"rows": 40},
        tells=("5 rows without a label were left out; taken as no label: “NA” 5×.",),
    ),
    Odd(
        "a class of one",
        lines(40, lambda k: f"{k % 7},{k % 3},{'z' if k == 9 else 'ab'[k % 2]}"),
        finds={"class_counts": (20, 19, 1)},
        tells=("z has a single example",),
    ),
    Odd(
        "nearly one class",
        lines(50, lambda k: f"{k % 7},{k % 3},{'b' if k % 10 == 0 else 'a'}"),
        finds={"class_counts": (45, 5)},
        tells=("Always answering a is right 90%",),
    ),
    Odd(
        "a column of ids",
        lines(40, lambda k: f"{k + 1},{k % 3},{'ab'[k % 2]}", "id,y,c"),
        finds={"feature_names": ("y",)},
        tells=("it numbers the rows",),
    ),
    Odd(
        "a column of free text",
        lines(40, lambda k: f"note {k},{k % 3},{'ab'[k % 2]}"),
        finds={"feature_names": ("y",)},
        tells=("another text in nearly every row",),
    ),
    Odd(
        "a constant column",
        lines(40, lambda k: f"7,{k % 3},{'ab'[k % 2]}"),
        finds={"feature_names": ("y",)},
        tells=("it is '7' in every row",),
    ),
    Odd(
        "an empty column",
        lines(40, lambda k: f",{k % 3},{'ab'[k % 2]}"),
        finds={"feature_names": ("y",)},
        tells=("it is empty",),
    ),
    Odd("an empty last column", PLAIN.replace("\n", ",\n"), finds={"label": "c", "feature_names": ("x", "y")}),
    Odd(
        "25 different words",
        lines(100, lambda k: f"v{k % 25},{k % 3},{'ab'[k % 2]}"),
        finds={"rows": 100},
        tells=("25 different values: the 19 most frequent", "the 6 others"),
    ),
    Odd("numbers as large as there are", lines(40, lambda k: f"{k % 7}e99,{k % 3},{'ab'[k % 2]}"), finds=GOOD),
    Odd("numbers as small as there are", lines(40, lambda k: f"{k % 7}e-300,{k % 3},{'ab'[k % 2]}"), finds=GOOD),
    Odd("a number that is known once", number(40, 3, "").replace("0.25", "0.5"), finds=GOOD),
    Odd(
        "50,000 rows",
        lines(50_000),
        finds={"rows": 50_000},
        tells=("2,000 are drawn at random", "1,000 may be trained on, and 1,000 judge"),
    ),
    Odd("256 numbers", "\n".join(NUMBER_ROWS), finds={"rows": 60}),
    Odd(
        "names and classes in all scripts",
        lines(40, lambda k: f"{k % 7},{k % 3},{('猫', '🐶')[k % 2]}", "高さ,ширина,動物"),
        finds={"classes": ("猫", "🐶"), "label": "動物"},
    ),
    Odd(
        "markup",
        lines(40, lambda k: f"{k % 7},{k % 3},{('<b>x</b>', '</script>')[k % 2]}"),
        finds={"classes": ("</script>", "<b>x</b>")},
    ),
)

ODD_FILES = (*REFUSED, *USABLE)
