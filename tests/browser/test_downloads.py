"""What is taken away: numbers as CSV, pictures as PNG, and a whole run as a report that needs nothing else."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import struct
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pretend import Pretend
from tests.browser.servers import ROOT
from tests.browser.static import PLOTLY
from tests.browser.world import build

pytestmark = pytest.mark.timeout(300)
HOSTILE: Final = """</script><img src=x onerror="window.hacked = true"> & 'x' "y" =1"""
FEED: Final = """async () => {
  const { appendRow } = await import("/static/js/state/columns.js");
  const { store } = window.dropoutLab;
  const { losses, scores } = store.state;
  for (const step of [0, 25, 50]) {
    const both = (a, b) => [a / (1 + step), b / (1 + step)];
    appendRow(scores, step, { train_loss: both(2, 2), val_loss: both(2, 3), train_accuracy: [0.5, 0.25],
                              val_accuracy: [0.5, Number.NaN] });
  }
  for (const step of [1, 2, 3]) appendRow(losses, step, { loss: [1 / step, 2 / step] });
  store.update("scores");
  store.update("steps");
}"""


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """The page on a server that pretends, with the real Plotly."""
    page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => "
        f"{{ document.body.dataset.plotlyUrl = {json.dumps(PLOTLY)}; }});"
    )
    return Pretend(page, static_url)


def taken(page: Page, panel: str, form: str) -> tuple[str, bytes]:
    """Press a panel's button; the name and the bytes of the file that comes."""
    with page.expect_download() as download:
        page.locator(f"[data-of={panel}][data-panel-do={form}]").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def in_module(page: Page, module: str, expression: str, argument: Any = None) -> Any:
    return page.evaluate(
        f"async (given) => {{ const m = await import('/static/js/{module}.js'); return {expression}; }}", argument
    )


# CSV


def test_a_table_survives_the_way_through_csv(module_page: Page) -> None:
    names = ["plain", 'with "quotes"', "with, comma", "with\nline", "ú − p", ""]
    written = in_module(
        module_page,
        "base/download",
        "m.csv(given)",
        {"name": "t", "columns": ["name", "value"], "rows": [[n, 1] for n in names]},
    )
    assert written.endswith("\r\n")
    assert [row["name"] for row in table(written.encode())] == names


def test_numbers_are_written_as_precisely_as_they_were_measured_and_what_is_none_is_empty(module_page: Page) -> None:
    written = in_module(
        module_page,
        "base/download",
        "m.csv({ columns: ['v'], rows: [Math.fround(0.1), NaN, Infinity, null, 123456789012, 1e-9].map((v) => [v]) })",
    )
    assert written.split("\r\n") == ["v", "0.1", "", "", "", "123456789012", "1e-9", ""]


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\n=1+1",
        " =1+1",
        "\u00a0=1",
        "\u200b=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠A1",
        "﹦1",
    ],
)
def test_a_name_that_a_spreadsheet_would_run_is_only_text(module_page: Page, name: str) -> None:
    written = in_module(
        module_page, "base/download", "m.csv({ name: 't', columns: ['n', 'v'], rows: [[given, -1]] })", name
    )
    assert table(written.encode()) == [{"n": f"'{name}", "v": "-1"}]


@pytest.mark.parametrize("name", ["a;=1+1", "a\t=1+1", "a,=1+1"])
def test_a_name_is_one_cell_whatever_a_spreadsheet_takes_for_a_separator(module_page: Page, name: str) -> None:
    written = in_module(
        module_page, "base/download", "m.csv({ name: 't', columns: ['n', 'v'], rows: [[given, 1]] })", name
    )
    assert written == f'n,v\r\n"{name}",1\r\n'


def test_every_point_of_a_figure_is_a_row(module_page: Page) -> None:
    found = in_module(
        module_page,
        "base/download",
        """m.tableOfTraces([
          { name: "a", x: [1, 2], y: Float32Array.of(3, 4), error_y: { array: [0.5, 0.25] } },
          { x: [1, 2], y: [9, 9], hoverinfo: "skip" },
          { name: "b", y: [7] },
        ], { xaxis: { title: { text: "step" } }, yaxis: { title: "loss" } })""",
    )
    assert found["columns"] == ["series", "step", "loss", "plus or minus"]
    assert found["rows"] == [["a", 1, 3, 0.5], ["a", 2, 4, 0.25], ["b", 0, 7, ""]]
    assert in_module(module_page, "base/download", "m.tableOfTraces([], {})") is None


def test_a_map_is_a_row_for_each_cell(module_page: Page) -> None:
    found = in_module(
        module_page, "base/download", "m.tableOfTraces([{ name: 'm', x: [5, 6], y: [1], z: [[0.1, 0.2]] }], {})"
    )
    assert found["rows"] == [["m", 5, 1, 0.1], ["m", 6, 1, 0.2]]


# Files of panels


def test_the_losses_are_saved_whole_with_a_row_for_each_step(lab: Pretend) -> None:
    page = lab.open().page
    page.evaluate(FEED)
    name, content = taken(page, "loss", "csv")
    assert name == "dropout-lab-pretend1-loss-step-0.csv"
    rows = table(content)
    assert [row["step"] for row in rows] == ["0", "1", "2", "3", "25", "50"]
    assert rows[2]["Dropout: training (with dropout)"] == "1"
    assert rows[2]["Dropout: validation"] == ""
    assert float(rows[4]["Dropout: validation"]) == pytest.approx(3 / 26, rel=1e-6)


def test_a_missing_number_is_an_empty_cell(lab: Pretend) -> None:
    page = lab.open().page
    page.evaluate(FEED)
    rows = table(taken(page, "accuracy", "csv")[1])
    assert [row["Dropout: validation"] for row in rows] == ["", "", ""]
    assert [row["No dropout: validation"] for row in rows] == ["0.5"] * 3


def test_a_chart_is_saved_wide_enough_for_a_slide_with_title_and_legend(lab: Pretend) -> None:
    page = lab.open().page
    page.evaluate(FEED)
    name, content = taken(page, "accuracy", "png")
    assert name == "dropout-lab-pretend1-accuracy-step-0.png"
    width, height = size(content)
    assert width == 1920
    assert height > 1000


def test_a_figure_for_a_slide_has_its_title_its_axes_and_a_legend_of_what_is_named(module_page: Page) -> None:
    slide = in_module(
        module_page,
        "charts/figures",
        """m.onSlide({ data: [{ name: "a", y: [1] }, { y: [1] }],
                       layout: { xaxis: { title: { text: "step" } }, margin: { t: 34 } } },
                     { title: "Loss <b>", palette: { ink: "#000", panel: "#fff" } })""",
    )
    assert slide["layout"]["title"]["text"] == "Loss <b>"
    assert slide["layout"]["xaxis"]["title"]["text"] == "step"
    assert slide["layout"]["paper_bgcolor"] == "#fff"
    assert [trace["showlegend"] for trace in slide["data"]] == [True, False]


def test_nothing_is_saved_while_there_is_nothing_and_the_page_says_so(lab: Pretend) -> None:
    page = lab.open().page
    page.locator("[data-of=masks][data-panel-do=csv]").click()
    expect(page.locator("#notice")).to_contain_text("There is nothing to save")


# The painted pictures, on a run of the test's own


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    return build(module_page)


BYTES: Final = """async ([file, before]) => {
  await (0, before ? world.steps(1, 30) : undefined);
  const { view } = await world.open(file, file);
  if (file === "network") {
    world.show(world.graph(4));
    while (document.querySelector("canvas").dataset.step !== "4") await world.settle(); // -1 is the empty picture
  }
  const blob = await view.picture();
  return { png: blob && [...new Uint8Array(await blob.arrayBuffer())], table: view.table() };
}"""


def painted(world: Page, file: str) -> tuple[bytes, dict[str, Any]]:
    found = world.evaluate(BYTES, [file, True])
    return bytes(found["png"]), found["table"]


def test_the_network_is_saved_larger_than_it_is_shown_and_its_table_has_every_unit(world: Page) -> None:
    png, found = painted(world, "network")
    width, _ = size(png)
    assert width == 2 * 620
    layers = world.evaluate("() => world.layers.map(({ name, units }) => [name, units])")
    units = [[row[3], row[4]] for row in found["rows"] if row[3] != "class"]
    assert units == [[name, unit] for name, count in layers for unit in range(count)]
    column = found["columns"].index("kept")
    kept = [row[column] for row in found["rows"] if row[3] == "hidden1"]
    layer = [name for name, _ in layers].index("hidden1")
    assert kept == world.evaluate(f"() => Array.from(world.bitsOf(4, {layer}), Number)")


def test_a_saved_network_says_below_it_what_its_signs_mean(world: Page) -> None:
    """Each entry of the legend on the page is written below the picture, behind its sign."""
    said = world.evaluate(
        """async () => {
          const { view, element } = await world.open("network", "network");
          world.steps(1, 30);
          world.show(world.graph(4));
          while (element.querySelector("canvas").dataset.step !== "4") await world.settle();
          const written = [];
          const { fillText } = CanvasRenderingContext2D.prototype;
          CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
            written.push([text, this.getTransform().d * y, this.canvas.height]);
            return fillText.call(this, text, x, y);
          };
          const bitmap = await createImageBitmap(await view.picture());
          CanvasRenderingContext2D.prototype.fillText = fillText;
          const legend = [...element.querySelectorAll(".legend li")].filter((each) => each.checkVisibility()
            && getComputedStyle(each).visibility === "visible").map(({ textContent }) => textContent);
          const sheet = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
          sheet.drawImage(bitmap, 0, 0);
          const tall = 2 * Number.parseFloat(element.querySelector("canvas").style.height);
          const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(world.dropped.slice(at, at + 2), 16));
          const { data } = sheet.getImageData(0, tall, bitmap.width, bitmap.height - tall);
          let crosses = 0;
          for (let at = 0; at < data.length; at += 4) {
            crosses += Number(data[at] === red && data[at + 1] === green && data[at + 2] === blue);
          }
          return { written, legend, room: bitmap.height - tall, crosses };
        }""".replace("world.dropped", "getComputedStyle(document.documentElement).getPropertyValue('--dropped').trim()")
    )
    below = [text for text, y, height in said["written"] if y < height and text in said["legend"]]
    assert below == said["legend"]
    assert {"dropped", "firing, the fuller the stronger", "label trained on"} <= {*below}
    assert said["room"] >= 2 * 22
    assert said["crosses"] > 10


def test_every_sign_of_a_legend_can_be_drawn_on_a_picture_that_is_saved(module_page: Page) -> None:
    sheets = [path.read_text() for path in (ROOT / "static" / "css").glob("*.css")]
    named = {
        name for text in sheets for name in re.findall(r"\.legend \.(?:legend-)?([\w-]+(?:\.is-\w+)?)::before", text)
    }
    marks = in_module(module_page, "paint/key", "Object.keys(m.MARKS)")
    assert len(named) > 25
    assert {name.replace(".", " ") for name in named} == {*marks}


def test_the_entries_of_a_key_stand_in_rows_and_none_on_another(module_page: Page) -> None:
    texts = ["dropped", "kept, silent (ReLU gives 0)", "firing, the fuller the stronger", "lowers it", "x" * 60]
    found = in_module(
        module_page,
        "paint/key",
        "m.place(given.map((text) => ({ kind: 'dropped', text })), 400, (text) => 7 * text.length)",
        texts,
    )
    rows: dict[float, list[tuple[float, float]]] = {}
    for entry in found["placed"]:
        rows.setdefault(entry["y"], []).append((entry["x"], entry["x"] + 24 + 7 * len(entry["text"])))
    assert len(rows) == 3
    assert all(one[1] < other[0] for row in rows.values() for one, other in itertools.pairwise(row))
    assert all(right <= 400 - 10 for row in rows.values() for _, right in row if len(row) > 1)
    assert found["height"] > max(rows)


def test_the_masks_in_view_are_saved_bit_by_bit(world: Page) -> None:
    png, found = painted(world, "masks")
    assert size(png)[0] > 600
    assert [row[0] for row in found["rows"]] == list(range(1, 31))
    layers = world.evaluate("() => world.layers.map(({ units }) => units)")
    assert len(found["columns"]) == 2 + sum(layers)
    expected = world.evaluate("() => world.layers.flatMap((_, layer) => Array.from(world.bitsOf(7, layer), Number))")
    assert found["rows"][6][2:] == expected


def test_the_examples_are_saved_with_label_and_truth(world: Page) -> None:
    png, found = painted(world, "picker")
    assert size(png)[0] > 600
    assert len(found["rows"]) == 40
    assert found["columns"][:3] == ["example", "label", "true class"]
    assert found["rows"][4][1] != found["rows"][4][2]  # one of the wrong labels


@pytest.mark.parametrize("file", ["masks", "network"])
def test_before_the_first_step_there_is_no_picture(world: Page, file: str) -> None:
    found = world.evaluate(
        f"async () => {{ const {{ view }} = await world.open('{file}', '{file}');"
        "return [await view.picture(), view.table()]; }"
    )
    assert found == [None, None]


# The report


def report(lab: Pretend) -> str:
    """Save the report of the run and read it."""
    page = lab.page
    page.locator("[data-do=save]").click()
    with page.expect_download() as download:
        page.locator("[data-do=report]").click()
    assert download.value.suggested_filename == "dropout-lab-pretend1-report-step-0.html"
    expect(page.locator("[data-show=saved]")).to_contain_text("Saved as")
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_a_report_is_read_without_a_network_and_believes_nobody(
    lab: Pretend, open_page: OpenPage, tmp_path: Path
) -> None:
    """Lanes may have any name. The report is opened as a file, every request to elsewhere being refused."""
    page = lab.open().page
    lab.run["config"]["lanes"][1]["name"] = HOSTILE
    lab.changed()
    lab.wait("state.run.config.lanes[1].name.startsWith('</script>')")
    page.evaluate(FEED)
    file = tmp_path / "report.html"
    file.write_text(report(lab), encoding="utf-8")

    reader = open_page(offline=True)
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    reader.goto(file.as_uri())
    reader.wait_for_function("() => document.documentElement.dataset.drawn === 'true'")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert reader.evaluate("() => window.hacked") is None
    expect(reader.get_by_role("rowheader", name=HOSTILE)).to_be_visible()
    figures = reader.locator(".figure")
    assert figures.count() == 2  # of the charts of the usual panels that have something to draw: loss and accuracy
    names = reader.evaluate("() => document.querySelectorAll('.figure')[1].data.map(({ name }) => name)")
    assert in_module(page, "base/markup", "m.marked(given)", f"{HOSTILE}: validation") in names
    assert f"{HOSTILE}: validation" in figures.nth(1).locator(".legendtext").all_text_contents()
    assert reader.locator(".figure svg a, .figure svg tspan").count() == 0
    expect(figures.first.locator(".xtitle")).to_have_text("step")
    expect(reader.get_by_role("heading", name="Masks")).to_be_visible()
    expect(reader.get_by_role("row", name="optimiser Adam")).to_be_visible()


def test_a_report_of_a_dark_page_is_light_and_the_page_stays_dark(
    open_page: OpenPage, static_url: str, lab: Pretend
) -> None:
    page = lab.page
    page.emulate_media(color_scheme="dark")
    lab.open()
    page.evaluate(FEED)
    text = report(lab)
    light = page.evaluate(
        """() => {
          const root = document.documentElement;
          const lane = () => getComputedStyle(root).getPropertyValue("--lane-0").trim();
          const dark = lane();
          root.dataset.theme = "light";
          const light = lane();
          root.dataset.theme = "dark";
          return [dark, light];
        }"""
    )
    assert light[1] in text
    assert light[0] not in text
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"


def test_the_numbers_of_a_run_are_one_link_away(lab: Pretend) -> None:
    page = lab.open().page
    page.locator("[data-do=save]").click()
    link = page.get_by_role("link", name="Save as JSON")
    expect(link).to_have_attribute("href", "/api/runs/pretend1/record?download=1")
    expect(link).to_have_attribute("download", "dropout-lab-pretend1-run-step-0.json")


@pytest.mark.parametrize("text", ["</script>", "</SCRIPT >", "<!--", "<script>"])
def test_no_text_can_end_the_script_that_it_stands_in(module_page: Page, text: str) -> None:
    written = in_module(module_page, "shell/report", "m.inScript(JSON.stringify(given))", text)
    assert "<" not in written
    assert json.loads(written) == text
