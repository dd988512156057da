// An experiment’s head: its question, a place to guess before the answer can be seen, and how far its run has come.

/** @import { Experiment, Run, State, Topic, View, ViewOptions } from "../types.js" */
/** @import { Course } from "../words/course.js" */

import { ROOT } from "../base/addresses.js";
import { find, h, setText } from "../base/dom.js";
import { setMarked } from "../base/glossary.js";
import { markLane } from "../base/theme.js";
import { experimentIn, pathOf } from "../model/experiments.js";
import { formatPercent } from "../model/stats.js";
import { guessesOf } from "../state/guesses.js";
import { courseWords, guessWords, share } from "../words/course.js";
import { createMeter } from "./toolbar.js";

/** @type {Topic[]} */
export const topics = ["run", "steps", "connection", "experiment", "exercise"];

const MAX_SEED = 2 ** 31 - 1;

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const root = document.documentElement;
  const show = (/** @type {string} */ name) => find(element, `[data-show=${name}]`);
  const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (find(element, `[data-do=${name}]`));
  const form = /** @type {HTMLFormElement} */ (show("guess"));
  const progress = /** @type {HTMLProgressElement} */ (show("progress"));
  const guesses = guessesOf(document);
  const meter = createMeter(() => window.performance.now());
  const current = { filled: "", lanes: "", run: "" };

  /** @returns {number | null} */
  const chosen = () => {
    const value = new window.FormData(form).get("guess");
    return value === null ? null : Number(value);
  };

  /** @param {number | "skipped"} guess */
  function answer(guess) {
    const { run, role } = store.state;
    if (run) {
      guesses.set(run.id, guess);
      store.update("experiment", { revealed: true });
      if (role === "owner" && run.state === "paused") {
        void actions.play();
      }
    }
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const guess = chosen();
    if (guess !== null) {
      answer(guess);
      button("course").focus({ preventScroll: true });
    }
  });
  form.addEventListener("change", () => showButtons(store.state));
  button("skip").addEventListener("click", () => {
    answer("skipped");
    button("course").focus({ preventScroll: true });
  });
  button("course").addEventListener("click", () => {
    void (store.state.run?.state === "playing" ? actions.pause() : actions.play());
  });
  button("again").addEventListener("click", async () => {
    const { run, experiment } = store.state;
    if (run && experiment) {
      button("again").disabled = true;
      const seed = run.first_config.seed >= MAX_SEED ? 0 : run.first_config.seed + 1;
      await actions.newRun({ ...(run.search ? experiment.config : run.first_config), seed });
      showButtons(store.state);
    }
  });

  /** @param {State} state */
  function showButtons({ run, role, connection }) {
    const mine = role === "owner" && connection.status === "live" && run !== null;
    const started = !mine || run.step > 0 || run.state === "playing";
    button("guess").disabled = run === null || chosen() === null;
    button("skip").disabled = run === null;
    setText(button("guess"), started ? "Guess" : "Start");
    setText(button("skip"), started ? "Show without guessing" : "Start without guessing");
    for (const radio of form.querySelectorAll("input")) {
      radio.disabled = run === null;
    }
    for (const each of [button("course"), button("again")]) {
      each.hidden = role === "viewer";
      each.disabled = !mine;
    }
  }

  /** @param {State & { run: Run, experiment: Experiment }} state */
  function showCourse({ run, steps, experiment }) {
    const course = readCourse(run, experiment, Math.max(steps.last, run.step), meter);
    progress.value = share(course);
    setText(progress, formatPercent(share(course)));
    setText(show("told"), courseWords(course));
    setText(show("guessed"), guessWords(guesses.get(run.id), run.config.lanes));
    setText(
      button("course"),
      course.playing ? "Stop" : course.step === 0 ? "Start" : course.step < course.goal ? "Resume" : "Continue",
    );
  }

  /** @param {Experiment} experiment */
  function fill(experiment) {
    if (current.filled === experiment.id) {
      return;
    }
    current.filled = experiment.id;
    markCurrent(document, pathOf(experiment, ""));
    fillHead(element, document, experiment, store.state.experiments.length);
    document.title = `${experiment.title} · Dropout Lab`;
  }

  /** The run belongs to no experiment any more. */
  function leave() {
    if (current.filled !== "" && !store.state.exercise) {
      current.filled = "";
      markCurrent(document, ROOT);
      document.title = "Dropout Lab";
    }
  }

  /**
   * The choices, by the names that the run gives its lanes.
   * @param {Experiment} experiment
   * @param {Run | null} run
   */
  function fillLanes({ id, guess, config }, run) {
    const { lanes } = run?.experiment === id && !run.search ? run.first_config : config;
    const wanted = JSON.stringify([id, lanes.map(({ name }) => name)]);
    if (!guess || wanted === current.lanes) {
      return;
    }
    current.lanes = wanted;
    setMarked(show("ask"), guess.text);
    const numbers = guess.lanes.length > 0 ? guess.lanes : [...lanes.keys()];
    const before = chosen();
    const choices = numbers.map((lane) => choice(document, lane, lanes[lane].name, lane === before));
    show("lanes").replaceChildren(...choices);
  }

  return {
    update() {
      const { run, experiment, exercise, revealed } = store.state;
      // The server has filled the page in already, unless an exercise takes its place.
      const waits = run === null && !element.hidden && experiment === null && exercise === null;
      if (waits) {
        return;
      }
      element.hidden = experiment === null;
      root.toggleAttribute("data-veiled", (experiment !== null || exercise !== null) && !revealed);
      if (!experiment) {
        leave();
        return;
      }
      fill(experiment);
      fillLanes(experiment, run);
      if (run && run.id !== current.run) {
        current.run = run.id;
        meter.clear();
        form.reset();
      }
      const asks = experiment.guess !== null && (run === null ? !form.hidden : !revealed);
      form.hidden = !asks;
      show("course").hidden = asks;
      showButtons(store.state);
      if (run) {
        showCourse({ ...store.state, run, experiment });
        root.removeAttribute("data-guessed"); // the run itself says so now
      }
    },
    resize() {},
    destroy: () => root.removeAttribute("data-veiled"),
  };
}

/**
 * @param {Run} run
 * @param {Experiment} experiment
 * @param {number} step
 * @param {ReturnType<typeof createMeter>} meter
 * @returns {Course}
 */
function readCourse(run, experiment, step, meter) {
  const playing = run.state === "playing";
  const { search } = run;
  return {
    step,
    goal: search?.steps ?? run.stop_at ?? experiment.steps,
    playing,
    rate: playing ? meter(step) : meter.clear(),
    search: search ? { batch: search.batch_number, batches: search.batches } : null,
  };
}

/**
 * @param {HTMLElement} element
 * @param {Document} document
 * @param {Experiment} experiment
 * @param {number} count How many experiments there are.
 */
function fillHead(element, document, { id, title, question, look, source }, count) {
  const show = (/** @type {string} */ name) => find(element, `[data-show=${name}]`);
  setText(show("title"), title);
  setText(show("source"), source);
  const seen = /** @type {Set<string>} */ (new Set());
  setMarked(show("question"), question, seen);
  setMarked(show("look"), look, seen);
  const listed = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("#experiments-list a"));
  const links = [...listed].filter((link) => experimentIn(link.pathname) !== null);
  const at = links.findIndex((link) => link.pathname === pathOf({ id }, ""));
  setText(show("place"), at < 0 ? "Experiment" : `Experiment ${at + 1} of ${Math.max(count, links.length)}`);
  for (const [name, link] of Object.entries({ before: links[at - 1], after: at < 0 ? undefined : links[at + 1] })) {
    const place = /** @type {HTMLAnchorElement} */ (show(name));
    place.hidden = !link;
    place.href = link?.pathname ?? "";
    place.title = link?.querySelector("b")?.textContent ?? "";
  }
}

/**
 * Mark in the list where the page is: at an experiment, or at free play.
 * @param {Document} document
 * @param {string} path
 */
function markCurrent(document, path) {
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("#experiments-list a"))) {
    if (link.pathname === path) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
}

/**
 * @param {Document} document
 * @param {number} lane
 * @param {string} name
 * @param {boolean} checked
 */
function choice(document, lane, name, checked) {
  const radio = h(document, "input", { type: "radio", name: "guess", value: lane, checked });
  const swatch = h(document, "i", { class: "mark", "aria-hidden": "true" });
  const label = h(document, "label", { class: "guess-lane" }, radio, swatch);
  markLane(label, lane);
  label.append(h(document, "span", {}, name));
  return label;
}
