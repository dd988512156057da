"""A search on the page: its map, its words, its buttons and its form, on a server that only pretends."""

from __future__ import annotations

import math
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pretend import Pretend
from tests.browser.test_words import NAN, call
from trainer.search import Evaluation, SearchState, parse_search
from trainer.settings.config import ExperimentConfig
from trainer.settings.schema import schema

SMALL: dict[str, Any] = {"input": [0, 0.2], "hidden": [0, 0.5], "learning_rate": [1e-3, 2e-3], "batch": 4, "steps": 100}
LOSSES = (1.5, 1.6, 0.50, 0.52, 0.9, 0.4, 0.41, 0.6)
"""Of the candidates of `SMALL`; the second batch of four begins with the fifth."""


class Searching(Pretend):
    """The server lets a search be opened and says which it was; `opened` has all of what was asked for."""

    def _create(self, given: dict[str, Any]) -> tuple[int, Any]:
        beside: dict[str, Any] = {
            name: given.pop(name) for name in ("search", "experiment", "stop_at") if name in given
        }
        answer = super()._create(given)
        self.opened[-1] |= beside
        return answer


def searched(batches: int, given: dict[str, Any] = SMALL, losses: tuple[float, ...] = LOSSES) -> SearchState:
    """A search of which some batches are done; every candidate was best at step 25."""
    state = parse_search(given, ExperimentConfig())
    for _ in range(batches):
        row = [losses[trial] for trial in state.batch]
        good = [0.9 * loss for loss in row]
        accuracy = [1 - loss / 10 for loss in row]
        state.add([Evaluation(25, good, accuracy), *(Evaluation(step, row, accuracy) for step in (50, 75, 100))])
    return state


def open_search(
    page: Page, url: str, search: SearchState | None, lab: Searching | None = None, **more: Any
) -> Searching:
    """The page of a run with nothing but the search's panel open."""
    page.add_init_script("localStorage.setItem('dropout-lab-panels-', 'search')")
    lab = lab or Searching(page, url)
    lab.open()
    if search is not None:
        config = search.lanes(ExperimentConfig()).model_dump(mode="json")
        lab.run |= {"search": search.described(), "config": config, "first_config": config, **more}
        lab.changed("batch")
        expect(page.locator(".search-canvas")).to_have_attribute("data-done", str(len(search.results)))
    return lab


def readout(page: Page) -> str:
    return page.locator("#search .readout").inner_text()


def sentence(page: Page, state: SearchState | None) -> str:
    """What is said of a search."""
    code = """async (search) => {
      const { readSearch } = await import("/static/js/model/candidates.js");
      const { searchSentence } = await import("/static/js/words/search.js");
      return searchSentence(search && readSearch(search));
    }"""
    return str(page.evaluate(code, state.described() if state else None))


# ---- words


def test_a_run_that_is_no_search_says_what_one_is(module_page: Page) -> None:
    assert sentence(module_page, None).startswith("This run searches nothing.")


def test_before_anything_is_done_no_best_is_named(module_page: Page) -> None:
    assert sentence(module_page, searched(0)) == "The first 4 of 8 candidates are being trained; none is done yet."
    whole = parse_search({**SMALL, "batch": 8}, ExperimentConfig())
    assert sentence(module_page, whole) == "8 candidates are being trained; none is done yet."


def test_the_best_so_far_is_told_with_what_is_near_it(module_page: Page) -> None:
    text = sentence(module_page, searched(1))
    assert "4 of 8 candidates are done. The lowest validation loss so far has the one with input rate 0, hidden" in text
    assert "learning rate 0.001: 0.500, accuracy 95.0%." in text
    assert "One other is too close to tell apart (within 22%" in text  # 0.52 is 4% more
    assert "The best without any dropout has 1.50 so far." in text
    assert "beyond" not in text  # that is said when all are done


def test_at_the_end_it_says_where_better_ones_might_be_and_that_it_was_chosen(module_page: Page) -> None:
    text = sentence(module_page, searched(2))
    assert text.startswith("Of 8 candidates the lowest validation loss has the one with input rate 0.2, hidden rate 0")
    assert "Its input rate is the highest and its learning rate is the highest that was tried" in text
    assert text.endswith(
        "It was chosen by the validation set that judges it, so its loss is a little too good to be true."
    )


def test_a_rate_of_nothing_is_no_edge_and_a_random_search_has_none(module_page: Page) -> None:
    losses = (0.4, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    text = sentence(module_page, searched(2, losses=losses))
    assert "nothing dropped, learning rate 0.001" in text
    assert "Its learning rate is the lowest that was tried" in text
    assert "without any dropout" not in text  # it is the best itself
    assert "No other is too close to tell apart" in text
    drawn = {**SMALL, "method": "random", "candidates": 8}
    assert "that was tried" not in sentence(module_page, searched(2, drawn, losses))


def test_what_diverged_is_counted_and_never_the_best(module_page: Page) -> None:
    losses = (math.nan, 1.6, math.inf, 0.52, 0.9, 0.8, 0.9, 0.9)
    assert "2 candidates diverged." in sentence(module_page, searched(2, losses=losses))
    text = sentence(module_page, searched(1, losses=(math.nan,) * 8))
    assert text == "The first 4 candidates diverged: there is no validation loss to compare."
    text = sentence(module_page, searched(2, losses=(math.nan,) * 8))
    assert text == "All 8 candidates diverged: there is no validation loss to compare."


def test_a_single_candidate_is_compared_with_nothing(module_page: Page) -> None:
    one = {"input": [0.2], "hidden": [0.5], "learning_rate": [1e-3], "steps": 100}
    assert sentence(module_page, searched(0, one)) == "1 candidate is being trained; none is done yet."
    text = sentence(module_page, searched(1, one, (0.5,)))
    expected = "The only candidate is the one with input rate 0.2, hidden rate 0.5, learning rate 0.001"
    assert text == f"{expected}: validation loss 0.500, accuracy 95.0%."
    diverged = sentence(module_page, searched(1, one, (math.nan,)))
    assert diverged == "The only candidate diverged: there is no validation loss to compare."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "16 of 64 candidates done; batch 2 of 4, step 500 of 1,000; about 2 min left."),
        ({"playing": False}, "16 of 64 candidates done; batch 2 of 4, step 500 of 1,000; stopped."),
        (
            {"secondsLeft": None},
            "16 of 64 candidates done; batch 2 of 4, step 500 of 1,000; measuring the time left.",
        ),
        (
            {"done": 0, "total": 1, "batchNumber": 1, "batches": 1},
            "0 of 1 candidate done; step 500 of 1,000; about 2 min left.",
        ),
        ({"done": 64}, "All 64 candidates done."),
        ({"done": 1, "total": 1}, "All 1 candidate done."),
    ],
)
def test_progress_in_words(module_page: Page, changed: dict[str, Any], words: str) -> None:
    usual = {"done": 16, "total": 64, "batchNumber": 2, "batches": 4, "step": 500, "steps": 1000}
    given = usual | {"playing": True, "secondsLeft": 100} | changed
    assert call(module_page, "words/search", "progressWords", given) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (4.9, "a few seconds"),
        (5, "about 5 s"),
        (41, "about 45 s"),
        (55, "about 1 min"),
        (61, "about 2 min"),
        (3400, "about 1 h"),
    ],
)
def test_a_time_is_no_more_exact_than_it_can_be_known(module_page: Page, seconds: float, words: str) -> None:
    assert call(module_page, "words/search", "timeWords", seconds) == words


def test_a_candidate_is_described_by_what_is_known_of_it(module_page: Page) -> None:
    def words(*given: Any) -> str:
        return str(call(module_page, "words/search", "candidateWords", [0.2, 0.5, 5e-4], *given))

    name = "input rate 0.2, hidden rate 0.5, learning rate 0.0005"
    found = {"val_loss": 0.5, "val_accuracy": 0.9, "best_val_loss": 0.45, "best_step": 750}
    assert words("done", found) == f"{name}: validation loss 0.500, accuracy 90.0%, least 0.450 at step 750"
    assert words("done", {**found, "val_loss": None}) == f"{name}: diverged"
    assert words("training", None) == f"{name}: being trained"
    assert words("training", {"val_loss": NAN}) == f"{name}: being trained, validation loss no number now"
    assert words("waiting", None) == f"{name}: not trained yet"


def test_the_time_left_follows_from_how_fast_it_went_of_late(module_page: Page) -> None:
    left = module_page.evaluate(
        """async () => {
          const { createForecast } = await import("/static/js/model/candidates.js");
          const forecast = createForecast(10);
          const said = [forecast.left(1000)];
          forecast.add(0, 0);
          said.push(forecast.left(1000));
          for (let at = 1; at <= 20; at += 1) forecast.add(at, at * 10);
          said.push(forecast.left(1000)); // 10 a second
          for (let at = 21; at <= 40; at += 1) forecast.add(at, 200 + (at - 20) * 40);
          said.push(forecast.left(2000)); // 40 a second, and the slow beginning is long ago
          forecast.add(41, 10); // another search
          said.push(forecast.left(1000));
          forecast.add(42, 20);
          said.push(forecast.left(1000));
          forecast.forget();
          said.push(forecast.left(1000));
          return said;
        }"""
    )
    assert left == [None, None, pytest.approx(80), pytest.approx(25), None, pytest.approx(98), None]


# ---- the picture


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_square_has_the_colour_of_its_loss(page: Page, static_url: str, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    open_search(page, static_url, searched(1))
    found = page.evaluate(
        """async () => {
          const { search } = dropoutLab.store.state.run;
          const { lay } = await import("/static/js/paint/places.js");
          const { colourOf } = await import("/static/js/paint/candidates.js");
          const canvas = document.querySelector(".search-canvas");
          const context = canvas.getContext("2d");
          const style = getComputedStyle(document.documentElement);
          const token = (name) => style.getPropertyValue(`--${name}`).trim();
          const ramp = { least: token("loss-least"), middle: token("loss-middle"), most: token("loss-most") };
          const ratio = devicePixelRatio;
          return lay(search, canvas.clientWidth).cells.map(({ trial, x, y, w, h }) => {
            const pixel = context.getImageData((x + w * 0.2) * ratio, (y + h * 0.2) * ratio, 1, 1).data;
            const loss = search.results[trial]?.val_loss;
            const wanted = loss === undefined ? null : colourOf(loss, { least: 0.5, most: 1.6 }, ramp);
            return { drawn: [...pixel].slice(0, 3), wanted };
          });
        }"""
    )
    assert [each["wanted"] is None for each in found] == [False] * 4 + [True] * 4
    panel = found[-1]["drawn"]
    for each in found:
        assert each["drawn"] == pytest.approx(each["wanted"] or panel, abs=1)
    assert len({tuple(each["drawn"]) for each in found[:4]}) == 4


def test_colours_run_from_the_least_loss_to_the_greatest_and_no_further(module_page: Page) -> None:
    ramp = {"least": "#000000", "middle": "#808080", "most": "#ffffff"}

    def grey(loss: float, least: float = 0.5, most: float = 2.0) -> int:
        return int(call(module_page, "paint/candidates", "colourOf", loss, {"least": least, "most": most}, ramp)[0])

    assert [grey(loss) for loss in (0.5, 1.0, 2.0)] == [0, 128, 255]  # a factor of two on either side
    assert (grey(0.1), grey(9.0), grey(0)) == (0, 255, 0)
    assert grey(1.0, 1.0, 1.0) == 0


def test_candidates_that_are_being_trained_show_how_they_do_now(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(1))
    page.evaluate(
        """async () => {
          const { appendRow } = await import("/static/js/state/columns.js");
          const { store } = dropoutLab;
          for (const [step, loss] of [[0, 2.3], [25, 0.75]]) {
            const row = [loss, loss, loss, loss];
            appendRow(store.state.scores, step,
              { train_loss: row, val_loss: row, train_accuracy: row, val_accuracy: row });
          }
          store.update("scores");
        }"""
    )
    lab.wait("state.scores.length === 2")
    canvas = page.locator(".search-canvas")
    canvas.focus()
    expect(page.locator("#search .readout")).to_contain_text("input rate 0, hidden rate 0.5, learning rate 0.001")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search .readout")).to_have_text(
        "input rate 0.2, hidden rate 0.5, learning rate 0.001: being trained, validation loss 0.750 now"
    )


def test_the_arrow_keys_walk_over_the_candidates_and_stop_at_the_edge(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(2))
    page.locator(".search-canvas").focus()
    assert readout(page).startswith("input rate 0.2, hidden rate 0, learning rate 0.002: validation loss 0.400")
    walk = {
        "ArrowRight": "input rate 0.2, hidden rate 0.5, learning rate 0.002",
        "ArrowDown": "input rate 0, hidden rate 0.5, learning rate 0.002",
        "ArrowLeft": "nothing dropped, learning rate 0.002",
    }
    for key, name in walk.items():
        page.keyboard.press(key)
        assert readout(page).startswith(name), key
    page.keyboard.press("ArrowDown")
    assert readout(page).startswith("nothing dropped, learning rate 0.002")
    assert not [command for command in lab.commands if command["op"] == "step"]


@pytest.mark.parametrize("method", ["grid", "random"])
def test_the_pointer_finds_every_candidate(page: Page, static_url: str, method: str) -> None:
    given = {**SMALL, "method": method, "candidates": 8}
    state = searched(2, given)
    open_search(page, static_url, state)
    places = page.evaluate(
        """async () => {
          const { lay } = await import("/static/js/paint/places.js");
          const { search } = dropoutLab.store.state.run;
          const { cells } = lay(search, document.querySelector(".search-canvas").clientWidth);
          return cells.map(({ x, y, w, h }) => [x + w / 2, y + h / 2]);
        }"""
    )
    for result, (x, y) in zip(state.results, places, strict=True):
        page.locator(".search-canvas").hover(position={"x": x, "y": y})
        assert result.val_loss is not None
        loss = f"{result.val_loss:.3f}" if result.val_loss < 1 else f"{result.val_loss:.2f}"
        expect(page.locator("#search .tip")).to_contain_text(f"validation loss {loss}, accuracy")
    page.locator("#search-sentence").hover()
    expect(page.locator("#search .tip")).to_be_hidden()


def test_the_five_best_are_listed_in_their_order(page: Page, static_url: str) -> None:
    open_search(page, static_url, searched(2))
    rows = page.locator(".search-best tbody tr")
    expect(rows).to_have_count(5)
    assert [row.locator("td").nth(3).inner_text() for row in rows.all()] == [
        "0.400",
        "0.410",
        "0.500",
        "0.520",
        "0.600",
    ]
    assert rows.nth(0).inner_text().split("\t")[1:] == ["0.2", "0", "0.002", "0.400", "96.0%", "0.360, step 25"]


def test_a_place_without_a_candidate_is_kept(page: Page, static_url: str) -> None:
    open_search(page, static_url, searched(1, losses=(math.nan, 1.6, 0.5, math.nan)))
    figures = [row.locator("td").nth(3).inner_text() for row in page.locator(".search-best tbody tr").all()]
    assert figures == ["0.500", "1.60", "–", "–", "–"]


def test_nothing_is_wider_than_a_phone(page: Page, static_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_search(page, static_url, searched(1, {**SMALL, "learning_rate": [5e-4, 1e-3, 2e-3, 4e-3]}))
    page.locator(".search-new summary").click()
    expect(page.locator(".search-form")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


# ---- what can be done


def sent(lab: Searching, *operations: str) -> list[str]:
    """Wait until the page has sent as many of these commands as are named; which ones it sent."""
    found: list[str] = []
    while len(found) < len(operations):  # pytest-timeout ends it
        lab.page.evaluate("() => new Promise(requestAnimationFrame)")
        found = [command["op"] for command in lab.commands if command["op"] in operations]
    return found


def asked(lab: Searching, count: int = 2) -> dict[str, Any]:
    """Wait until so many runs were asked for; what the last was asked for with."""
    while len(lab.opened) < count:  # pytest-timeout ends it
        lab.page.evaluate("() => new Promise(requestAnimationFrame)")
    return lab.opened[-1]


def test_a_search_can_be_stopped_and_gone_on_with(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(1), state="playing")
    lab.commands.clear()
    page.get_by_role("button", name="Stop the search").click()
    assert sent(lab, "pause") == ["pause"]
    lab.run["state"] = "paused"
    lab.changed("pause")
    expect(page.locator(".search-words")).to_contain_text("stopped")
    page.get_by_role("button", name="Go on searching").click()
    assert sent(lab, "pause", "play") == ["pause", "play"]


def test_a_search_that_is_over_can_be_made_again(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(2))
    expect(page.locator(".search-words")).to_have_text("All 8 candidates done.")
    expect(page.locator("#search progress")).to_have_js_property("value", 200)
    expect(page.locator("#search progress")).to_have_js_property("max", 200)
    lab.commands.clear()
    page.get_by_role("button", name="Search again").click()
    assert sent(lab, "reset", "play") == ["reset", "play"]


def test_the_best_opens_as_a_run_beside_one_without_dropout(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(1))
    page.get_by_role("button", name="Open the best as a run").click()
    given = asked(lab)
    plain, best = given["lanes"]
    assert given["learning_rate"] == 1e-3
    assert (plain["dropout"], best["dropout"]) == ([0, 0, 0, 0], [0, 0.5, 0.5, 0.5])
    assert {**plain, "name": "", "dropout": ()} == {**best, "name": "", "dropout": ()}
    assert (best["learning_rate"], given["stop_at"]) == (None, 100)
    assert given.get("search") is None


def test_without_a_best_there_is_none_to_open(page: Page, static_url: str) -> None:
    open_search(page, static_url, searched(0))
    expect(page.get_by_role("button", name="Open the best as a run")).to_be_disabled()


def test_who_only_watches_can_neither_stop_nor_start_one(page: Page, static_url: str) -> None:
    open_search(page, static_url, searched(1))
    page.evaluate("() => dropoutLab.store.update('run', { role: 'viewer' })")
    for name in ("Go on searching", "Open the best as a run"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    page.locator(".search-new summary").click()
    expect(page.get_by_role("button", name="Start a search")).to_be_disabled()


def test_the_form_begins_with_what_the_run_searches(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(1))
    page.locator(".search-new summary").click()
    expect(page.get_by_label("Hidden rates")).to_have_value("0, 0.5")
    expect(page.get_by_label("Steps of each")).to_have_value("100")
    expect(page.get_by_label("Candidates", exact=True)).to_be_hidden()
    page.get_by_label("Hidden rates").fill("0.3 0.5; .7")
    expect(page.locator(".search-form .quiet")).to_have_text(
        "Every combination of the three lists: 2 × 3 × 2 = 12 candidates."
    )
    page.get_by_role("button", name="Start a search").click()
    given = asked(lab)
    assert given["search"] == {
        "method": "grid",
        "input": [0, 0.2],
        "hidden": [0.3, 0.5, 0.7],
        "learning_rate": [1e-3, 2e-3],
        "steps": 100,
        "batch": 4,
    }
    assert "lanes" not in given
    parse_search(given["search"], ExperimentConfig())


def test_a_random_search_says_how_many_candidates_it_draws(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(1))
    page.locator(".search-new summary").click()
    page.get_by_label("Method").select_option("random")
    page.get_by_label("Candidates", exact=True).fill("30")
    page.get_by_label("Steps of each").press("ArrowUp")
    page.get_by_role("button", name="Start a search").click()
    search = asked(lab)["search"]
    assert (search["method"], search["candidates"], search["steps"], search["seed"]) == ("random", 30, 125, 0)
    assert len(parse_search(search, ExperimentConfig()).trials) == 30


def test_what_is_no_list_of_numbers_is_not_sent(page: Page, static_url: str) -> None:
    lab = open_search(page, static_url, searched(1))
    page.locator(".search-new summary").click()
    for wrong in ("0.2, half", " "):
        page.get_by_label("Input rates").fill(wrong)
        page.get_by_role("button", name="Start a search").click()
        expect(page.locator(".search-form [role=alert]")).to_have_text(
            "Input rates must be numbers with commas between them."
        )
        expect(page.get_by_label("Input rates")).to_be_focused()
    assert len(lab.opened) == 1


def test_the_form_has_every_knob_of_a_search_with_its_limits(page: Page, static_url: str) -> None:
    lab = Searching(page, static_url)
    knobs = lab.schema["search"]
    [batch] = [knob for knob in knobs if knob["name"] == "batch"]
    batch |= {"label": "at once", "min": 2, "max": 7}
    open_search(page, static_url, searched(1), lab)
    page.locator(".search-new summary").click()
    shown = page.locator(".search-field :is(input, select)").evaluate_all(
        "(inputs) => inputs.map(({ id, title, min, max, step, labels }) =>"
        " ({ id, title, min, max, step, label: labels[0].textContent }))"
    )
    assert [(each["id"], each["label"].lower(), each["title"]) for each in shown] == [
        (f"search-{knob['name']}", knob["label"], knob["help"]) for knob in knobs
    ]
    limits = {knob["name"]: [knob[name] for name in ("min", "max", "step")] for knob in knobs if "step" in knob}
    found = {each["id"]: [each[name] for name in ("min", "max", "step")] for each in shown}
    counts = {"candidates", "steps", "batch", "seed"}
    assert {name: found[f"search-{name}"] for name in counts} == {name: [*map(str, limits[name])] for name in counts}


def test_each_method_is_told_in_its_own_words_and_asks_for_what_means_something_with_it(
    page: Page, static_url: str
) -> None:
    open_search(page, static_url, searched(1))
    page.locator(".search-new summary").click()
    [method] = [knob for knob in schema()["search"] if knob["type"] == "choice"]
    for choice in method["choices"]:
        page.get_by_label("Method").select_option(choice["value"])
        expect(page.locator(".search-form .quiet")).to_contain_text(choice["help"][1:])
        for knob in schema()["search"]:
            applies = choice["value"] in knob.get("only_for", {}).get("method", [choice["value"]])
            expect(page.locator(f"#search-{knob['name']}")).to_be_visible(visible=applies)


# ---- taken away


def test_the_table_has_everything_that_was_found(module_page: Page) -> None:
    state = searched(1, losses=(math.nan, 1.6, 0.5, 0.52))
    table = call(module_page, "model/candidates", "searchTable", state.described())
    assert table["columns"] == [
        *("candidate", "input", "hidden", "learning_rate"),
        *("val_loss", "val_accuracy", "best_val_loss", "best_step"),
    ]
    assert table["rows"][0] == [1, 0, 0, 1e-3, "", "", "", ""]
    assert table["rows"][2] == [3, 0, 0.5, 1e-3, 0.5, 0.95, 0.45, 25]
    assert len(table["rows"]) == 4
    assert call(module_page, "model/candidates", "searchTable", searched(0).described()) is None


def test_the_picture_is_a_png_of_all_candidates_whether_the_panel_is_seen_or_not(page: Page, static_url: str) -> None:
    open_search(page, static_url, searched(2))
    found = page.evaluate(
        """async () => {
          const { create } = await import("/static/js/views/search.js");
          const { store, actions } = dropoutLab;
          const view = create(document.createElement("div"), { document, store, actions });
          const blob = await view.picture();
          const image = await createImageBitmap(blob);
          const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, image.width, image.height);
          const colours = new Set(new Uint32Array(data.buffer));
          const opaque = data.every((value, index) => index % 4 !== 3 || value === 255);
          return { type: blob.type, width: image.width, colours: colours.size, opaque };
        }"""
    )
    assert (found["type"], found["width"], found["opaque"]) == ("image/png", 1800, True)
    assert found["colours"] >= 8
