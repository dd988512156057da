// Reset, play, step, undo, speed; the step and how fast it goes; the connection; the theme.

/** @import { Run, Topic, View, ViewOptions } from "../types.js" */

import { find, setText } from "../base/dom.js";
import { THEME_WORDS, THEMES } from "../base/theme.js";
import { argumentOf, taken } from "../model/commands.js";
import { canLookBack } from "../model/past.js";
import { connectionWord } from "../words/connection.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "steps", "connection", "cursor", "theme", "exercise"];

/** The stops of the speed slider in steps per second, as far as a run takes them; the last is as fast as it goes. */
const SPEEDS = [1, 2, 5, 10, 25, 50, 100, 250, 500, null];
const WINDOW = 1500; // ms over which the speed is measured

/**
 * @typedef {object} ToolbarOptions
 * @property {ReturnType<typeof import("../base/theme.js").createTheme>} theme
 * @property {() => void} views
 * @property {() => void} save
 * @property {() => void} share
 * @property {() => void} code
 * @property {() => void} help
 */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions & ToolbarOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions, theme, views, save, share, code, help }) {
  const window = /** @type {Window} */ (document.defaultView);
  const show = (/** @type {string} */ name) => find(element, `[data-show=${name}]`);
  const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (find(element, `[data-do=${name}]`));
  const speed = /** @type {HTMLInputElement} */ (find(element, "#speed"));
  const connection = find(element, ".connection");
  const meter = createMeter(() => window.performance.now());
  const countdown = createCountdown(window, (text) => setText(show("countdown"), text));

  const now = { stops: SPEEDS };
  const toggle = () => void (store.state.run?.state === "playing" ? actions.pause() : actions.play());
  /** @type {Record<string, () => void>} */
  const doings = {
    reset: () => void actions.reset(),
    toggle,
    step: () => void actions.step(1),
    undo: () => void actions.undo(),
    views,
    save,
    share,
    code,
    help,
    theme() {
      theme.choose(THEMES[(THEMES.indexOf(theme.choice) + 1) % THEMES.length]);
    },
  };
  for (const [name, act] of Object.entries(doings)) {
    button(name).addEventListener("click", act);
  }
  speed.addEventListener("input", () => {
    const wanted = now.stops[speed.valueAsNumber];
    showSpeed(wanted);
    actions.speed(wanted);
  });

  /** @param {number | null} stepsPerSecond */
  function showSpeed(stepsPerSecond) {
    setText(show("speed"), stepsPerSecond === null ? "max" : perSecond(stepsPerSecond));
    speed.setAttribute(
      "aria-valuetext",
      stepsPerSecond === null ? "as fast as it goes" : perSecond(stepsPerSecond).replace("/s", " a second"),
    );
  }

  /** @param {Run | null} run */
  function showRun(run) {
    const playing = run?.state === "playing";
    const mine = store.state.role === "owner" && store.state.connection.status === "live";
    element.classList.toggle("playing", playing);
    setText(show("toggle"), playing ? "Pause" : "Play");
    button("undo").disabled = !mine || !run || !canLookBack(run) || run.changes.length === 0;
    const { exercise, answer } = store.state;
    const waits = Boolean(exercise?.first) && answer === null; // for an answer
    for (const each of [button("reset"), button("toggle"), button("step"), speed]) {
      each.disabled = !mine || !run || (waits && each !== speed);
    }
    if (!run) {
      return;
    }
    if (document.activeElement !== speed || nearest(now.stops, run.steps_per_second) === speed.valueAsNumber) {
      speed.value = String(nearest(now.stops, run.steps_per_second));
      showSpeed(run.steps_per_second);
    }
    setText(show("viewers"), run.viewers > 1 ? `${run.viewers.toLocaleString("en")} viewers` : "");
  }

  /** @param {Run | null} run */
  function showStep(run) {
    const { steps } = store.state;
    const step = Math.max(steps.last, run?.step ?? 0);
    setText(show("step"), step.toLocaleString("en"));
    const rate = run?.state === "playing" ? meter(step) : meter.clear();
    setText(show("rate"), rate === null ? (run?.state === "paused" ? "paused" : "") : perSecond(rate));
  }

  function showConnection() {
    const { connection: link, cursor } = store.state;
    const { status, retryInMs, by } = link;
    connection.dataset.status = status;
    connection.dataset.by = status === "live" ? (by ?? "") : "";
    connection.classList.toggle("is-back", cursor !== null);
    setText(show("connection"), connectionWord(link, cursor));
    countdown(status === "reconnecting" ? retryInMs : null);
  }

  return {
    update(changed) {
      const { run } = store.state;
      if (changed.has("schema")) {
        now.stops = taken(SPEEDS, argumentOf(store.state.schema, "speed", "steps_per_second"));
        speed.max = String(now.stops.length - 1);
      }
      if (changed.has("connection") || changed.has("cursor")) {
        showConnection();
      }
      if (changed.has("run") || changed.has("connection") || changed.has("exercise")) {
        for (const name of ["views", "save", "share", "code"]) {
          button(name).disabled = !run;
        }
        showRun(run);
      }
      showStep(run);
      if (changed.has("theme")) {
        element.dataset.theme = theme.choice;
        setText(show("theme"), `Theme: ${THEME_WORDS[theme.choice]}`);
        button("theme").title = `Theme: ${THEME_WORDS[theme.choice]}`;
      }
    },
    resize() {},
    destroy: () => countdown(null),
  };
}

/** @param {number} rate */
export function perSecond(rate) {
  const count = rate.toLocaleString("en");
  return `${count} ${count === "1" ? "step" : "steps"}/s`; // as it is written: 0.9998 is 1 as well
}

/**
 * @param {readonly (number | null)[]} stops
 * @param {number | null} stepsPerSecond
 */
function nearest(stops, stepsPerSecond) {
  if (stepsPerSecond === null) {
    return stops.length - 1;
  }
  const distances = stops.map((stop) =>
    stop === null ? Number.POSITIVE_INFINITY : Math.abs(Math.log(stop / stepsPerSecond)),
  );
  return distances.indexOf(Math.min(...distances));
}

/**
 * Measures how fast a counter rises, over a sliding window.
 * @param {() => number} now
 */
export function createMeter(now) {
  /** @type {{ time: number, step: number }[]} */
  const marks = [];
  /**
   * @param {number} step
   * @returns {number | null} A second; `null` before there is enough to measure.
   */
  function measure(step) {
    const time = now();
    if (marks.length > 0 && step < marks[marks.length - 1].step) {
      marks.length = 0;
    }
    marks.push({ time, step });
    while (marks.length > 2 && time - marks[1].time > WINDOW) {
      marks.shift();
    }
    const seconds = (time - marks[0].time) / 1000;
    if (seconds < WINDOW / 3000) {
      return null;
    }
    const rate = (step - marks[0].step) / seconds;
    return rate >= 10 ? Number(rate.toPrecision(2)) : Math.round(rate * 10) / 10;
  }
  measure.clear = () => {
    marks.length = 0;
    return null;
  };
  return measure;
}

/**
 * Says each second how long it still takes.
 * @param {Window} window
 * @param {(text: string) => void} say
 */
function createCountdown(window, say) {
  const state = { timer: /** @type {number | undefined} */ (undefined) };
  return (/** @type {number | null} */ milliseconds) => {
    window.clearInterval(state.timer);
    if (milliseconds === null) {
      say("");
      return;
    }
    const until = window.performance.now() + milliseconds;
    const tell = () => say(`in ${Math.max(0, Math.ceil((until - window.performance.now()) / 1000))} s`);
    tell();
    state.timer = window.setInterval(tell, 1000);
  };
}
