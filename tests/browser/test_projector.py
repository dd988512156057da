"""The projector's page: what everybody in a room sees, with nothing to press."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import roomed
from tests.browser.conftest import OpenPage
from tests.browser.roomed import RoomPage
from tests.browser.test_page import SHIFTS

Show = Callable[..., RoomPage]
BIG: dict[str, Any] = {"viewport": {"width": 1920, "height": 1080}}
NOBODY = {"joined": 0, "here": 0, "simulated": 0, "waiting": 0}
SMALLEST = """() => {
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const isThere = walker.currentNode.textContent.trim() && element.getClientRects().length > 0
      && !element.closest(".visually-hidden, script, style, noscript")
      && getComputedStyle(element).visibility !== "hidden";
    if (isThere) {
      const scale = element instanceof SVGElement ? element.getScreenCTM().a : 1;
      found.push([parseFloat(getComputedStyle(element).fontSize) * scale / unit, walker.currentNode.textContent]);
    }
  }
  return found.sort((one, other) => one[0] - other[0])[0];
}"""
SHOWN = ".plot text, .join *, .options *, .exhibit-note, .status"
OUTSIDE = """(shown) => [...document.querySelectorAll(shown)].filter((each) => {
  const { left, top, right, bottom, width } = each.getBoundingClientRect();
  return width > 0 && (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1);
}).map((each) => each.textContent)"""


@pytest.fixture
def show(open_page: OpenPage, static_url: str) -> Show:
    """Opens the page on a screen of 1920 × 1080; the room has the topics that are given."""

    def one(*topics: dict[str, Any], query: str = "", **options: Any) -> RoomPage:
        return RoomPage(open_page(**{**BIG, **options}), static_url, "projector").open(*topics, token=None, query=query)

    return one


def class_topics(count: int = 31, simulated: int = 0, **beside: Any) -> list[dict[str, Any]]:
    students = {"joined": count, "here": count, "simulated": simulated, "waiting": 0}
    places = roomed.places(count, simulated)
    return [roomed.room(students=students, **beside), places, roomed.race(places), roomed.average(count)]


STATES: dict[str, list[dict[str, Any]]] = {
    "waiting": [roomed.room(class_run=None, students=NOBODY)],
    "locked": [roomed.room(class_run=None, only_here=True, locked=True)],
    "follow": [roomed.room(way="follow"), roomed.followed()],
    "own": [roomed.room(way="own")],
    "shown": [roomed.room(way="own", shown={"id": "m1", "name": "Bo"}), roomed.followed("shown", name="Bo")],
    "class": class_topics(128, 28),
    "known": class_topics(60, known=roomed.known()),
    "race": class_topics(128, look={"panel": "race", "step": None}),
    "ensemble": class_topics(20, look={"panel": "ensemble", "step": None}),
    "asked": [roomed.room(question=roomed.question())],
    "distribution": [roomed.room(question=roomed.question("shown"))],
    "told": [roomed.room(question=roomed.question("told"))],
}


def scene(room: RoomPage, name: str) -> Locator:
    return room.page.locator(f"[data-scene-of={name}]")


def join(room: RoomPage) -> Locator:
    return room.page.locator(".join")


def test_while_it_waits_the_code_is_large_and_nobody_is_said_to_be_there(show: Show) -> None:
    room = show(*STATES["waiting"])
    expect(scene(room, "lobby").locator(".join-code")).to_have_text("K7QX3M")
    expect(scene(room, "lobby")).to_contain_text("192.168.1.5:8000/r/K7QX3M")
    expect(scene(room, "lobby")).to_contain_text("Nobody has joined yet.")
    expect(scene(room, "lobby").get_by_role("img", name="QR code of http://192.168.1.5:8000/r/K7QX3M")).to_be_visible()
    expect(join(room)).to_be_hidden()
    assert room.said[0] == {"op": "join", "shows": "projector"}


def test_an_address_that_phones_cannot_reach_is_called_so(show: Show) -> None:
    room = show(*STATES["locked"])
    expect(scene(room, "lobby")).to_contain_text("Phones cannot reach this address.")
    expect(scene(room, "lobby")).to_contain_text("The room is locked: nobody can join.")
    room.say(roomed.room(class_run=None))
    expect(scene(room, "lobby").locator(".join-only")).to_be_hidden()
    expect(scene(room, "lobby").locator(".join-locked")).to_be_hidden()


def put_up(room: RoomPage, state: str) -> None:
    """Have the page show a state, and wait until it does."""
    room.say(*STATES[state])
    shown = (
        "lobby" if state in ("waiting", "locked") else "question" if state in ("asked", "distribution", "told") else ""
    )
    wanted = shown or (state if state in ("follow", "own", "shown") else "class")
    expect(room.page.locator("main")).to_have_attribute("data-scene", wanted)
    room.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")  # charts too


def test_how_one_joins_is_always_there(show: Show) -> None:
    room = show(*STATES["follow"])
    for state in STATES:
        put_up(room, state)
        place = scene(room, "lobby") if state in ("waiting", "locked") else join(room)
        expect(place.locator(".join-code")).to_have_text("K7QX3M")
        expect(place.locator(".join-link")).to_have_text("192.168.1.5:8000/r/K7QX3M")
        expect(place.get_by_role("img")).to_be_visible()
        expect(place.locator(".join-here")).to_contain_text("joined" if state == "waiting" else "here")


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (3840, 2160)])
def test_every_letter_is_large_and_nothing_is_cut_off(show: Show, size: tuple[int, int]) -> None:
    width, height = size
    room = show(*STATES["waiting"], viewport={"width": width, "height": height})
    for state in STATES:
        put_up(room, state)
        smallest, text = room.page.evaluate(SMALLEST)
        assert smallest >= 23.9, (state, text)
        assert room.page.evaluate(OUTSIDE, SHOWN) == [], state
        assert room.page.evaluate("document.documentElement.scrollHeight <= innerHeight"), state


def test_there_is_nothing_to_press(show: Show) -> None:
    room = show(*STATES["waiting"])
    for state in STATES:
        put_up(room, state)
        assert room.page.locator("#room :is(button, a, input, select, summary, [tabindex])").count() == 0


def test_the_hosts_run_is_shown_with_accuracies_losses_and_mask(show: Show) -> None:
    room = show(*STATES["follow"])
    run = scene(room, "follow")
    expect(run.locator(".score")).to_have_count(2)
    expect(run.locator(".score").nth(0)).to_contain_text("No dropout")
    expect(run.locator(".score").nth(0)).to_contain_text("88.3%")
    expect(run.locator(".score").nth(1)).to_contain_text("dropout 0.5 · validation loss 0.301")
    expect(run.get_by_role("img", name="Losses up to step 432.")).to_be_visible()
    expect(run.get_by_role("img", name="The mask of Dropout at step 432.")).to_be_visible()
    expect(run).to_contain_text("Which neurons step 432 trained in “Dropout”.")
    expect(room.page.locator(".status")).to_have_text("The run is training: step 432. It makes 100 steps a second.")
    room.say(roomed.followed(step=444))
    expect(run).to_contain_text("Which neurons step 444 trained")
    dashes = "els => els.map((each) => getComputedStyle(each).strokeDasharray)"
    expect(run.locator(".loss-line")).to_have_count(4)
    assert run.locator(".loss-line.validation").evaluate_all(dashes) == ["none", "none"]
    assert "none" not in run.locator(".loss-line.train").evaluate_all(dashes)


def test_what_the_host_looks_at_stands_out(show: Show) -> None:
    room = show(roomed.room(way="follow", look={"panel": "loss", "step": None}), roomed.followed())
    expect(scene(room, "follow")).to_have_attribute("data-look", "loss")
    outline = "each => getComputedStyle(each).outlineStyle"
    losses, mask = (scene(room, "follow").locator(".exhibit").nth(at) for at in (0, 1))
    assert losses.evaluate(outline) == "solid"
    assert mask.evaluate(outline) == "none"


def test_own_runs_are_counts_until_one_is_shown(show: Show) -> None:
    room = show(*STATES["own"])
    expect(scene(room, "own")).to_contain_text("Everybody trains a network of their own")
    expect(scene(room, "own").locator(".own-count:visible")).to_have_text(["have joined31", "are here29"])
    room.say(*STATES["shown"])
    expect(scene(room, "shown")).to_be_visible()
    expect(room.page.locator(".stage-title")).to_have_text("The run of Bo")
    expect(scene(room, "shown").locator(".score")).to_have_count(2)
    expect(room.page.locator(".status")).to_have_text("The run of Bo is training: step 432.")
    room.say(roomed.room(way="own"))
    expect(scene(room, "own")).to_be_visible()


def test_the_class_has_a_race_a_curve_and_an_ensemble(show: Show) -> None:
    room = show(*STATES["class"])
    together = scene(room, "class")
    expect(together.locator(".race-line")).to_have_count(128)
    expect(together.locator(".race-line.is-simulated")).to_have_count(28)
    expect(together.locator(".dot:not(i)")).to_have_count(124)
    expect(together).to_contain_text("128 places are taken. 4 diverged.")
    expect(together).to_contain_text("The average of all 128 networks has a loss of 0.214.")
    for name in (
        "Validation losses of 128 places",
        "Validation loss over the dropout rate",
        "All 128 networks, averaged",
    ):
        expect(together.get_by_role("img", name=name)).to_be_visible()
    expect(together.locator(".known")).to_have_count(0)
    room.say(class_topics(128, 28, known=roomed.known())[0])
    expect(together.locator("path.known")).to_have_count(1)
    expect(together).to_contain_text("known: mean of 9 seeds at step 2,000, and their range")


def test_whose_knobs_were_turned_last_is_named(show: Show) -> None:
    room = show(*STATES["class"])
    expect(scene(room, "class").locator(".is-race .line-name")).to_have_count(2)
    places = roomed.places(128, 28)
    places["places"][7]["hidden"] = 0.66
    room.say(places)
    expect(scene(room, "class").locator(".line-name.is-changed")).to_have_text(places["places"][7]["name"])
    room.say(class_topics(128, 28, shown={"id": "m9", "name": "Jun"})[0])
    expect(scene(room, "class").locator(".line-name.is-shown")).to_have_text("Jun")


def test_the_host_makes_one_chart_of_the_class_large(show: Show) -> None:
    room = show(*STATES["class"])
    expect(scene(room, "class").locator(".exhibit")).to_have_count(3)
    room.say(STATES["race"][0])
    expect(scene(room, "class").locator(".exhibit")).to_have_count(1)
    expect(scene(room, "class").locator(".race-line")).to_have_count(128)
    room.say(STATES["class"][0])
    expect(scene(room, "class").locator(".exhibit")).to_have_count(3)


def test_a_question_goes_through_its_phases(show: Show) -> None:
    room = show(*STATES["asked"], STATES["class"][1], STATES["class"][2])
    asked = scene(room, "question")
    expect(asked.locator(".question-text")).to_have_text("Which dropout rate gives the lowest validation loss?")
    expect(asked.locator(".option")).to_have_count(4)
    expect(asked).to_contain_text("22 of 31 have answered. The run waits.")
    expect(asked.locator(".tally").first).to_be_hidden()
    room.say(roomed.room(question=roomed.question("shown")))
    expect(asked.locator(".option").nth(1).locator(".tally-number").first).to_have_text("29% · 9")
    expect(asked.locator(".option").nth(1).locator(".tally").nth(1)).to_be_hidden()
    room.say(roomed.room(question=roomed.question("running")))
    expect(scene(room, "class")).to_be_visible()
    expect(room.page.locator(".status")).to_contain_text("Now watch: Which dropout rate")
    room.say(roomed.room(question=roomed.question("again")))
    expect(room.page.locator(".stage-title")).to_have_text("What did you see?")
    room.say(roomed.room(question=roomed.question("told")))
    right = asked.locator(".option.is-right")
    expect(right.locator(".tally-number")).to_have_text(["29% · 9", "63% · 19"])
    expect(right).to_contain_text("true")
    expect(asked).to_contain_text("At first 9 of 31 chose it, then 19 of 30. With rate 0.2 the validation loss ended")
    room.say(roomed.room())
    expect(scene(room, "class")).to_be_visible()


def test_text_of_people_is_text(show: Show) -> None:
    places = roomed.places(2)
    places["places"][0]["name"] = "<img src=x onerror=alert(1)>"
    room = show(roomed.room(), places, roomed.race(places))
    expect(scene(room, "class").locator(".line-name").first).to_contain_text("<img")


def test_a_paused_room_says_so(show: Show) -> None:
    run = {"id": "classes", "state": "paused", "step": 600, "speed": None, "places": 40, "taken": 31}
    room = show(roomed.room(paused=True, class_run=run), *STATES["class"][1:])
    expect(room.page.locator(".status")).to_have_text("The room is paused. The run is paused at step 600.")


def test_the_last_picture_stays_while_the_connection_is_lost_and_it_comes_back(show: Show) -> None:
    room = show(*STATES["class"])
    expect(scene(room, "class").locator(".race-line")).to_have_count(128)
    room.leave()
    expect(room.page.locator(".status")).to_have_text("Connection lost. This is the last picture. Reconnecting …")
    expect(scene(room, "class").locator(".race-line")).to_have_count(128)
    expect(room.page.locator(".status")).to_have_text("The run is training: step 600.")
    assert len(room.ops("join")) == 2


@pytest.mark.parametrize(
    ("code", "said"), [(4410, "The room has ended."), (4404, "There is no room with the code K7QX3M.")]
)
def test_a_room_that_is_not_there_is_said(show: Show, code: int, said: str) -> None:
    room = show(*STATES["class"])
    expect(scene(room, "class")).to_be_visible()
    room.ending = (code, said)
    room.leave()
    expect(scene(room, "nothing") if code == 4410 else room.page.locator(".status")).to_contain_text(said)


def test_the_theme_is_the_systems_or_that_of_the_address(show: Show) -> None:
    theme = "() => document.documentElement.dataset.theme"
    assert show(*STATES["own"], color_scheme="dark").page.evaluate(theme) == "dark"
    assert show(*STATES["own"]).page.evaluate(theme) == "light"
    assert show(*STATES["own"], query="?theme=dark").page.evaluate(theme) == "dark"
    assert show(*STATES["own"], color_scheme="dark", query="?theme=light").page.evaluate(theme) == "light"


def test_nothing_jumps_while_a_class_trains(show: Show) -> None:
    room = show(*class_topics(60))
    expect(scene(room, "class").locator(".race-line")).to_have_count(60)
    room.page.evaluate(SHIFTS)
    for step in (620, 700, 900):
        places = roomed.places(60, step=step, seed=step)
        room.say(roomed.room(class_run={**roomed.room()["class_run"], "step": step}), places, roomed.race(places))
        expect(room.page.locator(".status")).to_contain_text(f"step {step}")
    for state in ("asked", "distribution", "told", "class", "follow", "shown", "waiting"):
        room.say(*STATES[state])
        room.page.wait_for_timeout(100)
    assert sum(room.page.evaluate("window.shifts")) < 0.02


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barriers(show: Show, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    room = show(*STATES["waiting"], color_scheme=scheme)
    for state in STATES:
        put_up(room, state)
        results = Axe().run(room.page)
        assert results.violations_count == 0, (state, results.generate_report())
