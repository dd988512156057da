"""The page's controls, its dialogs and its address, in a real Chromium on a server that only pretends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pretend import Answer, Pretend
from trainer.settings.config import recommended

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
CSV = "sepal,petal,species\n5.1,1.4,setosa\n7.0,4.7,versicolor\n"
EVERY_KIND = ["", "?network=cnn", "?network=lstm", "?dataset=moons", "?dataset=wine"]


@pytest.fixture
def lab(page: Page, static_url: str) -> Pretend:
    """A page on a pretended server, not opened yet."""
    return Pretend(page, static_url)


def card(lab: Pretend, lane: int) -> Locator:
    return lab.page.locator("#lanes .card").nth(lane)


def fold(within: Locator, title: str) -> Locator:
    return within.locator(".fold").filter(has=within.page.locator("summary", has_text=title))


def labels(within: Locator) -> list[str]:
    return [text.lower() for text in within.locator(".field > label:visible").all_inner_texts()]


def table(label: str = "species", **more: Any) -> dict[str, Any]:
    """What the server answers to an upload."""
    columns = [
        {"name": "sepal", "kind": "number", "missing": 0, "values": 22, "reason": "a number, from 4.3 to 7.9"},
        {"name": "petal", "kind": "number", "missing": 3, "values": 43, "reason": "missing ones become the median"},
        {"name": "species", "kind": "label", "missing": 0, "values": 2, "reason": "what is to be learnt"},
    ]
    config = {"network": "mlp", "dataset": "csv", "table": "t1", "train_size": 60, "batch_size": 16}
    return {
        "id": "t1",
        "name": "flowers.csv",
        "rows": 120,
        "label": label,
        "features": 2,
        "columns": columns,
        "classes": ["setosa", "versicolor"],
        "class_counts": [70, 50],
        "config": config,
        "sentences": ["Numbers are standardised."],
        **more,
    }


def choose_file(lab: Pretend, content: str = CSV, name: str = "flowers.csv") -> None:
    file: FilePayload = {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
    lab.page.locator("#upload-file").set_input_files(file)


def draft(lab: Pretend) -> Locator:
    return lab.page.locator("#draft")


def test_the_main_button_of_a_dialog_does_what_the_dialog_is_for(lab: Pretend) -> None:
    found = lab.open().page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("dialog")].map((dialog) =>
          [dialog.id, [...dialog.querySelectorAll(".primary")].map((main) => [main.value, main.textContent])]))"""
    )
    assert found == {
        "share": [["", "Copy"]],
        "make-exercise": [["", "Copy"]],
        "views": [],
        "save": [["", "Save the report"]],
        "help": [],
        "upload": [["", "Use this table"]],
        "code": [["", "Copy"]],
    }


@pytest.mark.parametrize(("options", "least"), [({}, 24), (PHONE, 44)], ids=["mouse", "finger"])
def test_a_question_mark_is_large_enough_and_in_the_way_of_no_other_control(
    open_page: OpenPage, static_url: str, options: dict[str, Any], least: int
) -> None:
    page = Pretend(open_page(**options), static_url).open().page
    page.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
    small, covered = page.evaluate(
        """(least) => {
          const visible = (selector) =>
            [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility());
          const box = (each) => each.getBoundingClientRect();
          const marks = visible("main .helptip, .toolbar .helptip");
          const others = visible("main :is(input, select, button), .toolbar :is(input, select, button)");
          const within = (a, b, from, to) => a[from] < b[to] - 1 && b[from] < a[to] - 1;
          const meet = (a, b) => within(a, b, "left", "right") && within(a, b, "top", "bottom");
          const near = (one, other) => Boolean(one.closest(".toolbar")) === Boolean(other.closest(".toolbar"));
          return [
            [marks.length, marks.filter((each) => box(each).width < least || box(each).height < least).length],
            marks.flatMap((mark) => others.filter((other) => other !== mark && near(mark, other)
              && meet(box(mark), box(other))).map((other) => [mark.ariaLabel, other.outerHTML.slice(0, 80)])),
          ];
        }""",
        least,
    )
    assert small[0] > 10
    assert small[1] == 0
    assert covered == []


class TestNetworks:
    @pytest.mark.parametrize(
        ("search", "shown"),
        [
            ("", ["input", "hidden", "batch norm"]),
            ("?network=cnn", ["convolutions", "dense", "batch norm"]),
            ("?network=lstm", ["input", "recurrent", "output", "batch norm"]),
        ],
    )
    def test_a_card_has_the_rates_of_its_network_and_batch_norm(
        self, lab: Pretend, search: str, shown: list[str]
    ) -> None:
        lab.open(search)
        assert labels(card(lab, 1)) == shown

    def test_a_rate_of_the_convolutions_moves_all_of_them_and_no_other(self, lab: Pretend) -> None:
        lab.open("?network=cnn")
        lab.page.locator("#lane-1-dropout-conv").fill("0.4")
        lab.wait("state.run.config.lanes[1].dropout.join() === '0,0.4,0.4,0.5'")
        kind = fold(card(lab, 1), "Kind of dropout")
        kind.locator("summary").click()
        lab.page.locator("#lane-1-dropout-conv2").fill("0.1")
        lab.wait("state.run.config.lanes[1].dropout.join() === '0,0.4,0.1,0.5'")
        lab.page.locator("#lane-1-dropout-input").fill("0.3")
        lab.wait("state.run.config.lanes[1].dropout.join() === '0.3,0.4,0.1,0.5'")
        lab.page.locator("#lane-1-spatial_dropout-conv1").fill("0.2")
        lab.wait("state.run.config.lanes[1].spatial_dropout.join() === '0.2,0'")
        kind.locator("summary").click()
        expect(kind.locator(".fold-note")).to_have_text("spatial dropout 0.20, 0.00, input 0.30, conv 2 0.10")

    def test_choosing_another_network_says_that_a_new_run_starts_and_starts_it_when_told(self, lab: Pretend) -> None:
        lab.open()
        lab.page.locator("#knob-network").select_option("cnn")
        expect(draft(lab)).to_contain_text("Switching to a CNN starts a new run")
        expect(draft(lab)).to_contain_text("networks as recommended")
        assert len(lab.opened) == 1, "nothing happens before the reader says so"
        lab.page.get_by_role("button", name="Start new run").click()
        lab.wait("state.run.config.network === 'cnn' && state.run.id === 'pretend2'")
        assert lab.run["config"] == recommended("digits", "cnn").model_dump(mode="json")
        expect(draft(lab)).to_be_hidden()

    def test_a_network_that_the_data_cannot_have_says_what_it_needs(self, lab: Pretend) -> None:
        lab.open()
        lab.page.locator("[data-choice=moons]").click()
        network = lab.page.locator("#knob-network")
        lab.wait("state.run.config.dataset === 'moons'")
        expect(network.locator("option[value=cnn]")).to_be_disabled()
        expect(network.locator("option[value=cnn]")).to_have_text("CNN (needs images)")
        expect(network.locator("option[value=mlp]")).to_be_enabled()
        lab.page.locator("[data-choice=digits]").click()
        expect(network.locator("option[value=cnn]")).to_have_text("CNN")
        expect(draft(lab)).to_be_hidden()

    def test_data_without_images_take_a_cnn_back_to_an_mlp(self, lab: Pretend) -> None:
        lab.open("?network=cnn")
        lab.page.locator("[data-choice=moons]").click()
        lab.wait("state.run.config.dataset === 'moons'")
        assert lab.run["config"] == recommended("moons").model_dump(mode="json")
        expect(draft(lab)).to_be_hidden()
        expect(lab.page.locator("#knob-data_noise")).to_be_visible()

    def test_other_data_restart_at_once_and_undo_goes_back_to_the_run_before(self, lab: Pretend) -> None:
        lab.open("?seed=11")
        before = lab.run["config"]
        undo = lab.page.locator(".datasets-undo")
        expect(undo).to_be_hidden()
        lab.page.locator("#hero-hidden").fill("0.8")
        lab.wait("state.run.changes.length > 0 || state.run.config.lanes[1].dropout[1] === 0.8")
        lab.page.locator("[data-choice=spirals]").click()
        lab.wait("state.run.config.dataset === 'spirals' && state.run.id === 'pretend2'")
        expect(lab.page.locator("[data-choice=spirals]")).to_have_attribute("aria-pressed", "true")
        assert len(lab.opened) == 2, "one click, one run"
        undo.click()
        lab.wait("state.run.config.dataset === 'digits' && state.run.id === 'pretend3'")
        assert lab.run["config"] == before, "it begins as it began; its changes are made again, each at its step"
        expect(undo).to_be_hidden()

    def test_networks_of_ones_own_get_rates_that_fit_the_other_network(self, lab: Pretend) -> None:
        lab.open("?lane=dropout:0.1,0.6,0.6,0.7;l2:0.01;name:Mine")
        lab.page.locator("#knob-network").select_option("lstm")
        lab.page.get_by_role("button", name="Start new run").click()
        lab.wait("state.run.config.network === 'lstm'")
        (mine,) = lab.lanes()
        assert (mine["name"], mine["dropout"], mine["l2"]) == ("Mine", [0.1, 0.3, 0.5], 0.01)


class TestLaneKnobs:
    def test_a_folded_group_says_what_in_it_is_otherwise_than_usual(self, lab: Pretend) -> None:
        lab.open("?lane=dropout:0.2,0.5,0.5,0.8;l2:0.01;patience:8;dropout_kind:gaussian;schedule:late;name:X")
        notes = card(lab, 0).locator(".fold-note")
        expect(notes.nth(0)).to_have_text("Gaussian, late from step 250, hidden 3 0.80")
        expect(notes.nth(1)).to_have_text("L2 0.01, early stopping 8")
        expect(notes.nth(2)).to_be_empty()

    def test_the_leftmost_place_of_a_penalty_is_off_and_the_next_its_smallest_value(self, lab: Pretend) -> None:
        lab.open()
        fold(card(lab, 1), "Regularisers").locator("summary").click()
        slider = lab.page.locator("#lane-1-l2")
        value = card(lab, 1).locator("output[for=lane-1-l2]")
        expect(value).to_have_text("off")
        slider.press("ArrowRight")
        lab.wait("state.run.config.lanes[1].l2 === 1e-6")
        expect(value).to_have_text("1.0e-6")
        slider.press("End")
        lab.wait("state.run.config.lanes[1].l2 === 0.1")
        slider.press("Home")
        lab.wait("state.run.config.lanes[1].l2 === 0")
        expect(value).to_have_text("off")

    def test_a_learning_rate_of_its_own_is_switched_on_moved_and_given_back(self, lab: Pretend) -> None:
        lab.open()
        own = fold(card(lab, 1), "Settings for this network only")
        own.locator("summary").click()
        expect(own).to_contain_text("as the run: 0.002")
        lab.page.locator("#lane-1-learning_rate").check()
        lab.wait("state.run.config.lanes[1].learning_rate === 0.002")
        lab.page.locator("#lane-1-learning_rate-value").press("End")
        lab.wait("state.run.config.lanes[1].learning_rate === 1")
        lab.page.locator("#lane-1-learning_rate").uncheck()
        lab.wait("state.run.config.lanes[1].learning_rate === null")
        expect(lab.page.locator("#lane-1-learning_rate-value")).to_be_hidden()

    def test_what_a_training_network_cannot_change_waits_for_a_new_run(self, lab: Pretend) -> None:
        lab.open()
        fold(card(lab, 1), "Settings for this network only").locator("summary").click()
        lab.page.locator("#lane-1-seed").check()
        lab.page.locator("#lane-1-seed-value").fill("7")
        lab.page.locator("#lane-1-seed-value").press("Tab")
        lab.page.locator("#lane-1-hidden").check()
        lab.page.get_by_label("2 of 3").fill("32")
        lab.page.get_by_label("2 of 3").press("Tab")
        expect(draft(lab)).to_contain_text("“Dropout”: own seed 7, own widths 128, 32, 128")
        assert not [command for command in lab.commands if command["op"] == "set"]
        lab.page.get_by_role("button", name="Start new run").click()
        lab.wait("state.run.id === 'pretend2'")
        assert [(each["seed"], each["hidden"]) for each in lab.lanes()] == [(None, None), (7, [128, 32, 128])]
        expect(fold(card(lab, 1), "Settings for this network only").locator(".fold-note")).to_have_text(
            "seed 7, widths 128, 32, 128"
        )

    def test_a_schedules_step_shows_only_where_there_is_a_schedule(self, lab: Pretend) -> None:
        lab.open()
        fold(card(lab, 1), "Kind of dropout").locator("summary").click()
        step = lab.page.locator("#lane-1-schedule_steps")
        expect(step).to_be_hidden()
        lab.page.locator("#lane-1-schedule").select_option("ramp_up")
        expect(step).to_be_visible()
        step.fill("333")
        step.press("Tab")
        lab.wait("state.run.config.lanes[1].schedule_steps === 333")

    def test_a_network_at_rest_says_when_it_stopped_and_goes_on_when_told(self, lab: Pretend) -> None:
        stop = {"step": 1230, "best_step": 130, "best_loss": 0.49}
        lab.open("?lane=name:A&lane=patience:8;name:B", stopped=[None, stop])
        expect(card(lab, 1)).to_contain_text("Stopped at step 1,230, weights of step 130.")
        expect(card(lab, 0)).not_to_contain_text("Stopped")
        card(lab, 1).get_by_role("button", name="Go on").click()
        lab.wait("state.run.config.lanes[1].patience === 0")
        lab.run["stopped"] = [None, None]
        lab.changed()
        expect(card(lab, 1)).not_to_contain_text("Stopped")

    def test_a_network_that_diverged_says_so_and_begins_again_with_a_tenth_of_its_rate(self, lab: Pretend) -> None:
        after = {"step": 1200, "lane": 1, "knobs": {"learning_rate": 0.5}}
        lab.open(
            "?lane=name:A&lane=learning_rate:0.5;name:B", diverged=[None, {"step": 1230, "after": after}], step=1300
        )
        said = card(lab, 1).locator(".gone [role=status]")
        expect(said).to_have_text(
            "Diverged at step 1,230, after the change at step 1,200 (learning rate 0.5). It learns no more."
        )
        expect(card(lab, 0).locator(".gone")).to_be_hidden()
        card(lab, 1).get_by_role("button", name="Reset with learning rate 0.05").click()
        lab.wait("state.run.config.lanes[1].learning_rate === 0.05")
        lab.wait("state.run.step === 0")
        expect(card(lab, 1).locator(".gone")).to_be_hidden()

    def test_the_help_of_a_knob_has_its_formula_and_its_names_elsewhere(self, lab: Pretend) -> None:
        lab.open()
        fold(card(lab, 1), "Regularisers").locator("summary").click()
        card(lab, 1).get_by_role("button", name="About L2 penalty").click()
        help = lab.page.locator("#lane-1-l2-about")
        expect(help.locator("code")).to_have_text(
            [
                "loss + λ/2 · Σw²",
                "torch.optim.Adam(…, weight_decay=λ)",
                "kernel_regularizer=regularizers.L2(λ/2), bias_regularizer likewise",
            ]
        )

    def test_a_refused_value_is_told_at_its_control_and_taken_back(self, lab: Pretend) -> None:
        lab.open("?batch_size=1")
        lab.page.locator("#lane-1-batch_norm").click()
        expect(lab.page.locator("#lane-1-batch_norm-trouble")).to_contain_text("single example")
        expect(lab.page.locator("#lane-1-batch_norm")).not_to_be_checked()

    def test_who_only_watches_can_turn_no_knob_of_a_group_opened_later(self, lab: Pretend) -> None:
        lab.open()
        lab.page.evaluate("() => window.dropoutLab.store.update('run', { role: 'viewer' })")
        fold(card(lab, 1), "Regularisers").locator("summary").click()
        expect(lab.page.locator("#lane-1-l2")).to_be_disabled()
        expect(card(lab, 1).get_by_role("button", name="About L2 penalty")).to_be_enabled()


class TestUpload:
    def choose_csv(self, lab: Pretend, answer: Answer) -> Locator:
        lab.answers["POST /api/tables"] = answer
        lab.open()
        lab.page.locator("[data-choice=csv]").click()
        dialog = lab.page.locator("#upload")
        expect(dialog).to_be_visible()
        return dialog

    def test_a_table_is_looked_at_its_label_chosen_and_then_used(self, lab: Pretend) -> None:
        asked: list[Any] = []

        def answer(query: dict[str, str], body: bytes) -> tuple[int, Any]:
            assert body.decode() == CSV
            asked.append(query)
            return 201, table()

        def read_again(_query: dict[str, str], body: bytes) -> tuple[int, Any]:
            asked.append(json.loads(body))
            return 201, table("petal")

        lab.answers["POST /api/tables/t1"] = read_again
        dialog = self.choose_csv(lab, answer)
        expect(dialog.get_by_role("button", name="Use this table")).to_be_disabled()
        choose_file(lab)
        for text in (
            "120 rows",
            "2 numbers",
            "setosa 70",
            "Numbers are standardised.",
            "missing ones become the median",
        ):
            expect(dialog).to_contain_text(text)
        expect(lab.page.get_by_label("Column to learn")).to_have_value("species")
        lab.page.get_by_label("Column to learn").select_option("petal")
        expect(lab.page.get_by_label("Column to learn")).to_have_value("petal")
        expect(dialog.get_by_role("button", name="Use this table")).to_be_enabled()
        dialog.get_by_role("button", name="Use this table").click()
        assert asked == [{"name": "flowers.csv"}, {"columns": {"petal": {"kind": "label"}}}]
        expect(dialog).to_be_hidden()
        expect(draft(lab)).to_contain_text("Switching to your own table starts a new run")
        expect(lab.page.locator(".table-line")).to_contain_text("flowers.csv: 120 rows, learns “petal”")
        lab.page.get_by_role("button", name="Start new run").click()
        lab.wait("state.run.config.dataset === 'csv'")
        config = lab.run["config"]
        assert (config["table"], config["train_size"], config["batch_size"]) == ("t1", 60, 16)

    @pytest.mark.expected_errors("422")
    def test_a_refusal_is_told_in_the_servers_words_and_another_column_can_be_chosen(self, lab: Pretend) -> None:
        told = "column “species” has 1 class; a label needs 2 to 20"

        def answer(query: dict[str, str], _body: bytes) -> tuple[int, Any]:
            if "columns" in query:
                assert json.loads(query["columns"]) == {"petal": {"kind": "label"}}
                return 201, table("petal")
            return 422, {"error": {"code": "bad_table", "message": told}}

        dialog = self.choose_csv(lab, answer)
        choose_file(lab)
        expect(dialog.get_by_role("alert")).to_have_text(told)
        expect(dialog.get_by_role("button", name="Use this table")).to_be_disabled()
        expect(lab.page.get_by_label("Column to learn")).to_have_value("species")
        lab.page.get_by_label("Column to learn").select_option("petal")
        expect(dialog.get_by_role("button", name="Use this table")).to_be_enabled()
        expect(dialog.get_by_role("alert")).to_be_hidden()

    def test_a_file_that_is_too_large_is_not_sent(self, lab: Pretend) -> None:
        dialog = self.choose_csv(lab, lambda _query, _body: pytest.fail("it was sent"))
        choose_file(lab, "x" * 5_100_000, "large.csv")
        expect(dialog.get_by_role("alert")).to_have_text("“large.csv” has 5.1 MB; a table may have at most 5 MB.")

    def test_escape_leaves_everything_as_it_was(self, lab: Pretend) -> None:
        dialog = self.choose_csv(lab, lambda _query, _body: (201, table()))
        choose_file(lab)
        expect(dialog).to_contain_text("120 rows")
        lab.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(lab.page.locator("[data-choice=digits]")).to_have_attribute("aria-pressed", "true")
        expect(draft(lab)).to_be_hidden()

    def test_ones_own_table_is_marked_as_chosen_once_its_run_has_started(self, lab: Pretend) -> None:
        dialog = self.choose_csv(lab, lambda _query, _body: (201, table()))
        choose_file(lab)
        dialog.get_by_role("button", name="Use this table").click()
        own, digits = (lab.page.locator(f"[data-choice={name}]") for name in ("csv", "digits"))
        expect(draft(lab)).to_be_visible()
        expect(own).to_have_attribute("aria-pressed", "false")
        expect(own).to_have_class("dataset drafted")
        expect(digits).to_have_attribute("aria-pressed", "true")
        lab.page.get_by_role("button", name="Start new run").click()
        expect(own).to_have_attribute("aria-pressed", "true")
        expect(own).to_have_class("dataset")
        expect(digits).to_have_attribute("aria-pressed", "false")

    def test_a_run_on_a_table_names_it_after_a_reload(self, lab: Pretend) -> None:
        lab.answers["GET /api/tables/t1"] = lambda _query, _body: (200, table())
        lab.open("?dataset=csv&table=t1")
        expect(lab.page.locator(".table-line")).to_contain_text("flowers.csv: 120 rows, learns “species”")

    def test_the_first_line_of_any_table_gives_its_columns(self, module_page: Page) -> None:
        files = [
            b"a,b,c\n1,2,3",
            b'\xef\xbb\xbfa;"b;c";"d""e"\r\n1;2;3',
            "a\tb\n1\t2".encode("utf-16"),
            "a\tb\n1\t2".encode("utf-16-le"),
            "a\tb\n1\t2".encode("utf-16-be"),
            b"",
            b"one",
            b'"never ends, a\nb',
        ]
        body = """async (given) => { const { firstRow } = await import('/static/js/model/csvhead.js');
          return given.map((bytes) => firstRow(new Uint8Array(bytes))); }"""
        found = module_page.evaluate(body, [list(file) for file in files])
        utf16 = [["a", "b"]] * 3  # with a mark, and without one in either order
        assert found == [["a", "b", "c"], ["a", "b;c", 'd"e'], *utf16, [], ["one"], ["never ends, a\nb"]]


class TestCode:
    def test_the_script_of_a_network_is_shown_for_both_frameworks_and_can_be_copied(self, lab: Pretend) -> None:
        def answer(query: dict[str, str], _body: bytes) -> tuple[int, Any]:
            return 200, f"# {query['framework']} of lane {query['lane']}\nprint('<b>')\n"

        lab.answers["GET /api/runs/pretend1/code"] = answer
        lab.open()
        lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        lab.page.get_by_role("button", name="Code").click()
        script = lab.page.locator("#code-script")
        expect(script).to_have_text("# pytorch of lane 1\nprint('<b>')\n")
        lab.page.get_by_role("tab", name="PyTorch").press("ArrowRight")
        expect(script).to_have_text("# keras of lane 1\nprint('<b>')\n")
        expect(lab.page.get_by_role("tab", name="Keras")).to_be_focused()
        lab.page.locator("#code-lane").select_option("No dropout")
        expect(script).to_have_text("# keras of lane 0\nprint('<b>')\n")
        lab.page.locator("#code [data-do=copy]").click()
        expect(lab.page.locator("#code")).to_contain_text("Copied.")
        assert lab.page.evaluate("navigator.clipboard.readText()") == "# keras of lane 0\nprint('<b>')\n"
        link = lab.page.get_by_role("link", name="Download")
        expect(link).to_have_attribute("href", "/api/runs/pretend1/code?framework=keras&lane=0&download=1")
        expect(link).to_have_attribute("download", "dropout_lab_keras.py")

    @pytest.mark.expected_errors("503")
    def test_a_refusal_is_told_in_the_dialog(self, lab: Pretend) -> None:
        refusal = {"error": {"code": "no_worker", "message": "no worker is there"}}
        lab.answers["GET /api/runs/pretend1/code"] = lambda _query, _body: (503, refusal)
        lab.open()
        lab.page.get_by_role("button", name="Code").click()
        expect(lab.page.locator("#code [data-show=code-told]")).to_have_text("no worker is there")
        expect(lab.page.locator("#code [data-do=copy]")).to_be_disabled()


def open_everything(lab: Pretend) -> None:
    """Unfold the drawer and every group, and open the help of a knob."""
    lab.page.evaluate("() => document.querySelectorAll('.side details').forEach((each) => { each.open = true; })")
    expect(lab.page.locator("#lane-1-train_size")).to_be_visible()
    lab.page.get_by_role("button", name="About L2 penalty").last.click()


@pytest.mark.parametrize("width", [390, 360])
def test_on_a_phone_undo_stands_beside_the_other_buttons_of_training(
    open_page: Any, static_url: str, width: int
) -> None:
    lab = Pretend(open_page(**PHONE | {"viewport": {"width": width, "height": 844}}), static_url).open()
    lab.page.locator("#hero-hidden").fill("0.8")
    lab.wait("state.run.config.lanes[1].dropout[1] === 0.8")
    tops = "(all) => [...new Set(all.map((each) => Math.round(each.getBoundingClientRect().top)))]"
    buttons = lab.page.locator(".transport button:visible")
    expect(buttons).to_have_count(4)
    assert len(buttons.evaluate_all(tops)) == 1
    expect(buttons.and_(lab.page.get_by_role("button", name="Undo"))).to_be_visible()
    expect(lab.page.locator("#scrub").get_by_role("button", name="Undo")).to_have_count(0)
    counter, play = (lab.page.locator(each).bounding_box() for each in (".counter", "[data-do=toggle]"))
    assert counter
    assert play
    assert counter["y"] < play["y"] + play["height"], "the step stands in the same row"


@pytest.mark.parametrize("search", EVERY_KIND)
def test_no_group_is_wider_than_a_phone(open_page: Any, static_url: str, search: str) -> None:
    lab = Pretend(open_page(**PHONE), static_url).open(search)
    open_everything(lab)
    wide = lab.page.evaluate(
        """() => [...document.querySelectorAll(".side *")].filter((each) => each.scrollWidth > each.clientWidth + 1
             && getComputedStyle(each).overflowX === "visible" && each.clientWidth > 0).map((each) => each.outerHTML)"""
    )
    assert wide == []
    assert lab.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barriers_in_open_groups_and_dialogs(open_page: Any, static_url: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    lab = Pretend(open_page(color_scheme=scheme), static_url)
    lab.answers["POST /api/tables"] = lambda _query, _body: (201, table())
    lab.answers["GET /api/runs/pretend1/code"] = lambda _query, _body: (200, "import torch\n" * 200)
    stop = {"step": 230, "best_step": 130, "best_loss": 0.49}
    lab.open("?network=cnn", stopped=[None, stop])
    open_everything(lab)
    results = [Axe().run(lab.page)]
    lab.page.locator("[data-choice=csv]").click()
    choose_file(lab)
    expect(lab.page.locator("#upload")).to_contain_text("120 rows")
    results.append(Axe().run(lab.page))
    lab.page.keyboard.press("Escape")
    lab.page.get_by_role("button", name="Code").click()
    expect(lab.page.locator("#code-script")).to_contain_text("import torch")
    results.append(Axe().run(lab.page))
    assert [each.violations_count for each in results] == [0, 0, 0], [each.generate_report() for each in results]
