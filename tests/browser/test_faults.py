"""What happens when a part of the page fails: it is told, it says so where it stands, and it stops nothing else."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import LabPage
from tests.browser.pretend import Pretend
from tests.browser.servers import ROOT
from tests.browser.world import build

pytestmark = pytest.mark.timeout(300)

WORKER: Final = "js/paint/network-worker.js"
AS_FIREFOX_DOES: Final = """
const asked = new WeakSet();
const { getContext } = OffscreenCanvas.prototype;
OffscreenCanvas.prototype.getContext = function (...given) {
  if (asked.has(this)) throw new DOMException("Cannot update created context to different thread", "InvalidStateError");
  asked.add(this);
  return getContext.apply(this, given);
};
"""
STEP_TWO_FAILS: Final = """
let step = 0;
addEventListener("message", ({ data }) => { step = data.picture?.step ?? step; });
const { clearRect } = OffscreenCanvasRenderingContext2D.prototype;
OffscreenCanvasRenderingContext2D.prototype.clearRect = function (...given) {
  if (step >= 2) throw new Error("the brush broke");
  return clearRect.apply(this, given);
};
"""
DIES: Final = "\nsetTimeout(() => { throw new Error('the worker died'); }, 0);\n"
PAGE_FAILS: Final = """() => {
  const { clearRect } = CanvasRenderingContext2D.prototype;
  window.mend = () => { CanvasRenderingContext2D.prototype.clearRect = clearRect; };
  CanvasRenderingContext2D.prototype.clearRect = function (...given) {
    if (this.canvas.className === "network-canvas") throw new Error("the page's brush broke, too");
    return clearRect.apply(this, given);
  };
}"""


@pytest.fixture
def world(module_page: Page) -> Page:
    """A page with a store of its own, an example run of two lanes, and a function that opens a view on it."""
    return build(module_page)


def inject(page: Page, code: str) -> None:
    """Have the worker that paints the network run some code before it is sent anything."""
    source = (ROOT / "static" / WORKER).read_text() + code
    page.route(f"**/{WORKER}*", lambda route: route.fulfill(body=source, content_type="text/javascript"))


def open_network(page: Page) -> None:
    """Open the network's view on the run of a `world`."""
    page.evaluate(
        "async () => { await world.open('network', 'picture'); world.steps(1, 9); world.show(world.graph(1)); }"
    )


def show(page: Page, step: int) -> None:
    """Let the network of a step arrive."""
    page.evaluate("(step) => world.show(world.graph(step))", step)


def test_a_canvas_of_a_worker_is_asked_for_its_context_once(world: Page) -> None:
    """Firefox refuses the second time: the picture stood at its first frame for as long as one looked."""
    inject(world, AS_FIREFOX_DOES)
    open_network(world)
    canvas = world.locator("canvas.network-canvas")
    for step in (1, 2, 3):
        show(world, step)
        expect(canvas).to_have_attribute("data-step", str(step))
    expect(world.locator(".stopped")).to_have_count(0)


@pytest.mark.expected_errors("the brush broke", "the worker died")
@pytest.mark.parametrize(("fault", "words"), [(STEP_TWO_FAILS, "the brush broke"), (DIES, "the worker died")])
def test_a_painter_that_fails_in_its_worker_is_told_and_the_page_paints_on(world: Page, fault: str, words: str) -> None:
    inject(world, fault)
    told: list[str] = []
    world.on("pageerror", lambda error: told.append(error.message))
    open_network(world)
    canvas = world.locator("canvas.network-canvas")
    show(world, 2)
    note = world.locator(".stopped")
    expect(note).to_contain_text(words)
    expect(note).to_contain_text("The page paints this picture itself now")
    for step in (2, 3, 4):
        show(world, step)
        expect(canvas).to_have_attribute("data-step", str(step))
    expect(canvas).to_have_count(1)
    assert any(words in message for message in told), told
    canvas.focus()
    canvas.press("ArrowDown")  # the canvas that took the place of the worker's listens as that did
    expect(world.locator("#network-readout")).not_to_be_empty()


@pytest.mark.expected_errors("broke")
def test_a_painter_that_fails_on_the_page_too_says_so_and_its_sentence_goes_on(world: Page) -> None:
    inject(world, STEP_TWO_FAILS)
    world.evaluate(PAGE_FAILS)
    world.evaluate("""() => document.body.insertAdjacentHTML("beforeend", '<p id="network-sentence"></p>')""")
    open_network(world)
    canvas, note = world.locator("canvas.network-canvas"), world.locator(".stopped")
    expect(canvas).to_have_attribute("data-step", "1")
    for step in (2, 3):
        show(world, step)
        expect(world.locator("#network-sentence")).to_contain_text(f"Step {step}")
    expect(note).to_contain_text("The picture stopped: the page's brush broke, too")
    assert canvas.get_attribute("data-step") is None, "the canvas is blank"
    world.evaluate("() => mend()")
    show(world, 4)
    expect(canvas).to_have_attribute("data-step", "4")
    expect(note).not_to_contain_text("The picture stopped")


@pytest.mark.expected_errors("the film tore")
@pytest.mark.parametrize("when", ["create", "update", "resize"])
def test_a_view_that_fails_says_so_and_stops_no_other(page: Page, lab_url: str, when: str) -> None:
    parts = {"create": "", "update": "", "resize": ""} | {when: "throw new Error('the film tore');"}
    source = f"""export const topics = ["run", "steps"];
      export function create() {{
        {parts["create"]}
        return {{ update() {{ {parts["update"]} }}, resize() {{ {parts["resize"]} }}, destroy() {{}} }};
      }}"""
    page.route("**/js/views/masks.js*", lambda route: route.fulfill(body=source, content_type="text/javascript"))
    lab = LabPage(page, lab_url).open()
    lab.wait("state.steps.last > 20")
    page.set_viewport_size({"width": 1300, "height": 900})  # for resize
    expect(page.locator(".panel-masks .stopped")).to_contain_text("the film tore")
    expect(page.locator("#notice")).to_contain_text("the film tore")
    expect(page.locator(".stopped")).to_have_count(1)
    before = lab.shown_step()
    page.wait_for_function(
        "(step) => Number(document.querySelector('canvas.network-canvas').dataset.step) > step", arg=before
    )
    expect(page.locator("#kept-sentence")).to_have_text(re.compile(r"\d"))


@pytest.mark.expected_errors("nobody waited", "a click failed")
def test_what_nothing_else_dealt_with_is_told_once(page: Page, lab_url: str) -> None:
    LabPage(page, lab_url).open_still()
    page.evaluate("""() => {
      const late = (work) => setTimeout(work, 0);
      for (let time = 0; time < 5; time += 1) {
        late(() => { throw new Error("a click failed"); });
        late(() => void Promise.reject(new Error("nobody waited")));
      }
      const harmless = "ResizeObserver loop completed with undelivered notifications.";
      window.dispatchEvent(new ErrorEvent("error", { message: harmless, filename: location.href }));
      window.dispatchEvent(new ErrorEvent("error", { message: "Script error." }));
      const extension = { message: "theirs", filename: "chrome-extension://a/b.js", error: new Error("theirs") };
      window.dispatchEvent(new ErrorEvent("error", extension));
    }""")
    page.wait_for_function("() => dropoutLab.faults.reduce((sum, { times }) => sum + times, 0) >= 10")
    notices = page.locator("#notice .notice.error")
    expect(notices).to_have_count(2)
    expect(notices.filter(has_text="a click failed")).to_have_count(1)
    expect(notices.filter(has_text="nobody waited")).to_have_count(1)


@pytest.mark.expected_errors("the first failed")
def test_a_listener_of_the_store_that_throws_does_not_keep_the_news_from_the_others(module_page: Page) -> None:
    heard = module_page.evaluate("""async () => {
      const { createStore } = await import("/static/js/state/store.js");
      const waiting = [];
      const store = createStore({ schedule: (tell) => waiting.push(tell) });
      const heard = [];
      store.subscribe(["run"], () => { throw new Error("the first failed"); });
      store.subscribe(["run"], () => heard.push("second"));
      for (const _ of [1, 2]) {
        store.update("run", {});
        waiting.pop()();
      }
      return heard;
    }""")
    assert heard == ["second", "second"]


@pytest.mark.expected_errors("the pen broke")
def test_a_chart_that_fails_says_so_and_the_others_are_drawn(module_page: Page) -> None:
    module_page.evaluate("""async () => {
      document.body.dataset.plotlyUrl = "/static/js/boot/theme-boot.js"; // is not Plotly
      const { createChart } = await import("/static/js/charts/charts.js");
      for (const id of ["one", "two"]) {
        document.body.insertAdjacentHTML("beforeend",
          `<div id="${id}" class="picture"></div><p id="${id}-sentence"></p>`);
      }
      const at = (id) => document.getElementById(id);
      const drawn = { times: 0 };
      window.first = createChart(at("one"), { document, label: "one", draw() { throw new Error("the pen broke"); } });
      window.second = createChart(at("two"), { document, label: "two", draw(chart) {
        drawn.times += 1; chart.say(`drawn ${drawn.times} times`); } });
      first.invalidate();
      second.invalidate();
    }""")
    expect(module_page.locator("#one + .stopped")).to_contain_text("the pen broke")
    expect(module_page.locator("#two-sentence")).to_contain_text("drawn")


@pytest.mark.expected_errors("the drawer jammed")
def test_a_frame_that_the_page_cannot_use_is_acknowledged_all_the_same(lab_url: str, page: Page) -> None:
    """At most four frames are on the way to a page: four that it does not acknowledge would be the last."""
    lab = LabPage(page, lab_url).open_still()
    lab.step()
    page.evaluate("""() => {
      const { steps } = dropoutLab.store.state;
      const { push } = steps;
      let failures = 0;
      steps.push = function (...given) {
        failures += 1;
        if (failures <= 8) throw new Error("the drawer jammed");
        return push.apply(this, given);
      };
    }""")
    lab.play()
    lab.wait("state.steps.last > 40")
    expect(page.locator("#notice")).to_contain_text("the drawer jammed")


def test_what_the_server_cannot_make_is_said_in_the_place_of_that_picture(page: Page, static_url: str) -> None:
    pretend = Pretend(page, static_url).open()
    why = {"code": "internal", "message": "RuntimeError: not enough memory"}
    pretend.run["failed_views"] = {"ensemble": why, "damage": why, "draw": why, "nothing": why}
    pretend.changed("views")
    note = page.locator("#ensemble + .stopped")
    expect(note).to_contain_text("The server could not make this picture of the run as it is now")
    expect(note).to_contain_text("RuntimeError: not enough memory")
    expect(page.locator("#ensemble .chart-note")).to_be_hidden()
    said, picture = note.bounding_box(), page.locator("#ensemble").bounding_box()
    assert said
    assert picture
    assert picture["y"] < said["y"] < said["y"] + said["height"] < picture["y"] + picture["height"], "in its place"
    pretend.run["failed_views"] = {"damage": why}
    pretend.changed("views")
    expect(note).to_have_count(0)
    expect(page.locator("#ensemble .chart-note")).to_be_visible()
    expect(page.locator("#damage + .stopped")).to_have_count(1)
    expect(page.locator("#notice .notice")).to_have_count(0)  # it is no fault of the page


SPOILT: Final = """
  if (globalThis.spoilt > 0) { globalThis.spoilt -= 1; throw new RangeError("it was spoilt on the way"); }"""


@pytest.mark.parametrize(
    ("way", "module", "function"),
    [
        ("websocket", "frames", "decode(buffer)"),
        ("http", "frames", "decode(buffer)"),
        ("http", "eventstream", "bytesOf(text)"),
    ],
)
def test_a_frame_that_the_page_cannot_read_is_acknowledged_all_the_same(
    lab_url: str, page: Page, way: str, module: str, function: str
) -> None:
    head = f"export function {function} {{"
    source = (ROOT / f"static/js/link/{module}.js").read_text()
    assert head in source
    body = source.replace(head, head + SPOILT)
    page.route(f"**/js/link/{module}.js*", lambda route: route.fulfill(body=body, content_type="text/javascript"))
    if way == "http":
        page.add_init_script("window.WebSocket = class { constructor() { throw new Error('blocked'); } };")
    lab = LabPage(page, lab_url).open_still()
    lab.wait(f"state.connection.by === '{way}'")
    lab.step()
    page.evaluate("() => { globalThis.spoilt = 8; }")
    lab.play()
    page.wait_for_function("() => globalThis.spoilt === 0")
    last = lab.last_step()
    lab.wait(f"state.steps.last > {last} + 40")
    expect(page.locator("#notice")).to_contain_text("A frame could not be read")


@pytest.mark.expected_errors("nobody understood")
def test_a_message_that_the_page_cannot_use_does_not_end_a_stream_of_events(lab_url: str, page: Page) -> None:
    page.add_init_script("window.WebSocket = class { constructor() { throw new Error('blocked'); } };")
    lab = LabPage(page, lab_url).open_still()
    lab.wait("state.connection.by === 'http'")
    page.evaluate("""() => {
      const { parse } = JSON;
      JSON.parse = (text) => {
        const value = parse(text);
        if (value.op === "changed") { JSON.parse = parse; throw new Error("nobody understood"); }
        return value;
      };
      dropoutLab.store.subscribe(["connection"], () => { globalThis.wasCutOff = true; });
    }""")
    lab.button("toggle").click()  # that it plays is in the message that is lost
    lab.wait("state.steps.last > 20")
    assert page.evaluate("() => globalThis.wasCutOff") is None
    expect(page.locator("#notice")).to_contain_text("nobody understood")


@pytest.mark.expected_errors("the answer could not be shown")
def test_a_question_is_asked_after_one_whose_answer_could_not_be_shown(module_page: Page) -> None:
    asked = module_page.evaluate("""async () => {
      const { createAsker } = await import("/static/js/draw/asker.js");
      const asked = [];
      await new Promise((done) => {
        const asker = createAsker({
          ask: async (question) => { asked.push(question); if (question === 2) done(); return {}; },
          answered() {
            if (asked.length > 1) return;
            setTimeout(() => asker.ask(2));
            throw new Error("the answer could not be shown");
          },
          refused: (error) => asked.push(error.message),
        });
        asker.ask(1);
      });
      return asked;
    }""")
    assert asked == [1, 2]


def test_that_a_command_found_no_connection_is_said_and_goes_by_itself(page: Page, static_url: str) -> None:
    lab = Pretend(page, static_url).open()
    lab.wait("state.connection.status === 'live'")
    lab._obey = lambda *_: None  # type: ignore[method-assign]  # nobody greets who connects again
    lab._sockets[-1].close()
    lab.wait("state.connection.status !== 'live'")
    page.evaluate("() => window.dropoutLab.actions.play()")
    expect(page.locator("#notice .notice.info")).to_have_text(
        re.compile("there is no connection to the server right now")
    )
    expect(page.locator("#notice .notice.error")).to_have_count(0)
