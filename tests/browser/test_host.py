"""The host's page: the remote control of a room."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import roomed
from tests.browser.conftest import OpenPage
from tests.browser.owned import KEY
from tests.browser.roomed import CODE, HOST_KEY, RoomPage
from tests.browser.stage import call
from tests.browser.test_page import PHONE, SHIFTS

Visit = Callable[..., RoomPage]
ADDRESS = f"/rooms/{CODE}/host"


@pytest.fixture
def visit(open_page: OpenPage, static_url: str) -> Visit:
    """Opens the page of a host; the room has the topics that are given."""

    def one(*topics: dict[str, Any], token: str | None = "t", query: str = "", **options: Any) -> RoomPage:
        return RoomPage(open_page(**options), static_url, "host").open(*topics, token=token, query=query)

    return one


def usual(count: int = 31, simulated: int = 0, way: str = "class", **beside: Any) -> list[dict[str, Any]]:
    students = {"joined": count, "here": count - 2, "simulated": simulated, "waiting": 0}
    return [
        roomed.room(way=way, students=students, **beside),
        roomed.people(count, simulated, way),
        roomed.offered(),
    ]


def row(host: RoomPage, number: int) -> Locator:
    return host.page.locator(f"[data-person=m{number}]")


def names(host: RoomPage) -> list[str]:
    return host.page.locator(".person-name").all_text_contents()


def press(host: RoomPage, name: str) -> None:
    host.page.get_by_role("button", name=name, exact=True).click()


class TestWhoIsHost:
    def test_the_token_of_this_browser_opens_the_room(self, visit: Visit) -> None:
        host = visit(*usual())
        expect(host.page.locator(".host-code")).to_have_text(CODE)
        expect(host.page.locator("[data-show=students]")).to_have_text("29 of 31 students are here.")
        assert host.heard("join", 1) == [{"op": "join", "token": "t", "shows": "host", "at": "/"}]

    def test_a_token_in_the_address_is_kept_and_goes_from_it_at_once(self, visit: Visit) -> None:
        host = visit(*usual(), token=None, query="#token=brought")
        expect(host.page.locator("main")).to_be_visible()
        assert host.page.url.endswith(ADDRESS)
        assert host.page.evaluate("() => history.length") <= 2
        assert host.page.evaluate("key => localStorage.getItem(key)", HOST_KEY) == "brought"
        assert host.ops("join")[0]["token"] == "brought"
        assert not any("brought" in path for _, path, _ in host.asked)

    def test_without_one_it_says_so_and_connects_to_nothing(self, visit: Visit) -> None:
        host = visit(*usual(), token=None)
        expect(host.page.get_by_role("alert")).to_contain_text(["This browser is not the host of this room."])
        expect(host.page.get_by_role("link", name="Open a room, or join one")).to_have_attribute("href", "/rooms")
        expect(host.page.locator("main")).to_be_hidden()
        assert host.said == []

    def test_a_token_that_the_server_does_not_know_is_forgotten(self, visit: Visit) -> None:
        host = visit(*usual())
        expect(host.page.locator("main")).to_be_visible()
        host.ending = (4403, "wrong token")
        host.leave()
        expect(host.page.locator("#no-host")).to_contain_text(
            "The server does not know this browser as host of this room."
        )
        assert host.page.evaluate("key => localStorage.getItem(key)", HOST_KEY) is None

    def test_another_device_becomes_host_with_a_code_that_only_the_dialog_shows(self, visit: Visit) -> None:
        host = visit(*usual())
        press(host, "Control from my phone")
        dialog = host.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Whoever scans this code is host as well.")
        host.page.wait_for_function("() => document.querySelector('.phone-picture').naturalWidth > 0")
        [(_, _, body)] = [each for each in host.asked if each[0] == "POST"]
        assert body == {"text": f"http://192.168.1.5:8000{ADDRESS}#token=t"}
        assert host.page.evaluate("() => document.body.textContent.includes('#token')") is False
        dialog.get_by_role("button", name="Close").click()
        assert host.page.locator(".phone-picture").get_attribute("src") is None

    @pytest.mark.parametrize(
        ("link", "address"),
        [
            ("http://10.0.0.4:8000/r/K7QX3M", "http://10.0.0.4:8000/rooms/K7QX3M/host#token=a%2Bb"),
            ("https://school.example/lab/r/K7QX3M", "https://school.example/lab/rooms/K7QX3M/host#token=a%2Bb"),
        ],
    )
    def test_its_address_is_where_the_students_link_leads(self, module_page: Any, link: str, address: str) -> None:
        given = {"link": link, "code": "K7QX3M"}
        assert call(module_page, "rooms/host/dialogs", "hostAddress", given, "a+b") == address


class TestHead:
    def test_the_link_is_copied_also_where_there_is_no_clipboard(self, visit: Visit) -> None:
        host = visit(*usual())
        host.page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        host.page.evaluate("() => document.addEventListener('copy', () => { window.copied = String(getSelection()); })")
        press(host, "Copy")
        expect(host.page.locator("[data-show=copied]")).to_have_text("Copied.")
        assert host.page.evaluate("() => window.copied") == f"http://192.168.1.5:8000/r/{CODE}"

    @pytest.mark.parametrize("width", [1024, 1366, 1920])
    def test_copy_stands_beside_the_address(self, visit: Visit, width: int) -> None:
        host = visit(*usual(), viewport={"width": width, "height": 768})
        address, copy = host.page.locator("#address").bounding_box(), host.page.locator("[data-do=copy]").bounding_box()
        assert address
        assert copy
        assert address["x"] + address["width"] <= copy["x"]
        assert abs(address["y"] + address["height"] / 2 - copy["y"] - copy["height"] / 2) < 2
        assert host.page.locator("#address").evaluate("(field) => field.scrollWidth <= field.clientWidth")

    def test_the_projector_opens_in_a_tab_of_its_own(self, visit: Visit) -> None:
        link = visit(*usual()).page.get_by_role("link", name="Open the projector")
        expect(link).to_have_attribute("href", f"/rooms/{CODE}/projector")
        expect(link).to_have_attribute("target", "_blank")

    def test_one_of_several_addresses_is_chosen(self, visit: Visit) -> None:
        host = visit(*usual())
        other = f"http://10.0.0.4:8000/r/{CODE}"
        host.page.locator("#links").select_option(other)
        assert host.heard("link") == [{"op": "link", "to": other}]
        host.say(roomed.room(links=[other], link=other, only_here=True))
        expect(host.page.locator("#address")).to_have_value(other)
        expect(host.page.locator("#links")).to_be_hidden()
        expect(host.page.locator("[data-show=only-here]")).to_be_visible()

    def test_what_is_refused_is_said_and_shown_as_it_is(self, visit: Visit) -> None:
        host = visit(*usual())
        host.refusals["lock"] = "the room has ended"
        switch = host.page.get_by_role("switch", name="Locked")
        switch.click()
        expect(host.page.locator("#notice")).to_contain_text("That was not done: the room has ended")
        expect(switch).not_to_be_checked()
        host.page.get_by_role("switch", name="Students choose no names").check()
        host.say(usual(muted=True)[0])
        expect(host.page.get_by_role("switch", name="Students choose no names")).to_be_checked()
        assert host.heard("mute", 1) == [{"op": "mute", "on": True}]

    def test_the_room_is_ended_only_by_who_is_sure(self, visit: Visit) -> None:
        host = visit(*usual())
        press(host, "End the room")
        expect(host.page.get_by_role("button", name="Leave it")).to_be_focused()
        host.page.keyboard.press("Escape")
        assert host.ops("end") == []
        press(host, "End the room")
        host.page.get_by_role("dialog").get_by_role("button", name="End the room").click()
        expect(host.page.get_by_role("dialog")).to_be_hidden()
        assert host.heard("end", 1) == [{"op": "end"}]
        host.ending = (4410, "The room has ended.")
        host.leave(4410)
        expect(host.page.locator("#no-host")).to_contain_text("The room has ended.")
        assert host.page.evaluate("key => localStorage.getItem(key)", HOST_KEY) is None


class TestRun:
    def test_the_way_is_one_of_three(self, visit: Visit) -> None:
        host = visit(*usual())
        expect(host.page.get_by_role("button", name="One run together")).to_have_attribute("aria-pressed", "true")
        host.page.get_by_role("button", name="Follow me").click()
        host.say(*usual(way="follow"))
        expect(host.page.get_by_role("button", name="Follow me")).to_have_attribute("aria-pressed", "true")
        expect(host.page.locator("#begin")).to_be_hidden()
        expect(host.page.locator("#experiment")).to_be_visible()
        assert host.heard("way", 1) == [{"op": "way", "to": "follow"}]

    def test_it_plays_pauses_steps_and_has_a_speed(self, visit: Visit) -> None:
        host = visit(*usual())
        expect(host.page.locator("[data-show=state]")).to_have_text("Training: step 600.")
        expect(host.page.get_by_role("button", name="Play", exact=True)).to_be_disabled()
        press(host, "Pause")
        run = {**roomed.room()["class_run"], "state": "paused"}
        host.say(usual(class_run=run)[0])
        expect(host.page.locator("[data-show=state]")).to_have_text("Paused at step 600.")
        press(host, "One step")
        press(host, "Play")
        host.page.locator("#speed").select_option("20")
        host.page.locator("#speed").select_option("null")
        host.heard("speed", 2)
        assert [each for each in host.said if each["op"] in ("play", "pause", "step", "speed")] == [
            {"op": "pause", "id": 1},
            {"op": "step", "count": 1, "id": 2},
            {"op": "play", "id": 3},
            {"op": "speed", "steps_per_second": 20, "id": 4},
            {"op": "speed", "steps_per_second": None, "id": 5},
        ]

    def test_a_speed_that_is_none_of_the_list_is_shown(self, visit: Visit) -> None:
        host = visit(*usual(class_run={**roomed.room()["class_run"], "speed": 37.5}))
        expect(host.page.locator("#speed option:checked")).to_have_text("37.5 steps a second")

    def test_a_class_run_begins_and_anew_only_for_who_is_sure(self, visit: Visit) -> None:
        host = visit(*usual(class_run=None))
        press(host, "Begin the class run")
        host.say(usual()[0])
        host.page.locator("#places").fill("50")
        press(host, "Begin anew")
        expect(host.page.get_by_role("dialog")).to_contain_text("ends, with all its networks")
        host.page.get_by_role("dialog").get_by_role("button", name="Begin anew").click()
        expect(host.page.get_by_role("dialog")).to_be_hidden()
        assert host.heard("begin", 2) == [{"op": "begin"}, {"op": "begin", "places": 50}]
        host.page.locator("#places").fill("129")
        press(host, "Begin anew")
        expect(host.page.get_by_role("dialog")).to_be_hidden()

    def test_an_experiment_is_opened_by_who_is_sure(self, visit: Visit) -> None:
        host = visit(*usual(way="own"))
        expect(host.page.locator("[data-show=experiment]")).to_have_text("Now: With and without dropout")
        expect(host.page.get_by_role("button", name="Play all")).to_be_enabled()
        host.page.locator("#experiment").select_option("rate")
        press(host, "Open it")
        host.page.get_by_role("dialog").get_by_role("button", name="Open it").click()
        expect(host.page.get_by_role("dialog")).to_be_hidden()
        assert host.heard("experiment", 1) == [{"op": "experiment", "name": "rate"}]

    def test_what_the_projector_shows_of_the_class(self, visit: Visit) -> None:
        host = visit(*usual())
        host.page.locator("#look").select_option("race")
        host.page.get_by_role("switch", name="Known curve").check()
        host.page.locator("#look").select_option("")
        assert host.heard("look", 2) == [
            {"op": "look", "panel": "race", "step": None},
            {"op": "look", "panel": None, "step": None},
        ]
        assert host.heard("known", 1) == [{"op": "known", "on": True}]

    def test_the_lab_knows_the_run_as_ones_own(self, visit: Visit) -> None:
        host = visit(*usual(way="follow"))
        link = host.page.get_by_role("link", name="Open this run in the lab")
        expect(link).to_have_attribute("href", "/?run=hosts&room=K7QX3M#mine")
        assert host.page.evaluate("key => localStorage.getItem(key)", KEY) is None
        link.evaluate("each => { each.addEventListener('click', (event) => event.preventDefault()); each.click(); }")
        kept = json.loads(host.page.evaluate("key => localStorage.getItem(key)", KEY))
        assert kept == [{"id": "hosts", "token": "t"}]

    def test_knobs_that_are_lent_are_taken_back(self, visit: Visit) -> None:
        host = visit(*usual(way="follow", knobs_of={"id": "m1", "name": "Bo"}))
        expect(host.page.locator("[data-show=lent]")).to_contain_text("Bo turns the knobs of your run.")
        press(host, "Take them back")
        assert host.heard("lend") == [{"op": "lend", "student": None}]


class TestQuestion:
    def test_a_ready_made_one_is_asked(self, visit: Visit) -> None:
        host = visit(*usual())
        host.page.locator("#ready").select_option("train")
        host.page.locator("[data-do=ask]").click()
        assert host.heard("ask") == [{"op": "ask", "key": "train"}]

    def test_ones_own_has_two_to_six_choices(self, visit: Visit) -> None:
        host = visit(*usual())
        host.page.get_by_text("Write one yourself").click()
        form = host.page.locator("#own-question")
        for _ in range(4):
            form.get_by_role("button", name="One choice more").click()
        expect(form.get_by_role("button", name="One choice more")).to_be_disabled()
        for _ in range(3):
            form.get_by_role("button", name="One choice fewer").click()
        form.get_by_label("Question").fill("  Is it raining?  ")
        form.get_by_label("Choice 1").fill("Yes")
        form.get_by_label("Choice 2").fill("No")
        form.get_by_role("button", name="Ask").click()
        assert host.ops("ask") == []  # the third is still empty
        form.get_by_label("Choice 3").fill("Snow")
        form.get_by_role("button", name="Ask").click()
        expect(form.get_by_label("Question")).to_have_value("")
        assert host.heard("ask", 1) == [{"op": "ask", "text": "Is it raining?", "choices": ["Yes", "No", "Snow"]}]

    def test_each_phase_says_what_comes_next(self, visit: Visit) -> None:
        host = visit(*usual())
        section = host.page.locator("#question")
        labels = {
            "asked": "Show the answers",
            "shown": "Let the run play",
            "running": "Ask again what they saw",
            "again": "Show the second answers and what is true",
            "told": "Close the question",
        }
        for place, (phase, label) in enumerate(labels.items()):
            host.say(usual(question=roomed.question(phase))[0])
            expect(section.locator("[data-do=next]")).to_have_text(label)
            expect(section.locator("[aria-current=step]")).to_have_count(1)
            expect(section.locator(".phases li.is-done")).to_have_count(place)
            section.locator("[data-do=next]").click()
        expect(section.get_by_role("button", name="Drop the question")).to_be_hidden()
        expect(section).to_contain_text("B  0.2: at first 9 (29%), then 19 (63%), true")
        assert host.heard("next", 5) == [{"op": "next", "phase": phase} for phase in labels]
        host.say(usual(question=roomed.question("again", text="One of the host's own"))[0])
        expect(section.locator("[data-do=next]")).to_have_text("Show the second answers")

    def test_who_has_not_answered_is_told_by_name(self, visit: Visit) -> None:
        host = visit(*usual(question=roomed.question()))
        people = roomed.people(31)["people"]
        missing = [each["name"] for each in people if each["here"] and not each["answered"]]
        section = host.page.locator("#question [data-show=open]")
        expect(section).to_contain_text("22 of 31 have answered. The run waits.")
        section.locator("summary").click()
        expect(section.locator("details p")).to_have_text(", ".join(missing))
        for each in people:
            each["answered"] = True
        host.say({"op": "people", "people": people})
        expect(section.locator("details")).to_be_hidden()


class TestPeople:
    def test_each_is_told_with_what_the_host_needs(self, visit: Visit) -> None:
        host = visit(*usual(100, 20))
        expect(row(host, 0)).to_contain_text("Ada")
        expect(row(host, 5).locator(".cell-here")).to_have_text("away")
        expect(row(host, 3)).to_contain_text("does not read")
        expect(row(host, 28)).to_contain_text("diverged at step 196")
        expect(row(host, 99)).to_contain_text("Simulated 20")
        expect(row(host, 99)).to_contain_text("simulated")
        expect(row(host, 1).locator(".cell-latency")).to_have_text("27 ms")
        expect(row(host, 1).locator(".cell-age")).to_have_text("1.3 s")
        expect(row(host, 1).locator(".cell-step")).to_have_text("599")

    def test_they_are_sorted_and_what_is_not_known_comes_last(self, visit: Visit) -> None:
        host = visit(*usual(60))
        people = roomed.people(60)["people"]
        expect(host.page.locator("tbody tr")).to_have_count(60)
        assert names(host)[:4] == ["Ada", "Ada 2", "Ada 3", "Bo"]
        host.page.get_by_role("button", name="Validation loss").click()
        ordered = [
            each["name"]
            for each in sorted((each for each in people if not each["gone"]), key=lambda each: each["loss"])
        ]
        assert names(host)[: len(ordered)] == ordered
        assert {*names(host)[len(ordered) :]} == {each["name"] for each in people if each["gone"]}
        host.page.get_by_role("button", name="Validation loss").click()
        assert names(host)[: len(ordered)] == ordered[::-1]
        assert {*names(host)[len(ordered) :]} == {each["name"] for each in people if each["gone"]}
        expect(host.page.locator("th[data-sort=loss]")).to_have_attribute("aria-sort", "descending")
        host.page.locator("#sort").select_option("here")
        assert names(host)[-1] in [each["name"] for each in people if not each["here"]]

    def test_rows_stay_and_keep_their_order_while_somebody_reaches_for_one(self, visit: Visit) -> None:
        host = visit(*usual(128))
        host.page.get_by_role("button", name="Validation loss").click()
        before = names(host)
        host.page.evaluate("() => { for (const each of document.querySelectorAll('tbody tr')) each.old = true; }")
        row(host, 7).get_by_role("button").focus()
        people = roomed.people(128)["people"]
        for each in people:
            each["loss"] = None if each["loss"] is None else 1 - each["loss"]
            each["step"] = 700
        host.say({"op": "people", "people": people[:-1]})
        expect(row(host, 7).locator(".cell-step")).to_have_text("700")
        assert names(host) == [name for name in before if name != people[-1]["name"]]
        assert host.page.evaluate("() => [...document.querySelectorAll('tbody tr')].every((each) => each.old)")
        expect(row(host, 7).get_by_role("button")).to_be_focused()
        host.page.locator("#sort").focus()
        host.page.mouse.move(5, 5)
        running = [each for each in people[:-1] if not each["gone"]]
        assert names(host)[: len(running)] == [each["name"] for each in sorted(running, key=lambda each: each["loss"])]

    def test_own_runs_have_a_small_curve_each(self, visit: Visit) -> None:
        people = roomed.people(40, way="own")
        host = visit(*usual(40, way="own"), roomed.curves(people))
        expect(host.page.locator(".cell-curve svg")).to_have_count(40)
        expect(row(host, 3).get_by_role("img", name="Losses of Dmitri")).to_be_visible()
        host.say(*usual(40))
        expect(host.page.locator(".cell-curve svg")).to_have_count(0)

    def test_one_is_renamed_shown_and_removed(self, visit: Visit) -> None:
        host = visit(*usual())
        row(host, 1).get_by_role("button", name="More for Bo").click()
        dialog = host.page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Lend the knobs")).to_be_hidden()
        dialog.get_by_label("Name").fill("Bo L.")
        dialog.get_by_label("Name").press("Enter")
        expect(dialog).to_be_hidden()
        row(host, 1).get_by_role("button").click()
        press(host, "Show on the projector")
        expect(dialog).to_be_hidden()
        host.say(usual(shown={"id": "m1", "name": "Bo"})[0])
        row(host, 1).get_by_role("button").click()
        press(host, "Show on the projector no more")
        expect(dialog).to_be_hidden()
        row(host, 1).get_by_role("button").click()
        press(host, "Remove …")
        expect(dialog).to_contain_text("Remove Bo?")
        press(host, "Leave it")
        expect(dialog).to_be_hidden()
        assert host.ops("remove") == []
        row(host, 1).get_by_role("button").click()
        press(host, "Remove …")
        press(host, "Remove")
        expect(dialog).to_be_hidden()
        assert host.heard("rename", 1) == [{"op": "rename", "student": "m1", "name": "Bo L."}]
        assert host.heard("show", 2) == [{"op": "show", "student": "m1"}, {"op": "show", "student": None}]
        assert host.heard("remove", 1) == [{"op": "remove", "student": "m1"}]

    def test_knobs_are_lent_in_the_way_that_has_some(self, visit: Visit) -> None:
        host = visit(*usual(way="follow"))
        row(host, 1).get_by_role("button").click()
        expect(host.page.get_by_role("button", name="Show on the projector")).to_be_hidden()
        press(host, "Lend the knobs of my run")
        expect(host.page.get_by_role("dialog")).to_be_hidden()
        assert host.heard("lend", 1) == [{"op": "lend", "student": "m1"}]

    def test_a_name_is_text_whatever_it_looks_like(self, visit: Visit) -> None:
        people = roomed.people(1)
        people["people"][0]["name"] = "<img src=x onerror=alert(1)>"
        host = visit(roomed.room(), people, roomed.offered())
        expect(row(host, 0).locator(".person-name")).to_have_text("<img src=x onerror=alert(1)>")


def test_a_rehearsal_says_how_its_students_are_marked(visit: Visit) -> None:
    host = visit(*usual())
    host.page.get_by_role("heading", name="Rehearsal").click()
    section = host.page.locator("#rehearsal")
    expect(section.get_by_role("button", name="Send them away")).to_be_disabled()
    section.get_by_label("Students").fill("40")
    section.get_by_role("button", name="Start").click()
    host.say(*usual(71, 40))
    expect(section).to_contain_text("40 simulated students are here. They are marked “simulated” in the list")
    section.get_by_role("button", name="Send them away").click()
    assert host.heard("rehearse", 2) == [{"op": "rehearse", "students": 40}, {"op": "rehearse", "students": 0}]


def test_results_are_taken_away_with_names_only_on_demand(visit: Visit, tmp_path: Path) -> None:
    host = visit(*usual())
    host.page.get_by_role("heading", name="Results").click()
    for _ in range(2):
        with host.page.expect_download() as waiting:
            press(host, "Download")
        waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
        host.page.get_by_role("switch", name="With names").check()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"dropout-lab-room-{CODE}-with-names.csv",
        f"dropout-lab-room-{CODE}.csv",
    ]
    paths = [path for _, path, _ in host.asked if "results" in path]
    assert paths == [f"/api/rooms/{CODE}/results.csv", f"/api/rooms/{CODE}/results.csv?names=true"]


def test_what_was_last_known_stays_while_the_connection_is_lost(visit: Visit) -> None:
    host = visit(*usual())
    line = host.page.locator("[data-show=connection]")
    expect(row(host, 1)).to_be_visible()
    host.leave()
    expect(line).to_contain_text("Connection lost. Reconnecting …")
    expect(row(host, 1)).to_be_visible()
    expect(line).to_be_hidden()
    assert len(host.ops("join")) == 2


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(visit: Visit) -> None:
    host = visit(*usual(2))
    expect(row(host, 1)).to_be_visible()
    seen = []
    for _ in range(60):
        host.page.keyboard.press("Tab")
        what = "() => document.activeElement.textContent.trim().slice(0, 24) || document.activeElement.id"
        seen.append(host.page.evaluate(what))
    wanted = [
        "Skip to the controls",
        "address",
        "Copy",
        "Open the projector",
        "Control from my phone",
        "locked",
        "End the room",
    ]
    places = [
        seen.index(each) for each in [*wanted, "Follow meAll watch one r", "Pause", "Rehearsal", "Results", "Name"]
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("options", [{}, PHONE], ids=["laptop", "phone"])
def test_nothing_jumps_and_nothing_is_cut_off(open_page: OpenPage, static_url: str, options: Any) -> None:
    page = open_page(**options)
    page.add_init_script(SHIFTS)
    host = RoomPage(page, static_url, "host").open(*usual(60))
    expect(row(host, 59)).to_be_attached()
    for step in (601, 12_345, 1_234_567):
        host.say(usual(60, class_run={**roomed.room()["class_run"], "step": step})[0], roomed.people(60, seed=step))
        expect(page.locator("[data-show=state]")).to_contain_text(f"{step:,}")
    host.leave()
    expect(page.locator("[data-show=connection]")).to_contain_text("Connection lost")
    assert sum(page.evaluate("window.shifts")) < 0.02
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_axe_finds_no_barriers(visit: Visit, scheme: str, size: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {**(PHONE if size == "phone" else {}), "color_scheme": scheme}
    host = visit(*usual(40, 10), **options)
    page = host.page
    page.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")

    def check() -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    check()
    for opening in ("Control from my phone", "End the room", "More for Ada"):
        page.get_by_role("button", name=opening, exact=True).click()
        check()
        page.keyboard.press("Escape")
    for topics in (
        usual(40, question=roomed.question("told")),
        usual(12, way="own", question=roomed.question()),
        usual(0, way="follow", run=None, only_here=True),
    ):
        host.say(*topics)
        check()
    expect(page.locator("[data-show=nobody]")).to_be_visible()
