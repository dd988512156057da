"""The page's pure modules, tested inside the Chromium that runs them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from playwright.sync_api import Page
from safetensors.numpy import save

from trainer.settings.schema import schema

SCHEMA = schema()
PLAIN = {knob["name"]: knob["default"] for knob in SCHEMA["lane"]}


def ask(page: Page, modules: str, body: str, argument: Any = None) -> Any:
    """Import ``modules`` (names of files in static/js) into ``body``, a function's body, and return what it returns.

    The page may not evaluate text, so what is written here reaches it as a function of Playwright's own.
    """
    imports = "".join(
        f"const {path.split('/')[-1]} = await import('/static/js/{path}.js');" for path in modules.split()
    )
    return page.evaluate(f"async (given) => {{ {imports} {body} }}", argument)


def frame(**tensors: np.ndarray) -> list[int]:
    return list(save(tensors, {"kind": "steps", "run": "r1", "seq": "7", "skipped": "3"}))


class TestFrames:
    def test_a_frame_is_decoded_as_it_was_encoded(self, module_page: Page) -> None:
        step = np.arange(5, dtype=np.uint32)
        loss = np.linspace(0, 1, 10, dtype=np.float32).reshape(5, 2)
        mask = np.arange(15, dtype=np.uint8).reshape(5, 3)
        body = """
          const { kind, run, seq, meta, tensors } = frames.decode(new Uint8Array(given).buffer);
          const plain = Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape, data }]) =>
            [name, { dtype, shape, data: [...data], type: data.constructor.name }]));
          return { kind, run, seq, skipped: meta.skipped, tensors: plain };"""
        found = ask(module_page, "link/frames", body, frame(step=step, loss=loss, **{"mask/hidden1": mask}))
        assert (found["kind"], found["run"], found["seq"], found["skipped"]) == ("steps", "r1", 7, "3")
        tensors = found["tensors"]
        assert tensors["step"] == {"dtype": "U32", "shape": [5], "data": [0, 1, 2, 3, 4], "type": "Uint32Array"}
        assert tensors["mask/hidden1"]["data"] == mask.ravel().tolist()
        assert np.array_equal(np.array(tensors["loss"]["data"], dtype=np.float32), loss.ravel())

    def test_an_aligned_tensor_is_a_view_and_an_unaligned_one_a_copy(self, module_page: Page) -> None:
        header = {
            "odd": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
            "word": {"dtype": "U32", "shape": [2], "data_offsets": [1, 9]},
            "bytes": {"dtype": "U8", "shape": [3], "data_offsets": [9, 12]},
        }
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        body = np.array([70000, 9], dtype="<u4").tobytes()
        message = [*len(text).to_bytes(8, "little"), *text, 5, *body, 1, 2, 3]
        found = ask(
            module_page,
            "link/frames",
            """const { buffer } = new Uint8Array(given);
               const { odd, word, bytes } = frames.decode(buffer).tensors;
               return { word: [...word.data], bytes: [...bytes.data],
                        views: [odd, bytes, word].map(({ data }) => data.buffer === buffer) };""",
            message,
        )
        assert found == {"word": [70000, 9], "bytes": [1, 2, 3], "views": [True, True, False]}

    def test_rubbish_is_refused_in_words(self, module_page: Page) -> None:
        tooshort = [1, 2, 3]
        hugeheader = [255] * 8 + [0] * 20
        cut = frame(step=np.arange(5, dtype=np.uint32))[:-4]
        body = """return given.map((bytes) => {
            try {
              frames.decode(new Uint8Array(bytes).buffer);
              return "taken";
            } catch (error) {
              return `${error.name}: ${error.message}`;
            }
          });"""
        found = ask(module_page, "link/frames", body, [tooshort, hugeheader, cut])
        assert [text.split(":")[0] for text in found] == ["RangeError"] * 3
        assert "3 bytes" in found[0]
        assert "step" in found[2]


class TestColumns:
    BUILD = """
      const made = columns.createColumns(["loss"], 2, given.capacity);
      for (let step = 1; step <= given.steps; step += given.every ?? 1) {
        columns.appendRow(made, step, { loss: [step, -step] });
      }
      const { length } = made;
      const loss = made.loss.map((lane) => [...lane.slice(0, length)]);
      return { length, step: [...made.step.slice(0, length)], loss };"""

    def test_few_rows_are_all_kept(self, module_page: Page) -> None:
        found = ask(module_page, "state/columns", self.BUILD, {"capacity": 100, "steps": 100})
        assert found["step"] == list(range(1, 101))
        assert found["loss"] == [list(range(1, 101)), [-step for step in range(1, 101)]]

    def test_many_rows_are_thinned_evenly_and_keep_the_first_and_the_newest(self, module_page: Page) -> None:
        for steps, every in ((1000, 1), (12345, 1), (50_000, 25)):
            found = ask(module_page, "state/columns", self.BUILD, {"capacity": 100, "steps": steps, "every": every})
            kept = found["step"]
            assert 50 <= found["length"] <= 100
            assert (kept[0], kept[-1]) == (1, 1 + (steps - 1) // every * every)
            gaps = np.diff(kept)[:-1]
            assert gaps.min() == gaps.max(), "all but the newest row stand equally far apart"
            assert found["loss"][1] == [-step for step in kept], "values went along with their steps"

    def test_a_row_that_came_before_is_left_out(self, module_page: Page) -> None:
        body = """const made = columns.createColumns(["loss"], 1, 10);
          for (const step of [5, 5, 3, 6]) columns.appendRow(made, step, { loss: [0, step] }, 1);
          return [...made.step.slice(0, made.length), ...made.loss[0].slice(0, made.length)];"""
        assert ask(module_page, "state/columns", body) == [5, 6, 5, 6]


class TestRing:
    BUILD = """
      const made = new ring.StepRing([{ name: "input", units: 12, shape: [12] }], given.capacity ?? 8);
      for (const step of given.steps) {
        const head = { step, lane: step % 3, example: step * 2, kind: 4 };
        made.push(head, () => new Uint8Array([step & 255, 1]), () => step + 1, () => [step / 64, 0.5]);
      }
      const at = made.at(given.look ?? given.steps.at(-1));
      const has = [];
      for (let step = 0; step <= Math.max(...given.steps) + 2; step += 1) if (made.has(step)) has.push(step);
      return { has, length: made.length, first: made.first, last: made.last, laneOf: made.laneOf(given.look ?? 0),
        at: at && { ...at, masks: [...at.masks.input] } };"""

    def test_it_gives_back_the_last_steps(self, module_page: Page) -> None:
        found = ask(module_page, "state/ring", self.BUILD, {"steps": list(range(1, 21)), "look": 17})
        assert found["has"] == list(range(13, 21))
        assert (found["length"], found["first"], found["last"], found["laneOf"]) == (8, 13, 20, 2)
        assert found["at"] == {
            "step": 17,
            "lane": 2,
            "example": 34,
            "kind": 4,
            "masks": [17, 1],
            "kept": {"input": 18},
            "rates": {"input": [17 / 64, 0.5]},
        }

    def test_a_skipped_step_is_a_hole_and_no_older_step_stands_in_for_it(self, module_page: Page) -> None:
        found = ask(module_page, "state/ring", self.BUILD, {"steps": [*range(1, 9), 11], "look": 9})
        assert found["has"] == [4, 5, 6, 7, 8, 11]
        assert (found["length"], found["first"], found["last"], found["at"]) == (6, 4, 11, None)

    def test_a_gap_wider_than_the_ring_empties_it(self, module_page: Page) -> None:
        found = ask(module_page, "state/ring", self.BUILD, {"steps": [1, 2, 3, 1000]})
        assert (found["has"], found["length"], found["first"]) == ([1000], 1, 1000)

    def test_a_step_that_came_before_is_left_out(self, module_page: Page) -> None:
        found = ask(module_page, "state/ring", self.BUILD, {"steps": [4, 5, 5, 4, 6]})
        assert (found["has"], found["length"]) == ([4, 5, 6], 3)


class TestStore:
    def test_a_listener_hears_once_of_everything_that_changed_among_its_topics(self, module_page: Page) -> None:
        body = """
          const waiting = [];
          const made = store.createStore({ schedule: (paint) => waiting.push(paint) });
          const heard = [];
          const stop = made.subscribe(["run", "cursor"], (changed) => heard.push([...changed].sort()));
          made.update("cursor", { cursor: 5 });
          made.update("run");
          made.update("theme", { theme: "dark" });
          made.update("cursor", { cursor: 6 });
          const scheduled = waiting.length;
          waiting.shift()();
          made.update("theme"); waiting.shift()();
          stop(); made.update("run"); waiting.shift()();
          return { heard, scheduled, cursor: made.state.cursor, theme: made.state.theme };"""
        found = ask(module_page, "state/store", body)
        assert found == {"heard": [["cursor", "run"]], "scheduled": 1, "cursor": 6, "theme": "dark"}

    def test_a_change_made_while_listeners_are_told_is_told_next_time(self, module_page: Page) -> None:
        body = """
          const waiting = [];
          const made = store.createStore({ schedule: (paint) => waiting.push(paint) });
          let told = 0;
          made.subscribe(["run"], () => { told += 1; if (told === 1) made.update("run"); });
          made.update("run"); waiting.shift()(); const after = waiting.length; waiting.shift()();
          return [after, told, waiting.length];"""
        assert ask(module_page, "state/store", body) == [1, 2, 0]


class TestUrl:
    def written(self, page: Page, config: dict[str, Any], changes: list[dict[str, Any]]) -> str:
        body = "return url.write(given.schema, given.config, given.changes);"
        text: str = ask(page, "link/url", body, {"schema": SCHEMA, "config": config, "changes": changes})
        return text

    def read(self, page: Page, search: str) -> dict[str, Any]:
        found: dict[str, Any] = ask(
            page, "link/url", "return url.read(given.schema, given.search);", {"schema": SCHEMA, "search": search}
        )
        return found

    def test_the_default_run_needs_no_parameters(self, module_page: Page) -> None:
        assert self.written(module_page, SCHEMA["defaults"], []) == ""
        found = self.read(module_page, "")
        assert found == {"run": None, "config": SCHEMA["defaults"], "changes": [], "errors": [], "exercise": None}

    def test_what_is_recommended_for_a_network_and_a_data_set_is_their_names(self, module_page: Page) -> None:
        for network, configs in SCHEMA["recommended"].items():
            for dataset, config in configs.items():
                named = [("network", network)] * (network != "mlp") + [("dataset", dataset)] * (dataset != "digits")
                search = self.written(module_page, config, [])
                assert search == ("?" if named else "") + "&".join("=".join(pair) for pair in named)
                assert self.read(module_page, search)["config"] == config

    def test_what_is_written_is_read_back_whatever_the_names_hold(self, module_page: Page) -> None:
        own = {**PLAIN, "hidden": [64, 16], "seed": 3, "train_size": 100, "learning_rate": 0.01}
        config = {
            **SCHEMA["defaults"],
            "train_size": 120,
            "learning_rate": 0.00325,
            "hidden": [64, 32],
            "seed": 2**31 - 1,
            "optimizer": "sgd",
            "lanes": [
                {**PLAIN, "name": "a;b:c,d &=+%#~ü", "dropout": [0.0, 0.0, 0.0], "batch_norm": True},
                {**own, "name": "Dropout", "dropout": [0.15, 0.5, 0.95], "l2": 0.0005, "dropout_kind": "gaussian"},
            ],
        }
        changes = [
            {"step": 1, "knobs": {"learning_rate": 0.01}},
            {"step": 301, "lane": 1, "knobs": {"dropout": [0.2, 0.8, 0.8], "batch_norm": False}},
            {"step": 302, "lane": 1, "knobs": {"learning_rate": None, "patience": 8}},
            {"step": 900, "lane": 0, "knobs": {"name": "x; lane:1"}},
        ]
        search = self.written(module_page, config, changes)
        assert "lane=dropout:0.15,0.5,0.95;dropout_kind:gaussian;l2:0.0005;learning_rate:0.01" in search, "readable"
        found = self.read(module_page, search)
        assert found["errors"] == []
        assert found["config"] == config
        assert found["changes"] == changes

    def test_rates_of_feature_maps_and_of_a_sequence_are_read_back(self, module_page: Page) -> None:
        recommended = SCHEMA["recommended"]
        maps = {**PLAIN, "name": "Maps", "dropout": [0, 0.2, 0.2, 0.5], "spatial_dropout": [0.1, 0.3]}
        state = {**PLAIN, "name": "State", "dropout": [0.2, 0.3, 0.5], "recurrent_mask": "per_step"}
        for network, lane in (("cnn", maps), ("lstm", state)):
            config = {**recommended[network]["digits"], "lanes": [lane]}
            assert self.read(module_page, self.written(module_page, config, []))["config"] == config

    def test_a_link_from_before_there_were_other_networks_still_opens_its_run(self, module_page: Page) -> None:
        found = self.read(
            module_page, "?train_size=200&lane=dropout:0.2,0.5,0.5,0.5;batch_norm:1;name:X&change=5;lane:0;l2:0.1"
        )
        assert found["errors"] == []
        lane = {**PLAIN, "name": "X", "dropout": [0.2, 0.5, 0.5, 0.5], "batch_norm": True}
        assert found["config"] == {**SCHEMA["defaults"], "train_size": 200, "lanes": [lane]}
        assert found["changes"] == [{"step": 5, "lane": 0, "knobs": {"l2": 0.1}}]

    def test_a_network_that_cannot_learn_from_the_data_is_named_and_an_mlp_used(self, module_page: Page) -> None:
        found = self.read(module_page, "?network=cnn&dataset=moons")
        assert [error["text"] for error in found["errors"]] == [
            "network = “cnn” in the address is not allowed: it must be mlp for moons. The default is used."
        ]
        assert found["config"] == SCHEMA["recommended"]["mlp"]["moons"]

    def test_changes_at_one_step_become_one(self, module_page: Page) -> None:
        changes = [
            {"step": 7, "lane": 1, "knobs": {"l2": 0.01}},
            {"step": 7, "lane": 0, "knobs": {"l2": 0.02}},
            {"step": 7, "lane": 1, "knobs": {"l2": 0.03, "batch_norm": True}},
        ]
        found = ask(module_page, "link/url", "return url.merged(given);", changes)
        assert found == [{"step": 7, "lane": 1, "knobs": {"l2": 0.03, "batch_norm": True}}, changes[1]]

    def test_other_hidden_layers_leave_the_networks_to_the_server(self, module_page: Page) -> None:
        found = self.read(module_page, "?hidden=64,64")
        assert found["config"]["hidden"] == [64, 64]
        assert "lanes" not in found["config"]

    def test_a_bad_value_is_named_and_the_default_used(self, module_page: Page) -> None:
        bad = {
            "train_size": ["abc", "5", "20.5", "", "1e9"],
            "label_noise": ["2", "-0.1", "NaN", " "],
            "hidden": ["0", "64,,64", "1,2,3,4,5", "1e9"],
            "dataset": ["mnist", "constructor"],
            "lane": ["dropout:0.2,5", "rate:0.2", "dropout", "name:"],
            "change": ["x", "0;lane:1;l2:0.1", "5", "5;seed:3", "5;lane:1;l2:9"],
        }
        for parameter, values in bad.items():
            for value in values:
                found = ask(
                    module_page,
                    "link/url",
                    "return url.read(given.schema, `?${new URLSearchParams([[given.parameter, given.value]])}`);",
                    {"schema": SCHEMA, "parameter": parameter, "value": value},
                )
                assert len(found["errors"]) == 1, (parameter, value)
                assert parameter in found["errors"][0]["text"]
                assert f"“{value}”" in found["errors"][0]["text"]
                assert found["config"] == SCHEMA["defaults"]
                assert found["changes"] == []

    def test_a_parameter_that_is_no_knob_is_named(self, module_page: Page) -> None:
        errors = self.read(module_page, "?foo=3&run=abc")["errors"]
        assert [error["parameter"] for error in errors] == ["foo"]

    def test_a_run_to_watch_is_found(self, module_page: Page) -> None:
        assert self.read(module_page, "?run=k3f9")["run"] == "k3f9"


class TestCoalesce:
    def test_at_most_one_is_on_its_way_and_the_latest_value_wins(self, module_page: Page) -> None:
        body = """
          const sent = []; const timers = []; const answers = [];
          const send = (key, value) => new Promise((resolve) => {
            sent.push([key, value]);
            answers.push({ resolve });
          });
          const soon = coalesce.coalesce(send, { setTimeout: (callback) => timers.push(callback) });
          const settle = async () => { for (let turn = 0; turn < 10; turn += 1) await Promise.resolve(); };
          const results = [1, 2, 3].map((value) => soon("a", value)); soon("b", 9);
          const first = sent.map((each) => [...each]);
          answers[0].resolve("one"); await settle();
          const early = sent.length;
          timers[0](); await settle();
          const then = sent.map((each) => [...each]);
          answers[2].resolve("three");
          return { first, early, then, results: await Promise.all(results) };"""
        found = ask(module_page, "base/coalesce", body)
        assert found["first"] == [["a", 1], ["b", 9]]
        assert found["early"] == 2, "an answer alone is not enough: the interval must have passed"
        assert found["then"] == [["a", 1], ["b", 9], ["a", 3]]
        assert found["results"] == ["one", "three", "three"]

    def test_a_refusal_reaches_those_whose_value_was_refused_and_the_next_is_sent(self, module_page: Page) -> None:
        body = """
          const send = async (key, value) => { if (value === "bad") throw new Error("refused"); return value; };
          const soon = coalesce.coalesce(send, { interval: 0 });
          const told = await Promise.allSettled([soon("a", "bad"), soon("a", "good")]);
          return told.map(({ status, value, reason }) => [status, value ?? reason.message]);"""
        assert ask(module_page, "base/coalesce", body) == [["rejected", "refused"], ["fulfilled", "good"]]


class TestDraft:
    def run(self, page: Page, body: str) -> Any:
        config = SCHEMA["defaults"]
        return ask(
            page, "state/draft", f"const {{ schema, config }} = given; {body}", {"schema": SCHEMA, "config": config}
        )

    def test_a_knob_put_back_leaves_nothing_to_start(self, module_page: Page) -> None:
        body = """
          let made = draft.draftKnob(draft.emptyDraft(), "train_size", 200, config, schema);
          const changed = [draft.isEmpty(made), draft.proposed(made, config, schema).train_size];
          made = draft.draftKnob(made, "train_size", 300, config, schema);
          return [...changed, draft.isEmpty(made)];"""
        assert self.run(module_page, body) == [False, 200, True]

    def test_another_data_set_brings_what_is_recommended_for_it(self, module_page: Page) -> None:
        body = """
          const made = draft.draftKnob(draft.emptyDraft(), "dataset", "spirals", config, schema);
          return draft.proposed(made, config, schema);"""
        assert self.run(module_page, body) == SCHEMA["recommended"]["mlp"]["spirals"]

    def test_another_network_brings_what_is_recommended_for_it_and_back_again_nothing(self, module_page: Page) -> None:
        body = """
          let made = draft.draftKnob(draft.emptyDraft(), "network", "cnn", config, schema);
          const [then, title] = [draft.proposed(made, config, schema), draft.draftTitle(made, schema)];
          made = draft.draftKnob(made, "network", "mlp", config, schema);
          return [then, title, draft.isEmpty(made)];"""
        title = "Switching to a CNN starts a new run"
        assert self.run(module_page, body) == [SCHEMA["recommended"]["cnn"]["digits"], title, True]

    def test_data_that_a_network_cannot_have_take_it_back_to_an_mlp(self, module_page: Page) -> None:
        body = """
          const cnn = schema.recommended.cnn.digits;
          const made = draft.draftKnob(draft.emptyDraft(), "dataset", "wine", cnn, schema);
          return [draft.proposed(made, cnn, schema), draft.draftTitle(made, schema)];"""
        title = "Switching to an MLP on wine starts a new run"
        assert self.run(module_page, body) == [SCHEMA["recommended"]["mlp"]["wine"], title]

    def test_a_table_brings_the_configuration_that_was_made_for_it(self, module_page: Page) -> None:
        body = """
          const made_for_it = { dataset: "csv", table: "t7", train_size: 40, hidden: [32], batch_size: 8 };
          const table = { id: "t7", config: made_for_it };
          const made = draft.draftTable(draft.emptyDraft(), table, config, schema);
          const then = draft.proposed(made, config, schema);
          const lanes = then.lanes.map(({ dropout }) => dropout);
          return [then.table, then.dataset, then.train_size, then.hidden, lanes, draft.draftTitle(made, schema)];"""
        title = "Switching to your own table starts a new run"
        assert self.run(module_page, body) == ["t7", "csv", 40, [32], [[0, 0], [0.2, 0.5]], title]

    def test_a_lane_keeps_its_own_seed_for_the_new_run_until_that_is_taken_back(self, module_page: Page) -> None:
        body = """
          let made = draft.draftOwn(draft.emptyDraft(), 1, { seed: 4 }, config);
          made = draft.draftOwn(made, 1, { train_size: 100 }, config);
          const then = draft.proposed(made, config, schema).lanes.map(({ seed, train_size }) => [seed, train_size]);
          const words = draft.differences(made, config, schema);
          made = draft.draftOwn(made, 1, { seed: null }, config);
          return { then, words, empty: draft.isEmpty(draft.draftOwn(made, 1, { train_size: null }, config)) };"""
        words = ["“Dropout”: own seed 4, own training examples 100"]
        assert self.run(module_page, body) == {"then": [[None, None], [4, 100]], "words": words, "empty": True}

    def test_networks_of_ones_own_survive_another_data_set(self, module_page: Page) -> None:
        body = """
          const own = { ...config, lanes: [{ ...config.lanes[1], name: "Mine" }] };
          const made = draft.draftKnob(draft.emptyDraft(), "dataset", "moons", own, schema);
          return draft.proposed(made, own, schema).lanes.map(({ name }) => name);"""
        assert self.run(module_page, body) == ["Mine"]

    def test_a_lane_of_the_run_goes_along_as_it_is_when_the_new_run_starts(self, module_page: Page) -> None:
        body = """
          const added = { ...config.lanes[1], name: "Third" };
          let made = draft.addLane(draft.emptyDraft(), added, config);
          made = draft.toggleLane(made, 0, config);
          const moved = { ...config, lanes: config.lanes.map((lane) => ({ ...lane, l2: 0.05 })) };
          const lanes = draft.proposed(made, moved, schema).lanes.map(({ name, l2 }) => [name, l2]);
          const back = draft.toggleLane(draft.toggleLane(made, 0, config), added, config);
          return { lanes, words: draft.differences(made, config, schema), back: draft.isEmpty(back) };"""
        assert self.run(module_page, body) == {
            "lanes": [["Dropout", 0.05], ["Third", 0]],
            "words": ["1 network added", "1 network left out"],
            "back": True,
        }

    def test_rates_follow_the_places_that_can_drop(self, module_page: Page) -> None:
        mlp, deep = ["input", "hidden1", "hidden2"], ["input", "hidden1", "hidden2", "hidden3"]
        cnn, lstm = ["input", "conv1", "conv2", "hidden1"], ["input", "recurrent", "output"]
        asked = [
            ([0.2, 0.5, 0.6], mlp, deep),
            ([0.2, 0.5, 0.6], mlp, ["input", "hidden1"]),
            ([0.2, 0.5, 0.6], mlp, cnn),
            ([0.2, 0.5, 0.6], mlp, lstm),
            ([0.0, 0.0, 0.0], mlp, lstm),
            ([0.1, 0.3, 0.4], lstm, mlp),
        ]
        body = "return given.map(([rates, from, to]) => sites.fitRates(rates, from, to, (site) => site.length / 100));"
        assert ask(module_page, "model/sites", body, asked) == [
            [0.2, 0.5, 0.6, 0.6],
            [0.2, 0.5],
            [0.2, 0.05, 0.05, 0.5],
            [0.2, 0.09, 0.06],
            [0.0, 0.0, 0.0],
            [0.1, 0.07, 0.07],
        ]

    def test_what_a_lane_has_of_its_own_goes_where_it_no_longer_fits(self, module_page: Page) -> None:
        body = """
          const { fitLane } = await import("/static/js/model/sites.js");
          const lane = { ...config.lanes[1], hidden: [64, 64, 64], train_size: 200 };
          const others = [{}, { hidden: [64, 32, 64] }, { train_size: 200, hidden: [64] }];
          return others.map((other) => {
            const { hidden, train_size } = fitLane(lane, config, { ...config, ...other }, schema);
            return [hidden, train_size];
          });"""
        assert self.run(module_page, body) == [[[64, 64, 64], 200], [None, 200], [None, None]]


class TestIngest:
    START = """
      const made = store.createStore({ schedule: () => {} });
      const layers = [{ name: "input", units: 3, shape: [3] }];
      const run = { id: "r1", step: 0, layers, config: { lanes: [{}, {}] } };
      made.update("schema", { schema: { dropouts: [], networks: [{ name: "mlp", places: [] }] } });
      ingest.ingestRun(made, run, { fresh: true });
      const take = (bytes) => ingest.ingestFrame(made, frames.decode(new Uint8Array(bytes).buffer));
      """

    @staticmethod
    def steps(first: int, last: int, run: str = "r1", more: dict[str, np.ndarray] | None = None) -> list[int]:
        step = np.arange(first, last + 1, dtype=np.uint32)
        count = len(step)
        tensors: dict[str, np.ndarray] = {
            "step": step,
            "lane": np.ones(count, dtype=np.uint8),
            "example": step * 2,
            "loss": np.stack([step, -step.astype(np.float32)], axis=1).astype(np.float32),
            "mask/input": np.full((count, 1), 0b10100000, dtype=np.uint8),
            "kept/input": np.full(count, 2, dtype=np.uint32),
        }
        kind = "history" if more else "steps"
        return list(save({**tensors, **(more or {})}, {"kind": kind, "run": run, "seq": "1"}))

    def test_steps_reach_the_ring_and_the_curves(self, module_page: Page) -> None:
        body = f"""{self.START} given.forEach(take);
          const {{ steps, losses }} = made.state;
          const {{ masks, kept, example }} = steps.at(5);
          return {{ first: steps.first, last: steps.last, mask: [...masks.input], kept, example,
            loss: [...losses.loss[1].slice(0, losses.length)] }};"""
        found = ask(module_page, "link/ingest link/frames state/store", body, [self.steps(1, 4), self.steps(5, 6)])
        assert found == {
            "first": 1,
            "last": 6,
            "mask": [0b10100000],
            "kept": {"input": 2},
            "example": 10,
            "loss": [-1, -2, -3, -4, -5, -6],
        }

    def test_history_starts_over_and_its_past_joins_its_steps_without_repeats(self, module_page: Page) -> None:
        past = np.array([1, 4, 7, 10], dtype=np.uint32)
        scores = {f"scores/{name}": np.ones((2, 2), dtype=np.float32) for name in ("train_loss", "val_loss")}
        scores |= {f"scores/{name}": np.ones((2, 2), dtype=np.float32) for name in ("train_accuracy", "val_accuracy")}
        more: dict[str, np.ndarray] = {
            "past/step": past,
            "past/loss": np.zeros((4, 2), dtype=np.float32),
            "scores/step": np.array([0, 25], dtype=np.uint32),
            **scores,
        }
        history = self.steps(8, 10, more=more)
        body = f"""{self.START} given.forEach(take);
          const {{ steps, losses, scores }} = made.state;
          return {{ first: steps.first, length: steps.length, losses: [...losses.step.slice(0, losses.length)],
            scores: [...scores.step.slice(0, scores.length)] }};"""
        found = ask(
            module_page, "link/ingest link/frames state/store", body, [self.steps(1, 3), history, self.steps(11, 11)]
        )
        assert found == {"first": 8, "length": 4, "losses": [1, 4, 7, 8, 9, 10, 11], "scores": [0, 25]}

    def test_a_frame_of_another_run_is_left_out(self, module_page: Page) -> None:
        body = f"{self.START} given.forEach(take); return made.state.steps.length;"
        assert ask(module_page, "link/ingest link/frames state/store", body, [self.steps(1, 4, run="r0")]) == 0

    def test_a_cursor_stays_where_the_reader_put_it_when_its_step_leaves_the_ring(self, module_page: Page) -> None:
        body = f"""{self.START} take(given[0]); made.update("cursor", {{ cursor: 2 }}); take(given[1]);
          return [made.state.cursor, made.state.steps.first];"""
        found = ask(module_page, "link/ingest link/frames state/store", body, [self.steps(1, 4), self.steps(5, 2100)])
        assert found == [2, 53]  # the pictures hold a copy of what was in the ring


class TestControls:
    def test_a_logarithmic_slider_gives_round_values_and_never_leaves_its_range(self, module_page: Page) -> None:
        knob = next(knob for knob in SCHEMA["run"] if knob["name"] == "learning_rate")
        body = """
          const inputs = await import("/static/js/controls/inputs.js");
          const { toRange, fromRange, min, max } = inputs.scale(given);
          return { ends: [fromRange(min), fromRange(max)], middle: fromRange(-2.7), back: toRange(0.01),
            shown: [0.002, 0.00032, 1, 0.00001].map((value) => knobs.shownNumber(given, value)) };"""
        found = ask(module_page, "model/knobs", body, knob)
        assert found["ends"] == [knob["min"], knob["max"]]
        assert found["middle"] == 0.002
        assert abs(found["back"] + 2) < 1e-12
        assert found["shown"] == ["0.002", "3.2e-4", "1", "1.0e-5"]

    def test_a_logarithmic_slider_that_can_be_off_has_one_place_for_it_left_of_its_smallest_value(
        self, module_page: Page
    ) -> None:
        knobs = [knob for knob in SCHEMA["lane"] if "smallest" in knob]
        assert len(knobs) >= 4
        body = """
          const inputs = await import("/static/js/controls/inputs.js");
          return given.map((knob) => {
            const { toRange, fromRange, min, max, step } = inputs.scale(knob);
            const round = [0, knob.smallest, knob.max].map((value) => fromRange(toRange(value)));
            return { round, next: fromRange(min + step), last: fromRange(max), shown: knobs.shownNumber(knob, 0) };
          });"""
        for knob, found in zip(knobs, ask(module_page, "model/knobs", body, knobs), strict=True):
            assert found["round"] == [0, knob["smallest"], knob["max"]]
            assert (found["next"], found["last"], found["shown"]) == (knob["smallest"], knob["max"], "off")

    def test_a_knob_means_something_where_the_schema_says_so(self, module_page: Page) -> None:
        found = ask(
            module_page,
            "model/knobs",
            "return given.map(([knob, config]) => knobs.applies(knob, config));",
            [
                [{}, {"network": "mlp"}],
                [{"only_for": {"network": ["cnn"]}}, {"network": "cnn"}],
                [{"only_for": {"network": ["cnn"]}}, {"network": "mlp"}],
                [{"only_for": {"network": ["cnn"], "dataset": ["idx"]}}, {"network": "cnn", "dataset": "digits"}],
            ],
        )
        assert found == [True, True, False, False]

    def test_the_lead_says_what_dropout_does_at_the_rate_in_force(self, module_page: Page) -> None:
        body = """
          const { lead, learns } = await import("/static/js/words/lead.js");
          const { schema } = given;
          const at = (rate, kind = "inverted") => {
            const lane = { ...given.lanes[1], dropout: [0, rate, rate, rate], dropout_kind: kind };
            return lead({ ...given, lanes: [given.lanes[0], lane] }, 1, schema);
          };
          return { usual: lead(given, 0, schema), told: [0.5, 0.25, 0.8].map((rate) => at(rate).text),
            kinds: [at(0.5, "gaussian").text, at(0.5, "dropconnect").text], none: at(0),
            learns: learns(given, schema) };"""
        found = ask(module_page, "base/dom", body, {**SCHEMA["defaults"], "schema": SCHEMA})
        rest = " of the hidden neurons at each training step. That keeps a network from"
        shares = ["a random half", "a random quarter", "a random 80%"]
        assert found["told"] == [f"switches off {share}{rest}" for share in shares]
        assert found["usual"]["text"] == found["told"][0], "a network without dropout does not hide what dropout is"
        assert found["kinds"][0].startswith("multiplies the outputs of the hidden neurons by random factors")
        assert found["kinds"][1].startswith("switches off a random half of the hidden weights")
        assert not found["none"]["helps"]
        assert "is off in every network" in found["none"]["text"]
        assert found["learns"] == "Two networks learn the same 300 handwritten digits, 20% of them wrongly labelled."

    def test_the_speed_is_measured_over_the_last_moments(self, module_page: Page) -> None:
        body = """
          const { createMeter } = await import("/static/js/shell/toolbar.js");
          let time = 0;
          const meter = createMeter(() => time);
          const read = [];
          for (let tick = 0; tick <= 40; tick += 1) { time = tick * 100; read.push(meter(tick * 5)); }
          time += 5000;
          read.push(meter(200));
          return [read[0], read[20], read[40], read[41], meter(0)];"""
        found = ask(module_page, "base/dom", body)
        assert found[:3] == [None, 50, 50]
        assert found[3] < 2, "a run that stood still is seen to stand still"
        assert found[4] is None, "a reset starts the measurement anew"
