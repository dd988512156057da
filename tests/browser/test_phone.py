"""A student's page and the page of rooms, on a pretended room: joining, the three ways, questions, staying in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser import classroom as told
from tests.browser.classroom import CODE, ME, PretendRoom, question, room, you
from tests.browser.conftest import OpenPage
from tests.browser.test_page import SHIFTS
from tests.conftest import TIMEOUT_FACTOR

SMALL: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 640},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
FOLLOWING: Final = {"room": room(run=told.host_run()), "followed": told.followed()}
OWN: Final = {"room": room(way="own"), "you": you(run="ownrun"), "mine": told.own()}
CLASS: Final = {"room": room(way="class", class_run=told.class_run()), "you": you(lane=3), "mine": told.in_class()}
ANSWERED: Final = you(answers={"3": [1, 2]})

Visit = Callable[..., PretendRoom]


@pytest.fixture
def visit(open_page: OpenPage, static_url: str) -> Visit:
    """Takes a phone into the hand; what follows is `PretendRoom`."""

    def one(**options: Any) -> PretendRoom:
        return PretendRoom(open_page(**{**SMALL, **options}), static_url)

    return one


def shown(page: Page, what: str) -> Any:
    return page.locator(f"[data-show={what}]")


def until(page: Page, true: Callable[[], Any]) -> None:
    """Wait until something that the page does has come to the pretended server."""
    for _ in range(round(600 * TIMEOUT_FACTOR)):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came")


def asked_room(phase: str, **beside: Any) -> dict[str, Any]:
    return room(run=told.host_run(), question=question(phase, **beside))


def test_one_joins_by_the_code_of_the_address_and_a_name(visit: Visit) -> None:
    phone = visit().open()
    page = phone.page
    expect(page.get_by_label("Code")).to_have_value(CODE)
    expect(page.get_by_label("Your name", exact=True)).to_be_focused()
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("With and without dropout")
    assert ("POST", f"/api/rooms/{CODE}/students", {"name": "Ada"}) in phone.asked
    assert phone.of("join") == [{"op": "join", "token": "student token"}]
    expect(page.locator(".connection")).to_have_text("connected")
    page.reload()
    expect(shown(page, "name")).to_have_text("Ada")
    assert len(phone.of("join")) == 2
    assert page.evaluate("() => Object.keys(localStorage)") == [f"dropout-lab-room:/:student:{CODE}"]


@pytest.mark.expected_errors("status of 4")
def test_what_is_wrong_is_said_at_its_field_in_words(visit: Visit) -> None:
    phone = visit()
    page = phone.page
    phone.open()
    page.get_by_role("button", name="Join").click()
    expect(page.locator("#join-name-trouble")).to_have_text("Type the name that the class knows you by.")
    expect(page.get_by_label("Your name", exact=True)).to_be_focused()
    page.get_by_label("Your name", exact=True).fill("Ada")
    expect(page.locator("#join-name-trouble")).to_be_empty()
    phone.refusals[f"POST /api/rooms/{CODE}/students"] = (
        422,
        {"code": "bad_name", "message": "this name is not allowed"},
    )
    page.get_by_role("button", name="Join").click()
    expect(page.locator("#join-name-trouble")).to_have_text("This name is not allowed.")
    phone.refusals[f"POST /api/rooms/{CODE}/students"] = 409, {"code": "room_full", "message": "this room is full"}
    page.get_by_role("button", name="Join").click()
    expect(page.locator("#join-code-trouble")).to_have_text("This room is full.")
    page.get_by_label("Code").fill("k7q 0")
    page.get_by_role("button", name="Join").click()
    expect(page.locator("#join-code-trouble")).to_have_text("No code has the character “0”.")


@pytest.mark.expected_errors("status of 404")
def test_a_room_that_is_locked_or_not_there_is_told_before_one_types_a_name(visit: Visit) -> None:
    phone = visit()
    phone.about["locked"] = True
    phone.open()
    expect(phone.page.locator("#join-code-trouble")).to_contain_text("locked")
    phone.open("/r/222222")
    expect(phone.page.locator("#join-code-trouble")).to_have_text("There is no room with this code.")


def test_another_code_can_be_typed_and_the_address_becomes_that_of_its_room(visit: Visit) -> None:
    phone = visit().open()
    phone.open("/r/-")  # whoever opens the page without a code
    page = phone.page
    page.get_by_label("Code").fill("k7q x3m")
    page.get_by_label("Your name", exact=True).fill("Ada")
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".connection")).to_have_text("connected")
    assert page.evaluate("location.pathname") == f"/r/{CODE}"


def test_whoever_follows_sees_numbers_curves_and_masks_and_has_no_knobs(visit: Visit) -> None:
    phone = visit().enter(**FOLLOWING)
    page = phone.page
    expect(shown(page, "place")).to_have_text("Step 432 · training")
    expect(page.locator(".figure")).to_have_text(
        ["No dropout87.1%rate 0, loss 0.600", "Dropout91.2%rate 0.5, loss 0.443"]
    )
    expect(page.get_by_role("img")).to_have_accessible_name(
        "Loss on new examples by training step. No dropout: 0.602 at step 432. Dropout: 0.442 at step 432."
    )
    expect(page.locator(".curve-picture .curve-line")).to_have_count(2)
    expect(page.locator(".mask-row p")).to_have_text(["hidden 1: 51 of 64 kept", "hidden 2: 51 of 64 kept"])
    expect(page.locator("#knobs")).to_be_hidden()
    lab = page.get_by_role("link", name="Look around in the whole lab")
    assert lab.get_attribute("href") == "/?run=hostrun"
    assert lab.get_attribute("target") == "_blank"
    until(page, lambda: phone.seen == [1, 2, 3])


def test_while_the_knobs_are_lent_the_slider_moves_the_hosts_network(visit: Visit) -> None:
    phone = visit().enter(**FOLLOWING)
    page = phone.page
    phone.tell(room(run=told.host_run(), knobs_of={"id": ME, "name": "Ada"}))
    slider = page.get_by_label("Dropout rate (hidden)")
    expect(slider).to_be_enabled()
    expect(page.locator("#announce")).to_have_text("The host has lent you the knobs of the network.")
    slider.fill("0.8")
    until(page, lambda: phone.of("knobs"))
    assert phone.of("knobs")[0]["hidden"] == 0.8
    phone.tell(room(run=told.host_run()))
    expect(slider).to_be_hidden()


def test_an_own_network_plays_pauses_and_begins_again(visit: Visit) -> None:
    phone = visit().enter(**OWN)
    page = phone.page
    expect(page.locator(".figure")).to_have_text(["Without dropout87.1%loss 0.600", "Dropout rate 0.591.2%loss 0.443"])
    page.get_by_role("button", name="Pause").click()
    until(page, lambda: phone.of("pause"))
    phone.tell(told.own(state="paused"))
    page.get_by_role("button", name="Play").click()
    until(page, lambda: phone.of("play"))
    page.get_by_role("button", name="Begin again").click()
    page.get_by_role("button", name="No").click()
    page.get_by_role("button", name="Begin again").click()
    page.locator("#sure").get_by_role("button", name="Begin again").click()
    until(page, lambda: phone.of("anew"))
    assert len(phone.of("anew")) == 1
    page.get_by_text("More knobs").click()
    page.get_by_role("switch", name="Batch normalisation").check()
    until(page, lambda: phone.of("knobs"))
    assert phone.of("knobs")[0]["batch_norm"] is True


def test_a_slider_that_is_dragged_sends_few_messages_and_never_jumps_back(visit: Visit) -> None:
    phone = visit().enter(**CLASS)
    page = phone.page
    slider = page.get_by_label("Dropout rate (hidden)")
    page.evaluate("""() => {
      window.values = [];
      const slider = document.querySelector("#knob-hidden");
      const look = () => { window.values.push(Number(slider.value)); requestAnimationFrame(look); };
      requestAnimationFrame(look);
    }""")
    box = slider.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.53, middle)
    page.mouse.down()
    for part in range(54, 96):
        page.mouse.move(box["x"] + box["width"] * part / 100, middle)
        if part % 6 == 0:
            phone.tell(you(lane=3))  # the server still says 0.5
    expect(slider).to_have_value("0.95")
    page.mouse.up()
    until(page, lambda: phone.of("knobs") and phone.of("knobs")[-1]["hidden"] == 0.95)
    phone.tell(you(lane=3, knobs={"input": 0.2, "hidden": 0.95, "batch_norm": False}))
    expect(shown(page, "knobs")).to_have_text("✓ taken")
    expect(slider).to_have_value("0.95")
    values = page.evaluate("window.values")
    assert values == sorted(values)
    assert len(phone.of("knobs")) < 20


def test_a_refused_knob_goes_back_and_says_why(visit: Visit) -> None:
    phone = visit().enter(**CLASS)
    phone.commands["knobs"] = {"code": "no_run", "message": "the class run has ended"}
    slider = phone.page.get_by_label("Dropout rate (hidden)")
    slider.focus()
    phone.page.keyboard.press("ArrowRight")
    expect(shown(phone.page, "knobs")).to_have_text("Not taken: the class run has ended")
    expect(slider).to_have_value("0.5")
    expect(phone.page.locator("#announce")).to_contain_text("the class run has ended")


def test_in_the_class_one_has_a_rank_and_the_own_place(visit: Visit) -> None:
    phone = visit().enter(**CLASS)
    page = phone.page
    expect(page.locator(".figure").nth(1)).to_have_text("Rank of 31, by loss3rdbest: 0.410, Bo")
    expect(page.get_by_role("button", name="Play")).to_be_hidden()
    phone.tell(told.in_class(loss=0.4))
    expect(page.locator(".figure").first).to_contain_text("loss 0.400")
    phone.tell(you(lane=3, may_turn=False))
    expect(page.get_by_label("Dropout rate (hidden)")).to_be_disabled()
    phone.tell(you(lane=3, began=120))
    expect(shown(page, "later")).to_contain_text("120 training steps fewer")


def test_a_question_is_answered_changed_and_resolved(visit: Visit) -> None:
    phone = visit().enter(**FOLLOWING)
    page = phone.page
    phone.tell(asked_room("asked"))
    sheet = page.locator("#question")
    expect(sheet.get_by_role("heading")).to_have_text(question()["text"])
    expect(sheet.get_by_role("radio")).to_have_count(4)
    expect(page.locator("#main")).to_have_attribute("inert", "")
    sheet.get_by_text("0.2", exact=True).click()
    expect(shown(page, "trouble")).to_have_text("✓ Your answer is in.")
    sheet.get_by_text("0.8", exact=True).click()
    until(page, lambda: len(phone.of("answer")) == 2)
    assert [(each["question"], each["choice"]) for each in phone.of("answer")] == [(3, 1), (3, 3)]
    phone.tell(you(answers={"3": [3, None]}))
    phone.tell(asked_room("shown"))
    expect(sheet.get_by_role("listitem")).to_have_text(["03", "0.29", "0.515", "0.8your answer4"])
    widths = sheet.locator("i").evaluate_all("bars => bars.map((bar) => bar.style.width)")
    assert widths == ["20%", "60%", "100%", "26.6667%"]
    phone.tell(asked_room("running"))
    expect(sheet).to_be_hidden()
    expect(shown(page, "note")).to_have_text("You chose “0.8”. Now watch what happens.")
    phone.tell(asked_room("again"))
    expect(sheet).to_contain_text("What did you see?")
    expect(sheet.get_by_role("radio", checked=True)).to_have_count(0)
    sheet.get_by_role("radio", name="0.5").check()
    until(page, lambda: len(phone.of("answer")) == 3)
    phone.tell(you(answers={"3": [3, 2]}))
    phone.tell(asked_room("told"))
    right = sheet.locator(".choice.is-right")
    expect(right).to_contain_text("right · your second answer")
    expect(right.locator(".choice-count")).to_have_text("15 → 17")
    expect(shown(page, "question")).to_have_text("You were right.")
    expect(shown(page, "why")).to_contain_text("0.41 at rate 0.5")
    phone.tell(room(run=told.host_run()))
    expect(sheet).to_be_hidden()
    assert page.locator("#main").get_attribute("inert") is None


def test_a_question_can_be_put_away_to_look_and_comes_back_with_its_next_phase(visit: Visit) -> None:
    phone = visit().enter(**FOLLOWING)
    page = phone.page
    phone.tell(asked_room("asked"))
    page.get_by_role("button", name="Look at the network").click()
    expect(page.locator("#question")).to_be_hidden()
    phone.tell(asked_room("asked", answered=13))
    expect(page.locator("#question")).to_be_hidden()
    page.get_by_role("button", name="Question").click()
    expect(shown(page, "question")).to_contain_text("13 of 31 students have answered.")
    page.get_by_role("button", name="Look at the network").click()
    phone.tell(asked_room("shown"))
    expect(page.locator("#question")).to_be_visible()


def test_a_refused_answer_goes_back_to_the_one_that_counts(visit: Visit) -> None:
    phone = visit().enter(**{**FOLLOWING, "room": asked_room("asked"), "you": you(answers={"3": [1, None]})})
    page = phone.page
    expect(page.get_by_role("radio", name="0.2")).to_be_checked()
    phone.commands["answer"] = {"code": "too_late", "message": "the question is closed"}
    page.get_by_role("radio", name="0.5").click()
    expect(shown(page, "trouble")).to_have_text("Not taken: the question is closed")
    expect(page.get_by_role("radio", name="0.2")).to_be_checked()


def test_a_lost_connection_leaves_the_picture_and_comes_back_with_what_was_moved_meanwhile(visit: Visit) -> None:
    phone = visit().enter(**CLASS)
    page = phone.page
    expect(page.locator(".figure").first).to_contain_text("91.2%")
    phone.deaf = True
    phone.lose()
    expect(page.locator(".connection")).to_have_text("reconnecting")
    expect(shown(page, "note")).to_contain_text("There is no connection.")
    expect(page.locator(".figure").first).to_contain_text("91.2%")
    page.get_by_label("Dropout rate (hidden)").fill("0.8")
    expect(shown(page, "knobs")).to_contain_text("Not sent yet")
    phone.topics["mine"] = told.in_class(accuracy=0.95)
    phone.deaf = False
    page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(page.locator(".connection")).to_have_text("connected")
    expect(page.locator(".figure").first).to_contain_text("95.0%")
    until(page, lambda: phone.of("knobs"))
    assert phone.of("knobs")[-1]["hidden"] == 0.8
    expect(page.get_by_label("Dropout rate (hidden)")).to_have_value("0.8")


@pytest.mark.parametrize(
    ("code", "words", "title", "can_rejoin"),
    [
        (4410, "this room has ended", "The room has ended", False),
        (4403, "the host removed you from this room", "You are no longer in this room", True),
        (4404, "there is no room with this code", "There is no such room", False),
    ],
)
def test_what_is_over_is_said_and_the_token_is_forgotten(
    visit: Visit, code: int, words: str, title: str, can_rejoin: bool
) -> None:
    phone = visit().enter(**CLASS)
    page = phone.page
    phone.close_with = code, words
    phone.lose()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("#dock")).to_be_hidden()
    expect(page.get_by_role("button", name="Join again")).to_be_visible(visible=can_rejoin)
    assert page.evaluate("() => Object.keys(localStorage)") == []
    if can_rejoin:
        expect(shown(page, "gone")).to_have_text("The host removed you from this room.")
        phone.close_with = None
        page.get_by_role("button", name="Join again").click()
        expect(page.get_by_label("Your name", exact=True)).to_be_focused()


def test_one_can_be_called_otherwise_unless_the_room_is_muted(visit: Visit) -> None:
    phone = visit().enter(**CLASS)
    page = phone.page
    page.get_by_role("button", name="Change the name").click()
    page.get_by_label("Name", exact=True).fill("Ada L.")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("#rename")).to_be_hidden()
    assert [each["name"] for each in phone.of("call")] == ["Ada L."]
    phone.commands["call"] = {"code": "muted", "message": "the host names everybody in this room"}
    page.get_by_role("button", name="Change the name").click()
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("#rename-trouble")).to_have_text("The host names everybody in this room.")
    page.get_by_role("button", name="Cancel").click()
    phone.tell(room(way="class", class_run=told.class_run(), muted=True))
    expect(page.get_by_role("button", name="Change the name")).to_be_disabled()


def test_nothing_moves_while_topics_come_and_questions_go(visit: Visit) -> None:
    phone = visit()
    phone.page.add_init_script(SHIFTS)
    phone.enter(**CLASS)
    page = phone.page
    for step in range(1, 6):
        phone.tell(
            told.in_class(step=432 + step * 1000, loss=0.4 + step, accuracy=0.9 + step / 1000, rank=3 + step * 5)
        )
        phone.tell(room(way="class", class_run=told.class_run(state="paused" if step % 2 else "playing")))
        page.wait_for_timeout(50)
    for phase in ("asked", "shown", "running", "again", "told"):
        phone.tell(room(way="class", class_run=told.class_run(), question=question(phase)))
        page.wait_for_timeout(50)
    phone.tell(room(way="class", class_run=told.class_run()))
    phone.deaf = True
    phone.lose()
    expect(page.locator(".connection")).to_have_text("reconnecting")
    page.wait_for_timeout(100)
    assert sum(page.evaluate("() => window.shifts")) < 0.02


STATES: Final[dict[str, dict[str, Any]]] = {
    "follow": FOLLOWING,
    "lent": {**FOLLOWING, "room": room(run=told.host_run(), knobs_of={"id": ME, "name": "Ada"})},
    "own": OWN,
    "class": {**CLASS, "you": you(lane=3, began=120)},
    "waiting": {"room": room(way="class")},
    "asked": {**FOLLOWING, "room": asked_room("asked"), "you": you(answers={"3": [1, None]})},
    "shown": {**FOLLOWING, "room": asked_room("shown"), "you": ANSWERED},
    "told": {**FOLLOWING, "room": asked_room("told"), "you": ANSWERED},
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barriers_every_target_is_large_and_nothing_is_wider_than_a_phone(
    visit: Visit, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    phone = visit(color_scheme=scheme)
    page = phone.page

    def look(state: str) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, f"{state}: {results.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, state
        small = page.evaluate("""() => {
          const targets = [...document.querySelectorAll("button, a[href], input, summary, label.choice")];
          return targets.filter((each) => each.checkVisibility() && !each.closest("[inert]"))
            .filter((each) => !each.closest("label") || each.matches("label"))
            .map((each) => [each.outerHTML.slice(0, 60), each.getBoundingClientRect().height])
            .filter(([, height]) => height < 43.5);
        }""")
        assert [each for each in small if 'role="switch"' not in each[0]] == [], state  # its label's row is its target

    phone.open("/rooms")
    look("rooms")
    phone.open()
    expect(page.get_by_label("Your name", exact=True)).to_be_focused()
    look("join")
    for state, topics in STATES.items():
        phone.topics = {"you": you(), **topics}
        phone.enter()
        if topics.get("mine"):
            page.get_by_text("More knobs").click()
        look(state)
    phone.close_with = 4410, "this room has ended"
    phone.lose()
    expect(page.get_by_role("heading", level=1)).to_have_text("The room has ended")
    look("ended")


def test_the_keyboard_reaches_everything_and_a_question_takes_the_focus_only_from_what_it_covers(visit: Visit) -> None:
    phone = visit().enter(**CLASS)
    page = phone.page
    names = []
    for _ in range(5):
        page.keyboard.press("Tab")
        names.append(page.evaluate("() => document.activeElement.textContent.trim() || document.activeElement.id"))
    assert names == ["You are Ada. Change the name", "Begin again", "Whole lab", "knob-hidden", "More knobs"]
    phone.tell(room(way="class", class_run=told.class_run(), question=question()))
    expect(page.locator("#question-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    until(page, lambda: phone.of("answer"))
    assert phone.of("answer")[0]["choice"] == 0


def test_from_the_page_of_rooms_one_opens_a_room_or_joins_one(visit: Visit) -> None:
    phone = visit().open("/rooms")
    page = phone.page
    page.get_by_role("button", name="Open a room").click()
    page.wait_for_url(f"**/rooms/{CODE}/host")
    assert page.evaluate(f"() => localStorage.getItem('dropout-lab-room:/:host:{CODE}')") == "host token"
    phone.open("/rooms")
    page.get_by_label("Code").fill("k7qx3m")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/r/{CODE}")


@pytest.mark.expected_errors("status of 4")
def test_the_page_of_rooms_says_what_went_wrong(visit: Visit) -> None:
    phone = visit().open("/rooms")
    page = phone.page
    page.get_by_label("Code").fill("222222")
    page.keyboard.press("Enter")
    expect(page.locator("#join-code-trouble")).to_have_text("There is no room with this code.")
    phone.refusals["POST /api/rooms"] = 429, {"code": "too_many_rooms", "message": "this server has no room left"}
    page.get_by_role("button", name="Open a room").click()
    expect(page.locator("#open-trouble")).to_have_text("This server has no room left.")


def test_a_host_who_could_not_come_back_opens_no_room(visit: Visit) -> None:
    phone = visit()
    phone.page.add_init_script("Storage.prototype.setItem = () => { throw new Error('denied'); };")
    phone.open("/rooms")
    phone.page.get_by_role("button", name="Open a room").click()
    expect(phone.page.locator("#open-trouble")).to_contain_text("lets the page remember nothing")
    assert phone.asked == []
