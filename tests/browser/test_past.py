"""On the page: any step can be looked at again, a run goes on otherwise from any of its steps, and a knob is undone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.driver import LabPage

SLIDE = "window.dropoutLab.actions.set(1, { dropout: [0.2, 0.8, 0.8, 0.8] })"


@pytest.fixture
def lab_page(page: Page, lab_url: str) -> LabPage:
    return LabPage(page, lab_url)


@pytest.fixture
def far(lab_page: LabPage) -> LabPage:
    """A run at step 300 whose knob was turned at step 121, on a page that holds its first 250 steps no more.

    What was seen of two of them is in ``window.seen``. A page holds 2,048: it forgets here as it would then.
    """
    lab_page.open_still("?hidden=16,16,16")
    page = lab_page.page
    page.evaluate("() => window.dropoutLab.actions.step(120)")
    lab_page.wait("state.steps.last === 120 && state.run.state === 'paused'")
    page.evaluate(f"() => {SLIDE}")
    lab_page.wait("state.run.changes.length === 1")
    page.evaluate("() => window.dropoutLab.actions.step(180)")
    lab_page.wait("state.steps.last === 300 && state.run.state === 'paused'")
    page.evaluate(
        """() => {
          const { steps } = window.dropoutLab.store.state;
          window.seen = Object.fromEntries([40, 200].map((step) => [step, JSON.stringify(steps.at(step))]));
          for (let step = 1; step <= 250; step += 1) {
            steps.drop(step % steps.capacity);
          }
          steps.first = 251;
        }"""
    )
    return lab_page


def look_back(lab: LabPage, step: int) -> None:
    lab.page.locator("#scrubber").fill(str(step))
    lab.wait(f"state.past.step === {step}", seconds=60)


def record(lab: LabPage, step: int) -> str:
    """What the page has of the masks of a step that was fetched."""
    found: str = lab.page.evaluate(f"() => JSON.stringify(window.dropoutLab.store.state.past.film.at({step}))")
    return found


def test_a_step_that_the_page_forgot_is_shown_as_it_was(far: LabPage) -> None:
    page = far.page
    far.wait("state.ensemble")
    live = far.state("Number(state.ensemble.tensors.step.data[0])")
    for step in (40, 200):
        look_back(far, step)
        expect(page.locator("#network-sentence")).to_contain_text(f"Step {step} of “Dropout”")
        expect(page.locator("#network canvas")).to_have_attribute("data-step", str(step))
        expect(page.locator("#masks-sentence")).to_contain_text(f"You are looking at step {step}")
        assert record(far, step) == page.evaluate(f"() => window.seen[{step}]")
        assert far.state("Number(state.ensemble.tensors.step.data[0])") == step
        expect(page.locator("#ensemble-sentence")).to_contain_text(f"Step {step}.")
        assert far.state("Number(state.past.graph.tensors.step.data[0])") == step
    expect(page.locator("#network-sentence")).to_contain_text("every kept output × 5.00")  # the rate of then: 0.8
    page.get_by_role("button", name="back to live").click()
    far.wait("state.cursor === null && state.past.film === null")
    assert far.state("Number(state.ensemble.tensors.step.data[0])") >= live


def test_the_charts_over_steps_mark_the_step_that_is_looked_back_to(far: LabPage) -> None:
    page = far.page
    marks = {
        panel: page.locator(f"#{panel} .annotation-text", has_text="viewing step") for panel in ("loss", "accuracy")
    }
    look_back(far, 40)
    for panel, mark in marks.items():
        page.locator(f"#{panel}").scroll_into_view_if_needed()
        expect(mark).to_have_text(["viewing step 40"])
        lines = f"() => document.querySelector('#{panel} .chart-picture').layout.shapes.map((shape) => shape.x0)"
        assert 40 in page.evaluate(lines)
    look_back(far, 200)
    expect(marks["accuracy"]).to_have_text(["viewing step 200"])
    page.get_by_role("button", name="back to live").click()
    for panel, mark in marks.items():
        page.locator(f"#{panel}").scroll_into_view_if_needed()
        expect(mark).to_have_count(0)


@pytest.mark.expected_errors("status of 422")
def test_what_cannot_be_fetched_is_said(far: LabPage) -> None:
    def refuse(route: Route) -> None:
        body = '{"error": {"code": "no_worker", "message": "no worker could look at it"}}'
        route.fulfill(status=422, content_type="application/json", body=body)

    far.page.route(re.compile("/past"), refuse)
    far.page.locator("#scrubber").fill("12")
    expect(far.page.locator("#network-sentence")).to_contain_text(
        "Step 12 cannot be shown: no worker could look at it."
    )


def test_a_run_goes_on_otherwise_from_an_old_step_and_the_chart_lays_the_two_over_each_other(far: LabPage) -> None:
    page = far.page
    parent = far.state("state.run.id")
    go_on = page.get_by_role("button", name="Go on from here")
    expect(go_on).to_be_disabled()
    look_back(far, 200)
    expect(go_on).to_be_enabled()
    go_on.click()
    far.wait(f"state.run.id !== '{parent}' && state.run.parent?.step === 200", seconds=60)
    assert far.state("state.run.changes.length") == 1
    expect(page.get_by_text("A new run goes on from step 200.")).to_be_visible()
    far.wait("state.cursor === null && state.steps.last >= 200")
    page.evaluate("() => window.dropoutLab.actions.set(1, { dropout: [0, 0, 0, 0] })")
    far.play()
    far.wait("state.steps.last > 260 && state.before?.steps.length > 1")
    far.pause()
    page.locator("#loss").scroll_into_view_if_needed()
    page.locator("#loss-sentence .caption-more").click()
    expect(page.locator("#loss-sentence")).to_contain_text(
        "Dotted: the run that this one goes on from, after step 200."
    )
    names = "() => document.querySelector('#loss .chart-picture').data.map(({ name }) => name)"
    assert [name for name in page.evaluate(names) if name and "the run before the fork" in name] == [
        "No dropout: validation, the run before the fork",
        "Dropout: validation, the run before the fork",
    ]
    answer = page.request.get(f"{far.url}/api/runs/{parent}")
    assert answer.ok, "the run before is still there"


def test_undo_takes_the_last_change_back_from_its_step_on(far: LabPage) -> None:
    before = far.state("state.run.id")
    step = far.state("state.run.changes[0].step")
    far.button("undo").click()
    far.wait(f"state.run.id !== '{before}' && state.run.changes.length === 0", seconds=60)
    assert far.state("state.run.parent") == {"run": before, "step": step - 1}
    expect(far.button("undo")).to_be_disabled()
    assert far.state("state.run.config.lanes[1].dropout") == [0.2, 0.5, 0.5, 0.5]
    expect(far.page.locator("#hero-hidden")).to_have_value("0.5")


def test_a_change_that_was_made_standing_still_is_undone_too(lab_page: LabPage) -> None:
    lab_page.open_still()
    lab_page.step(3)
    lab_page.page.evaluate(f"() => {SLIDE}")
    assert lab_page.change("true")["step"] == 4
    run = lab_page.state("state.run.id")
    lab_page.page.locator("body").press("z")
    lab_page.wait(f"state.run.id !== '{run}' && state.run.changes.length === 0 && state.steps.last === 3", seconds=60)
    assert lab_page.state("state.run.state") == "paused"
    assert lab_page.step() == 4


def test_on_a_phone_the_slider_for_old_steps_has_room(lab_page: LabPage) -> None:
    lab_page.page.set_viewport_size({"width": 390, "height": 844})
    lab_page.open().wait("state.steps.last > 20")
    slider = lab_page.page.locator("#scrubber").bounding_box()
    assert slider is not None
    assert slider["width"] > 100
    assert lab_page.overflow() <= 0


def test_frames_that_are_cut_off_are_refused(module_page: Page) -> None:
    found = module_page.evaluate(
        """async () => {
          const { split } = await import("/static/js/link/frames.js");
          const header = new TextEncoder().encode('{"__metadata__":{"kind":"scores","run":"r","seq":"1"}}');
          const frame = new Uint8Array(8 + header.length);
          new DataView(frame.buffer).setBigUint64(0, BigInt(header.length), true);
          frame.set(header, 8);
          const whole = new Uint8Array(2 * (8 + frame.length));
          for (const start of [0, 8 + frame.length]) {
            new DataView(whole.buffer).setBigUint64(start, BigInt(frame.length), true);
            whole.set(frame, start + 8);
          }
          const told = (bytes) => {
            try { return split(bytes).map(({ kind }) => kind); } catch (error) { return error.name; }
          };
          return [0, 1, 8, frame.length, whole.length - 1, whole.length].map((end) => told(whole.buffer.slice(0, end)));
        }"""
    )
    assert found == [[], "RangeError", "RangeError", "RangeError", "RangeError", ["scores", "scores"]]
