"""What pages of rooms are made of, piece by piece: the link, tokens, codes, knobs, curves, masks, and what is shown."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.browser import classroom as told
from tests.browser.stage import call

WORLD: Final = """async (options) => {
  const { createRoomLink } = await import("/static/js/rooms/link.js");
  const clock = { now: 1000, timers: [], next: 1 };
  const listeners = {};
  const listen = (name, heard) => (listeners[name] ??= new Set()).add(heard);
  const unlisten = (name, heard) => listeners[name]?.delete(heard);
  const document = { visibilityState: "visible", addEventListener: listen, removeEventListener: unlisten };
  const setTimeout = (does, wait = 0) => {
    clock.timers.push({ id: clock.next, at: clock.now + wait, does });
    return clock.next++;
  };
  const fakeWindow = {
    document, setTimeout, Date: { now: () => clock.now }, addEventListener: listen, removeEventListener: unlisten,
    clearTimeout: (id) => { clock.timers = clock.timers.filter((each) => each.id !== id); },
    requestAnimationFrame: (does) => { if (document.visibilityState === "visible") { setTimeout(does, 16); } },
    location: { host: "lab.example" },
    fetch: async (path) => { world.asked.push(path); return world.there ? { ok: true } : Promise.reject(new Error()); },
    reportError: (error) => world.errors.push(error.message),
  };
  const world = globalThis.world = { links: [], states: [], topics: [], errors: [], document,
    asked: [], there: false };
  world.advance = (ms) => {
    const end = clock.now + ms;
    for (;;) {
      const [due] = clock.timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!due) { break; }
      clock.timers = clock.timers.filter((each) => each !== due);
      clock.now = Math.max(clock.now, due.at);
      due.does();
    }
    clock.now = end;
  };
  world.sleep = (ms) => { clock.now += ms; };
  world.fire = (name) => { for (const heard of [...(listeners[name] ?? [])]) { heard(); } };
  world.listens = () => Object.values(listeners).reduce((sum, each) => sum + each.size, 0);
  const open = (_, path, token, events, beside) => {
    const link = { path, token, beside, events, sent: [], closed: false };
    world.links.push(link);
    return { send: (message) => link.sent.push(message), close: () => { link.closed = true; } };
  };
  world.last = () => world.links.at(-1);
  world.say = (message) => world.last().events.onMessage(message);
  world.drop = (code = 1006) => world.last().events.onClosed({ code, message: "" });
  world.link = createRoomLink({ window: fakeWindow, code: "K7QX3M", token: "t", open, random: () => 0.5,
    onState: (state) => world.states.push(state), onTopic: ({ op }) => world.topics.push(op), ...options });
}"""


@pytest.fixture
def link(module_page: Page) -> Page:
    """A page with a link to a room over a pretended connection, and a clock that only the test moves."""
    module_page.evaluate(WORLD, {})
    return module_page


def js(page: Page, expression: str) -> Any:
    return page.evaluate(f"async () => {{ const world = globalThis.world; return {expression}; }}")


def do(page: Page, statements: str) -> Any:
    return page.evaluate(f"async () => {{ const world = globalThis.world; {statements} }}")


def sent(page: Page, op: str) -> list[dict[str, Any]]:
    """What was sent over the present connection."""
    found: list[dict[str, Any]] = js(page, f"world.last().sent.filter(({{ op }}) => op === '{op}')")
    return found


def test_a_link_goes_to_the_room_below_the_lab_and_is_open_once_a_topic_comes(module_page: Page) -> None:
    module_page.evaluate(WORLD, {"shows": "projector", "token": None})
    made = js(module_page, "[world.last().path, world.last().token, world.last().beside]")
    assert made == ["/api/rooms/K7QX3M", None, {"shows": "projector"}]
    assert js(module_page, "world.link.state.status") == "connecting"
    do(module_page, "world.say({ op: 'room', n: 1 })")
    assert js(module_page, "[world.link.state.status, world.link.topics.room.n]") == ["open", 1]


def test_a_host_says_below_which_path_its_browser_has_the_lab(module_page: Page) -> None:
    module_page.evaluate(WORLD, {"shows": "host"})
    assert js(module_page, "world.last().beside") == {"shows": "host", "at": "/"}


def test_the_join_message_carries_the_token_and_what_is_shown(module_page: Page) -> None:
    first = module_page.evaluate("""async () => {
      const { openSocketLink } = await import("/static/js/link/socketlink.js");
      const said = [];
      class Fake extends EventTarget {
        constructor(url) { super(); this.url = url; setTimeout(() => this.dispatchEvent(new Event("open"))); }
        send(text) { said.push([this.url, JSON.parse(text)]); }
        close() {}
      }
      const fake = { WebSocket: Fake, location, setTimeout };
      const events = { onMessage() {}, onFrame() {}, onClosed() {} };
      openSocketLink(fake, "/lab/api/rooms/K7QX3M", "t", events, { shows: "host" });
      openSocketLink(fake, "/lab/api/rooms/K7QX3M", null, events);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return said;
    }""")
    assert [url.partition("/lab/")[2] for url, _ in first] == ["api/rooms/K7QX3M/live"] * 2
    assert all(url.startswith("ws://") for url, _ in first)
    assert [message for _, message in first] == [{"op": "join", "token": "t", "shows": "host"}, {"op": "join"}]


def test_topics_are_seen_once_they_are_painted_and_every_one_of_them(link: Page) -> None:
    do(link, "world.say({ op: 'room', n: 1 }); world.say({ op: 'you', n: 2 });")
    assert js(link, "world.topics") == ["room", "you"]
    assert sent(link, "seen") == []
    do(link, "world.advance(40)")
    assert sent(link, "seen") == [{"op": "seen", "n": 1}, {"op": "seen", "n": 2}]
    do(link, "world.document.visibilityState = 'hidden'; world.say({ op: 'room', n: 3 }); world.advance(1000)")
    assert sent(link, "seen")[-1] == {"op": "seen", "n": 3}  # nothing is painted on a hidden page


def test_who_asks_for_a_topic_hears_it_at_once_and_whenever_it_comes_until_it_is_enough(link: Page) -> None:
    heard = do(
        link,
        """const heard = [];
        world.say({ op: "room", n: 1 });
        const end = world.link.on("room", ({ n }) => heard.push(n));
        world.say({ op: "room", n: 2 });
        world.say({ op: "you", n: 3 });
        end();
        world.say({ op: "room", n: 4 });
        return heard;""",
    )
    assert heard == [1, 2]


def test_a_listener_that_fails_keeps_no_topic_from_being_seen(link: Page) -> None:
    do(link, "world.link.on('room', () => { throw new Error('broken'); }); world.say({ op: 'room', n: 1 });")
    do(link, "world.advance(40)")
    assert js(link, "world.errors") == ["broken"]
    assert js(link, "world.topics") == ["room"]
    assert sent(link, "seen") == [{"op": "seen", "n": 1}]


def test_commands_are_answered_by_their_ids(link: Page) -> None:
    answers = do(
        link,
        """world.say({ op: "room", n: 1 });
        const tell = ({ code, message }) => [code, message];
        const asked = [["play"], ["knobs", { hidden: 0.5 }], ["pause"]].map((each) => world.link.say(...each));
        const [play, knobs, pause] = world.last().sent.filter(({ id }) => id);
        world.say({ op: "error", id: knobs.id, error: { code: "not_yours", message: "these are not yours" } });
        world.say({ op: "ack", id: play.id });
        world.drop();
        const told = await Promise.all(asked.map((each) => each.then(({ op }) => op, tell)));
        return [knobs, told, await world.link.say("play").catch(tell)];""",
    )
    knobs, outcomes, later = answers
    assert (knobs["op"], knobs["hidden"]) == ("knobs", 0.5)
    assert outcomes[:2] == ["ack", ["not_yours", "these are not yours"]]
    assert (outcomes[2][0], later[0]) == ("disconnected", "disconnected")


def test_a_lost_connection_comes_back_later_each_time_up_to_five_seconds(link: Page) -> None:
    waits = do(
        link,
        """const waits = [];
        for (let round = 0; round < 6; round += 1) {
          world.drop();
          const { status, retryInMs } = world.link.state;
          waits.push([status, retryInMs]);
          world.advance(retryInMs - 1);
          const before = world.links.length;
          world.advance(2);
          waits.push(world.links.length - before);
        }
        return waits;""",
    )
    assert [each for each in waits if not isinstance(each, list)] == [1] * 6
    assert [each for each in waits if isinstance(each, list)] == [
        ["waiting", wait] for wait in (375, 750, 1500, 3000, 3750, 3750)
    ]


def test_phones_do_not_come_back_in_the_same_instant(module_page: Page) -> None:
    waits = module_page.evaluate("""async () => {
      const { retryAfter } = await import("/static/js/rooms/link.js");
      return [0, 3, 9].map((retries) => [0, 0.999].map((random) => retryAfter(retries, () => random)));
    }""")
    assert waits == [[250, 500], [2000, 3998], [2500, 4998]]


def test_after_a_connection_that_lasted_the_first_attempt_comes_soon_again(link: Page) -> None:
    do(link, "world.drop(); world.advance(400); world.drop(); world.advance(800); world.say({ op: 'room', n: 1 });")
    do(link, "world.drop()")
    assert js(link, "world.link.state.retryInMs") == 1500  # it lasted no time: the server lets nobody stay
    do(link, "world.advance(1600); world.say({ op: 'room', n: 2 }); world.sleep(6000); world.drop()")
    assert js(link, "world.link.state.retryInMs") == 375


@pytest.mark.parametrize("event", ["online", "pageshow", "visibilitychange"])
def test_whoever_comes_back_is_connected_at_once(link: Page, event: str) -> None:
    do(link, "for (let round = 0; round < 5; round += 1) { world.drop(); world.advance(5000); } world.drop()")
    before = js(link, "world.links.length")
    do(link, f"world.document.visibilityState = 'hidden'; world.fire('{event}')")
    assert js(link, "world.links.length") == before
    do(link, f"world.document.visibilityState = 'visible'; world.fire('{event}')")
    assert js(link, "world.links.length") == before + 1
    do(link, "world.say({ op: 'room', n: 1 })")
    assert js(link, "world.link.state.status") == "open"


def test_a_connection_that_died_while_the_phone_slept_is_noticed_and_replaced(link: Page) -> None:
    do(link, "world.say({ op: 'room', n: 1 }); world.document.visibilityState = 'hidden'; world.sleep(600000)")
    do(link, "world.document.visibilityState = 'visible'; world.fire('visibilitychange'); world.advance(3999)")
    assert js(link, "[world.links.length, world.last().closed]") == [1, False]
    assert len(sent(link, "ping")) == 1
    do(link, "world.advance(4000)")
    assert js(link, "[world.links.length, world.links[0].closed]") == [2, True]
    do(link, "world.say({ op: 'room', n: 2 })")
    assert js(link, "[world.link.state.status, world.link.topics.room.n]") == ["open", 2]


@pytest.mark.parametrize("answer", ["{ op: 'ack', id }", "{ op: 'error', id, error: {} }", "{ op: 'room', n: 2 }"])
def test_a_connection_that_answers_anything_lives(link: Page, answer: str) -> None:
    do(link, "world.say({ op: 'room', n: 1 }); world.advance(6500)")
    [ping] = sent(link, "ping")  # nothing was heard for five seconds
    do(link, f"const id = {ping['id']}; world.say({answer}); world.advance(4000)")
    assert js(link, "[world.links.length, world.link.state.status]") == [1, "open"]


def test_a_connection_over_which_nothing_ever_comes_is_given_up(link: Page) -> None:
    do(link, "world.advance(8001)")
    assert js(link, "[world.links[0].closed, world.link.state.status]") == [True, "waiting"]


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (4403, "refused", "You are no longer in this room."),
        (4404, "refused", "There is no room with this code."),
        (4400, "refused", "This page and the server do not speak the same language. Reload the page."),
        (4410, "ended", "The room has ended."),
    ],
)
def test_what_is_final_is_not_tried_again(link: Page, code: int, status: str, words: str) -> None:
    do(link, f"world.drop({code}); world.advance(60000); world.fire('online')")
    assert js(link, "world.links.length") == 1
    state = js(link, "world.link.state")
    assert (state["status"], state["code"], state["message"]) == (status, code, words)


def test_a_refusal_is_told_in_the_servers_words_and_one_can_come_again_with_another_token(link: Page) -> None:
    do(link, "world.say({ op: 'error', error: { code: 'x', message: 'the host removed you' } }); world.drop(4403)")
    assert js(link, "world.states.at(-1).message") == "the host removed you"
    do(link, "world.link.again('another')")
    assert js(link, "[world.links.length, world.last().token]") == [2, "another"]
    assert js(link, "world.link.state.status") == "connecting"


def test_a_room_that_is_too_full_for_now_is_tried_again_later(link: Page) -> None:
    do(link, "world.say({ op: 'error', error: { code: 'x', message: 'too many' } }); world.drop(4429)")
    state = js(link, "world.link.state")
    assert (state["status"], state["message"], state["retryInMs"]) == ("waiting", "too many", 3750)


@pytest.mark.parametrize("is_there", [True, False])
def test_where_no_live_connection_gets_through_to_a_server_that_answers_it_is_said(link: Page, is_there: bool) -> None:
    do(link, f"world.there = {str(is_there).lower()}; world.drop(); world.advance(5000); world.drop()")
    do(link, "world.advance(5000); world.drop(); await null; await null;")
    assert js(link, "world.asked") == ["/api/rooms/K7QX3M"]
    words = js(link, "world.link.state.message")
    assert ("WebSockets" in words and "lab.example" in words) == is_there
    do(link, "world.advance(5000); world.drop(); await null;")
    assert js(link, "[world.link.state.message, world.asked.length]") == [words, 1]
    do(link, "world.advance(5000); world.say({ op: 'room', n: 1 }); world.drop()")
    assert js(link, "world.link.state.message") == ""


def test_who_has_left_hears_nothing_and_comes_back_by_nothing(link: Page) -> None:
    do(link, "world.say({ op: 'room', n: 1 }); world.link.close(); world.fire('online'); world.advance(60000)")
    do(link, "world.say({ op: 'room', n: 2 })")
    assert js(link, "[world.links.length, world.topics, world.listens()]") == [1, ["room"], 0]


def test_tokens_are_kept_by_role_and_code_and_where_nothing_is_stored_as_long_as_the_page(module_page: Page) -> None:
    found = module_page.evaluate("""async () => {
      const { createRoomTokens } = await import("/static/js/rooms/tokens.js");
      const tokens = createRoomTokens(() => localStorage);
      tokens.set("student", "K7QX3M", "s");
      tokens.set("host", "K7QX3M", "h");
      const again = createRoomTokens(() => localStorage);
      const kept = [again.get("student", "K7QX3M"), again.get("host", "K7QX3M"), again.get("host", "222222")];
      again.forget("host", "K7QX3M");
      const closed = createRoomTokens(() => { throw new Error("denied"); });
      closed.set("student", "K7QX3M", "m");
      const left = Object.keys(localStorage);
      return [kept, left, closed.get("student", "K7QX3M"), closed.get("host", "K7QX3M"), tokens.works, closed.works];
    }""")
    assert found == [["s", "h", None], ["dropout-lab-room:/:student:K7QX3M"], "m", None, True, False]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("k7qx3m", "K7QX3M"),
        (" K7Q X3M ", "K7QX3M"),
        ("k7q-x3m", "K7QX3M"),
        ("http://192.168.1.5:8000/lab/r/k7qx3m", "K7QX3M"),
        ("https://x/r/K7QX3M/?from=qr#top", "K7QX3M"),
        ("", ""),
    ],
)
def test_a_code_is_read_without_regard_to_case_blanks_and_what_stands_before_it(
    module_page: Page, text: str, code: str
) -> None:
    assert call(module_page, "rooms/codes", "codeIn", text) == code


def test_what_cannot_be_a_code_is_told_before_anybody_is_asked(module_page: Page) -> None:
    def trouble(code: str) -> Any:
        return call(module_page, "rooms/codes", "codeTrouble", code)

    assert trouble("K7QX3M") == ""
    assert trouble("K7QX3") == "A code has 6 characters; this has 5."
    assert trouble("K7QXOM") == "No code has the character “O”."
    assert "projector" in trouble("")


@pytest.mark.parametrize("path", ["/r/k7qx3m", "/lab/r/K7QX3M/", "/rooms/K7QX3M/host", "/lab/rooms/K7QX3M/projector"])
def test_a_page_finds_its_code_in_its_address(module_page: Page, path: str) -> None:
    assert call(module_page, "rooms/codes", "codeOfPage", path) == "K7QX3M"


KNOB: Final = """async () => {
  const { createKnob } = await import("/static/js/rooms/knob.js");
  const world = globalThis.world = { sent: [], states: [], timers: [], now: 0 };
  const setTimeout = (does, wait) => world.timers.push({ at: world.now + wait, does });
  world.advance = async (ms) => {
    world.now += ms;
    const due = world.timers.filter(({ at }) => at <= world.now);
    world.timers = world.timers.filter((each) => !due.includes(each));
    for (const { does } of due) { does(); }
    for (let turn = 0; turn < 10; turn += 1) { await null; }
  };
  const send = (value) => new Promise((resolve, reject) => world.sent.push({ value, resolve, reject }));
  world.knob = createKnob({ send, setTimeout, onChange: (state) => world.states.push({ ...state }) });
  world.now_ = () => world.states.at(-1);
}"""


@pytest.fixture
def knob(module_page: Page) -> Page:
    """A page with a knob at 0.5, whose messages the test answers."""
    module_page.evaluate(KNOB)
    do(module_page, "world.knob.echo(0.5)")
    return module_page


def test_a_knob_shows_what_is_moved_at_once_and_sends_the_newest_eight_times_a_second(knob: Page) -> None:
    values = do(
        knob,
        """const { knob } = world;
        knob.hold();
        for (let step = 1; step <= 20; step += 1) {
          knob.move(step / 100);
          await world.advance(25);
          world.sent.at(-1).resolve();
        }
        const shown = world.now_().value;
        await world.advance(125); await world.advance(125);
        return [world.sent.map(({ value }) => value), shown];""",
    )
    sent_values, shown = values
    assert shown == 0.2
    assert sent_values[0] == 0.01
    assert sent_values[-1] == 0.2
    assert len(sent_values) <= 6  # in 750 ms
    assert sent_values == sorted(sent_values)


def test_what_the_server_says_moves_no_knob_under_a_finger_and_none_that_is_on_its_way(knob: Page) -> None:
    shown = do(
        knob,
        """const { knob } = world;
        const shown = [];
        knob.hold(); knob.move(0.8); knob.echo(0.5); shown.push(knob.value);
        knob.release(); knob.echo(0.5); shown.push(knob.value);
        world.sent[0].resolve(); await world.advance(0); shown.push(knob.value, world.now_().status);
        knob.echo(0.5); shown.push(knob.value);
        await world.advance(1000); shown.push(knob.value);
        knob.echo(0.3); shown.push(knob.value);
        return shown;""",
    )
    # The last word is the server's: it said 0.5 after it had acknowledged 0.8, and stayed with it.
    assert shown == [0.8, 0.8, 0.8, "taken", 0.8, 0.5, 0.3]


def test_an_acknowledged_value_stays_until_the_server_says_another(knob: Page) -> None:
    shown = do(
        knob,
        """world.knob.move(0.8); world.sent[0].resolve(); await world.advance(1000);
        return [world.knob.value, world.now_().status];""",
    )
    assert shown == [0.8, "taken"]


def test_a_refused_value_goes_back_with_the_servers_words(knob: Page) -> None:
    state = do(
        knob,
        """world.knob.move(0.8);
        world.sent[0].reject({ code: "not_yours", message: "the host has the knobs" });
        await world.advance(0);
        return world.now_();""",
    )
    assert state == {"value": 0.5, "status": "refused", "message": "the host has the knobs"}


def test_a_value_that_found_no_connection_is_sent_when_there_is_one_again(knob: Page) -> None:
    found = do(
        knob,
        """world.knob.move(0.8);
        world.sent[0].reject({ code: "disconnected", message: "" });
        await world.advance(0);
        const away = { ...world.now_() };
        world.knob.echo(0.5);
        await world.advance(200);
        world.knob.resend();
        world.sent[1].resolve();
        await world.advance(0);
        return [away, world.sent.map(({ value }) => value), world.now_().value, world.now_().status];""",
    )
    assert found == [{"value": 0.8, "status": "unsent", "message": ""}, [0.8, 0.8], 0.8, "taken"]


def test_a_knob_of_another_network_knows_nothing_of_what_was_on_its_way(knob: Page) -> None:
    state = do(
        knob,
        """world.knob.move(0.8); world.knob.restart(0.1);
        world.sent[0].reject({ code: "gone", message: "too late" });
        await world.advance(0);
        return world.now_();""",
    )
    assert state == {"value": 0.1, "status": "still", "message": ""}


@pytest.mark.parametrize(
    ("high", "wanted", "ticks"),
    [
        (2.9, 3, [0, 1, 2, 3]),
        (0.44, 3, [0, 0.2, 0.4, 0.6]),
        (432, 4, [0, 200, 400, 600]),
        (0, 3, [0]),
        (7, 3, [0, 2.5, 5, 7.5]),
    ],
)
def test_ticks_are_round_and_reach_what_is_drawn(
    module_page: Page, high: float, wanted: int, ticks: list[float]
) -> None:
    assert call(module_page, "rooms/curve", "ticksTo", high, wanted) == ticks


def test_a_curve_is_told_in_words_with_its_end_and_its_lowest(module_page: Page) -> None:
    lines = [
        {"name": "your network", "lane": 1, "values": [2.0, 0.4, 0.5]},
        {"name": "late", "lane": 0, "values": [None, None, 1.0]},
        {"name": "none", "lane": 0, "values": [None, None, None]},
    ]
    assert call(module_page, "rooms/curve", "curveWords", {"step": [0, 10, 1000], "lines": lines}) == (
        "Loss on new examples by training step. your network: 0.500 at step 1,000, lowest 0.400 at step 10. "
        "late: 1.00 at step 1,000."
    )
    nothing = call(module_page, "rooms/curve", "curveWords", {"step": [], "lines": []})
    assert nothing == "No loss has been measured yet."


def test_a_curve_draws_validation_solid_and_training_dashed_with_a_gap_where_there_is_nothing(
    module_page: Page,
) -> None:
    drawn = module_page.evaluate("""async () => {
      const place = document.createElement("div");
      place.style.width = "320px";
      document.body.append(place);
      const { createCurve } = await import("/static/js/rooms/curve.js");
      const curve = createCurve(place);
      const lines = [
        { name: "your network", lane: 1, values: [null, 2, null, 1] },
        { name: "the same on training examples", lane: 1, values: [3, 2, 1, 0.5], dashed: true },
      ];
      curve.show({ step: [0, 10, 20, 30], lines });
      const paths = [...place.querySelectorAll("svg[role=img] .curve-line")];
      const moves = (path) => path.getAttribute("d").match(/[ML]/g).join("");
      return [paths.map((path) => [path.classList.contains("is-dashed"), moves(path)]),
        place.querySelectorAll("li").length, place.querySelector("[role=img]").getAttribute("aria-label")];
    }""")
    paths, keys, words = drawn
    assert paths == [[False, "MM"], [True, "MLLL"]]
    assert keys == 2
    assert "your network: 1.00 at step 30" in words


def test_masks_are_discs_and_crosses_and_are_counted(module_page: Page) -> None:
    paths = call(module_page, "rooms/maskrow", "maskPaths", [1, 0, 1, 0, 0])
    assert (paths["kept"].count("M"), paths["kept"].count("a")) == (2, 4)
    assert (paths["dropped"].count("M"), paths["dropped"].count("l")) == (3, 6)
    layer = {"name": "hidden1", "units": 5, "kept": [1, 0, 1, 0, 0]}
    assert call(module_page, "rooms/maskrow", "maskWords", layer) == "hidden 1: 2 of 5 kept"
    part = call(module_page, "rooms/maskrow", "maskWords", {**layer, "units": 784})
    assert part == "hidden 1: 2 of the first 5 of 784 kept"


@pytest.mark.parametrize(
    ("place", "words"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd")]
)
def test_places_in_an_order_are_written_as_one_says_them(module_page: Page, place: int, words: str) -> None:
    assert call(module_page, "rooms/words", "ordinal", place) == words


def standing(page: Page, **topics: Any) -> Any:
    return call(page, "rooms/standing", "standingOf", topics)


NAMED: Final = {"id": told.ME, "name": "Ada"}


@pytest.mark.parametrize(
    ("topics", "note"),
    [
        ({"room": told.room(), "you": told.you()}, "The host has not begun yet."),
        ({"room": told.room(paused=True), "you": told.you()}, "The host has paused the room."),
        ({"room": told.room(run=told.host_run(state="opening")), "you": told.you()}, "The host’s run is being made."),
        ({"room": told.room(way="own"), "you": told.you()}, "Your own network is being made."),
        (
            {"room": told.room(way="own", students={"waiting": 2}), "you": told.you()},
            "The server trains as many networks as it can.",
        ),
        ({"room": told.room(way="class"), "you": told.you()}, "The host has not begun the class’s training yet."),
        (
            {
                "room": told.room(way="class", class_run=told.class_run(places=31), students={"waiting": 2}),
                "you": told.you(),
            },
            "All 31 places in the class are taken. 2 students wait.",
        ),
        (
            {"room": told.room(way="class", class_run=told.class_run()), "you": told.you()},
            "You are about to get a place.",
        ),
    ],
)
def test_whoever_has_nothing_to_see_is_told_why(module_page: Page, topics: dict[str, Any], note: str) -> None:
    shown = standing(module_page, **topics)
    assert shown["isWaiting"]
    assert shown["note"].startswith(note)
    assert not shown["hasKnobs"]


def test_who_follows_sees_the_hosts_networks_and_turns_them_only_while_they_are_lent(module_page: Page) -> None:
    shown = standing(module_page, room=told.room(run=told.host_run()), you=told.you(), followed=told.followed())
    assert [figure["value"] for figure in shown["figures"]] == ["87.1%", "91.2%"]
    assert (shown["hasKnobs"], shown["run"], shown["place"]) == (False, "hostrun", "Step 432 · training")
    lent = told.room(run=told.host_run(), knobs_of=NAMED)
    shown = standing(module_page, room=lent, you=told.you(), followed=told.followed())
    assert (shown["hasKnobs"], shown["canTurn"]) == (True, True)
    to_bo = told.room(run=told.host_run(), knobs_of={"id": "m9", "name": "Bo"})
    shown = standing(module_page, room=to_bo, you=told.you(), followed=told.followed())
    assert (shown["hasKnobs"], shown["note"]) == (False, "Bo has the knobs now.")


def test_of_ones_own_network_the_same_is_told_as_of_the_one_without_dropout(module_page: Page) -> None:
    given = {"room": told.room(way="own"), "you": told.you(run="mine"), "mine": told.own()}
    shown = standing(module_page, **given)
    assert (shown["measure"], shown["transport"], shown["canBegin"]) == ("New examples right", "pause", True)
    assert [(each["label"], each["value"]) for each in shown["figures"]] == [
        ("Without dropout", "87.1%"),
        ("Dropout rate 0.5", "91.2%"),
    ]
    del given["mine"]["without"]  # a server that tells no share of it
    shown = standing(module_page, **given)
    assert shown["measure"] == "Loss on new examples"
    assert shown["figures"][1]["value"] == "0.443"
    paused = {**given, "mine": told.own(state="paused")}
    assert standing(module_page, **paused)["transport"] == "play"


def test_in_the_class_one_has_a_rank_and_is_told_what_it_means_to_have_begun_later(module_page: Page) -> None:
    room = told.room(way="class", class_run=told.class_run())
    shown = standing(module_page, room=room, you=told.you(lane=3), mine=told.in_class())
    assert shown["figures"][1] == {
        "label": "Rank of 31, by loss",
        "value": "3rd",
        "more": "best: 0.410, Bo",
        "lane": None,
    }
    assert (shown["later"], shown["hasKnobs"], shown["transport"]) == ("", True, None)
    later = standing(module_page, room=room, you=told.you(lane=3, began=120), mine=told.in_class())["later"]
    assert later.startswith("Your network began at step 120, with the weights that all networks of the class began")
    assert "120 training steps fewer" in later
    gone = told.in_class(gone="diverged at step 30")
    assert standing(module_page, room=room, you=told.you(lane=3), mine=gone)["note"].startswith(
        "Your network diverged at step 30:"
    )


@pytest.mark.parametrize(
    ("phase", "answers", "note"),
    [
        ("asked", [None, None], "12 of 31 students have answered."),
        ("asked", [1, None], "12 of 31 students have answered. You can change yours until the host goes on."),
        ("shown", [1, None], "You chose “0.2”. Now watch what happens."),
        ("running", [None, None], "You did not answer."),
        ("again", [1, None], "12 of 31 students have answered. Answer once more, from what you saw."),
        ("told", [1, 2], "You were right."),
        ("told", [2, 1], "Not “0.2”, but “0.5”."),
        ("told", [2, None], "You were right."),
        ("told", [None, None], "You did not answer."),
    ],
)
def test_each_phase_of_a_question_says_what_became_of_ones_answers(
    module_page: Page, phase: str, answers: list[int | None], note: str
) -> None:
    assert call(module_page, "rooms/question", "questionNote", told.question(phase), *answers) == note


def test_where_nobody_knows_what_is_true_nobody_is_told_to_be_right(module_page: Page) -> None:
    asked = told.question("told", truth=None)
    assert call(module_page, "rooms/question", "questionNote", asked, 1, 2) == ""


def test_the_projector_shows_no_step_twice(module_page: Page) -> None:
    steps: list[list[Any]] = [["a", 10], ["a", 40], ["a", 30], ["a", None], ["a", 40], ["b", 0], ["b", 5], ["b", 4]]
    found = module_page.evaluate(
        """async (steps) => {
          const { createReached } = await import("/static/js/rooms/projector/reached.js");
          const reached = createReached();
          return steps.map(([run, step]) => reached.isNew(run, step ?? undefined));
        }""",
        steps,
    )
    assert found == [True, True, False, True, True, True, True, False]
