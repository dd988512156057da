// Leads a learner through a lesson: one step at a time, which points at a part of the page, waits for what the learner does, and says
// what came of it in the run's own numbers.

/** @import { Actions, FactCall, Lesson, LessonBlock, LessonMarks, LessonStep, State, Store } from "../types.js" */
/** @import { Answer } from "./progress.js" */

import { find, h, setText } from "../base/dom.js";
import { createRoomApi } from "../rooms/api.js";
import { createRoomTokens } from "../rooms/tokens.js";
import { elementsOf, quotedIn } from "./blocks.js";
import { calledIn, factOf, holds, stepOf } from "./facts.js";
import { written } from "./formats.js";
import { createPointer } from "./pointer.js";
import { createProgress } from "./progress.js";
import { createQuestion } from "./question.js";
import { endWords, rightOf } from "./words.js";

const LOOK_AGAIN_MS = 250;
const PATIENCE_MS = 20000; // for numbers that a text quotes and that the page does not have yet

/**
 * @param {object} options
 * @param {Window & typeof globalThis} options.window
 * @param {HTMLElement} options.element
 * @param {Store} options.store
 * @param {Actions} options.actions
 * @param {{ set: (id: string, wanted: boolean) => void }} options.panels
 * @param {Lesson} options.lesson
 */
export function createCoach({ window, element, store, actions, panels, lesson }) {
  const { document } = window;
  const progress = createProgress(() => window.localStorage);
  const show = (/** @type {string} */ name) => find(element, `[data-show=${name}]`);
  const button = (/** @type {string} */ name) =>
    /** @type {HTMLButtonElement} */ (find(element, `[data-lesson-do=${name}]`));
  const point = createPointer({ window, element });
  const known = progress.of(lesson.number);
  const now = {
    at: -1,
    /** @type {LessonMarks} */
    marks: { step: 0, example: 0, seen: 0, lookedBack: false, asked: false, code: false, guesses: known.guesses },
    met: false,
    told: false, // what came of it
    metAt: 0,
    last: -1, // the update that was looked at last
    catching: /** @type {{ to: number, speed: number | null } | null} */ (null),
    timer: /** @type {number | undefined} */ (undefined),
    opening: false, // another run
    begun: false,
  };

  const stepNow = () => lesson.steps[now.at];
  const isDone = (/** @type {LessonStep} */ step) => progress.of(lesson.number).done.includes(step.id);
  const write = (/** @type {FactCall} */ call) => written(factOf(store.state, now.marks, call), call.format);
  const elements = (/** @type {LessonBlock[]} */ blocks) => elementsOf(document, blocks, write);

  /** The place of a step in the lesson by its name; -1 if there is none. */
  const placeOf = (/** @type {string} */ id) => lesson.steps.findIndex((step) => step.id === id);

  /**
   * Come to a step of the lesson.
   * @param {number} at
   * @param {{ history?: boolean, focus?: boolean }} [how]
   */
  function enter(at, { history = true, focus = true } = {}) {
    const { run, steps } = store.state;
    if (!run || at < 0 || at >= lesson.steps.length) {
      return;
    }
    const step = lesson.steps[at];
    now.at = at;
    now.met = step.until.length === 0;
    now.told = false;
    now.last = steps.last;
    Object.assign(now.marks, { step: stepOf(store.state), example: run.follow.example, seen: 0 });
    Object.assign(now.marks, { lookedBack: false, asked: false, code: false });
    const { furthest } = progress.of(lesson.number);
    progress.change(lesson.number, { at: step.id, furthest: Math.max(furthest, at) });
    if (history) {
      window.history.pushState(null, "", `${window.location.pathname}${window.location.search}#${step.id}`);
    }
    prepare(step, at);
    draw(step);
    point(step.at, needsOf(step), step.act?.set);
    check();
    if (focus) {
      show("said").focus({ preventScroll: true });
    }
  }

  /**
   * Bring the page to where the step needs it.
   * @param {LessonStep} step
   * @param {number} at
   */
  function prepare(step, at) {
    const before = now.begun ? [] : lesson.steps.slice(0, at); // of which the learner has not come by
    for (const panel of [...before, step].flatMap(({ opens }) => opens)) {
      panels.set(panel, true);
    }
    if (store.state.role !== "owner" || !store.state.run || now.opening) {
      return; // once the run that is being opened is there, the step that one is at by then is seen to
    }
    const begins = lesson.steps.slice(0, at + 1).findLast(({ starts }) => starts !== null);
    const { runs } = progress.of(lesson.number);
    const wanted = begins?.id ?? "";
    if (runs[wanted] !== store.state.run.id && (now.begun || window.location.search === "" || wanted === step.id)) {
      if (now.begun || wanted !== "") {
        void open(wanted, begins?.starts ?? lesson.config, begins?.search ?? null);
        return;
      }
    }
    if (runs[wanted] !== store.state.run.id) {
      progress.change(lesson.number, { runs: { ...runs, [wanted]: store.state.run.id } });
    }
    follow(step);
  }

  /**
   * Open the run that a step begins.
   * @param {string} wanted
   * @param {import("../types.js").Config} config
   * @param {object | null} search What it tries, if it is a search.
   */
  async function open(wanted, config, search) {
    const before = store.state.run?.id;
    const seed = store.state.run?.config.seed ?? config.seed; // of the first run: who chose another one has it in all
    const shown = wanted === "" && lesson.follow !== null ? { lane: lesson.follow } : null;
    now.opening = true;
    await actions.newRun({ ...config, seed }, { experiment: null, search, follow: shown });
    await another(before);
    now.opening = false;
    const { run } = store.state;
    if (run && run.id !== before) {
      const { runs } = progress.of(lesson.number);
      progress.change(lesson.number, { runs: { ...runs, [wanted]: run.id } });
      Object.assign(now.marks, { step: stepOf(store.state), example: run.follow.example });
      prepare(stepNow(), now.at);
      redraw();
      point.settle();
    }
    check();
  }

  /**
   * Wait until the page has another run, and may say something to it; or until it is clear that none will come: one that was refused
   * leaves the connection as it was.
   * @param {string | undefined} before The one that it had.
   * @returns {Promise<void>}
   */
  function another(before) {
    const isLive = () => store.state.connection.status === "live";
    const isOther = () => store.state.run?.id !== before;
    const wasRefused = isLive() && !isOther();
    return new Promise((resolve) => {
      const look = () => {
        const isOver = ["ended", "failed"].includes(store.state.connection.status);
        if (isOver || wasRefused || (isLive() && isOther())) {
          stop();
          resolve();
        }
      };
      const stop = store.subscribe(["run", "connection"], look);
      look();
    });
  }

  /**
   * What a step asks of the run as it is; and if the run has not come far enough, train it to there first.
   * @param {LessonStep} step
   */
  function follow(step) {
    const { run } = store.state;
    if (!run) {
      return;
    }
    if (step.speed !== null) {
      void actions.speed(step.speed || null);
    }
    if (step.follow !== null && run.follow.lane !== step.follow) {
      void actions.follow({ lane: step.follow });
    }
    if (stepOf(store.state) < step.reached && !now.catching) {
      now.catching = { to: step.reached, speed: run.steps_per_second };
      void actions.speed(null);
      void actions.play();
    }
  }

  /** @param {LessonStep} step */
  function draw(step) {
    element.dataset.kind = step.kind;
    setText(show("at"), `${now.at + 1} of ${lesson.steps.length}`);
    const bar = /** @type {HTMLProgressElement} */ (show("progress"));
    bar.max = lesson.steps.length - 1;
    bar.value = now.at;
    const said = show("said");
    const asks = step.kind === "question" || step.kind === "before" || step.kind === "predict";
    show("do").hidden = step.do.length === 0;
    show("do").classList.remove("is-done");
    show("do").replaceChildren(...elements(step.do));
    show("then").replaceChildren();
    if (asks) {
      said.replaceChildren(...(step.kind === "before" ? opening() : []), ask(step));
    } else if (step.kind === "end") {
      progress.change(lesson.number, { finished: progress.of(lesson.number).finished ?? new Date().toISOString() });
      said.replaceChildren(...endWords(document, lesson, progress.of(lesson.number)), ...telling());
    } else {
      said.replaceChildren(...elements(step.text));
    }
    show("more").hidden = !["say", "predict"].includes(step.kind);
    /** @type {HTMLDetailsElement} */ (show("more")).open = false;
    drawButtons();
  }

  /** Draw the step that one is at anew; what was chosen or written, but not yet said, stays. */
  function redraw() {
    const inputs = () => /** @type {NodeListOf<HTMLInputElement>} */ (show("said").querySelectorAll("form input"));
    const before = [...inputs()].map(({ checked, value }) => ({ checked, value }));
    draw(stepNow());
    for (const [index, input] of [...inputs()].entries()) {
      if (index < before.length && !input.disabled) {
        Object.assign(input, before[index]);
      }
    }
  }

  /** What the lesson is for. */
  function opening() {
    return [
      h(document, "p", {}, lesson.goal),
      h(document, "p", { class: "lesson-kind" }, "First a question. It comes again at the end."),
    ];
  }

  /** For a student of a room: a button that tells the host of it what the lesson came to. */
  function telling() {
    const tokens = createRoomTokens(() => window.localStorage);
    return tokens.codes("student").map((code) => {
      const tell = h(document, "button", { type: "button" }, `Tell the host of room ${code}`);
      const said = h(document, "span", { role: "status" });
      tell.addEventListener("click", async () => {
        tell.disabled = true;
        const { right } = rightOf(lesson, progress.of(lesson.number));
        try {
          const api = createRoomApi(window.fetch.bind(window));
          await api.tellLesson(code, tokens.get("student", code) ?? "", lesson.number, right);
          setText(said, "The host knows.");
        } catch (error) {
          setText(said, /** @type {Error} */ (error).message);
          tell.disabled = false;
        }
      });
      return h(document, "p", { class: "lesson-room" }, tell, " ", said);
    });
  }

  /** @param {LessonStep} step */
  function ask(step) {
    const { answers, before, guesses } = progress.of(lesson.number);
    if (step.kind === "predict") {
      const given = guesses[step.id];
      return createQuestion({
        document,
        id: step.id,
        legend: elements(step.text),
        choices: step.choices.map((choice) => elements([{ p: choice }])),
        given: given ?? null,
        button: "This is my prediction",
        answer(value) {
          Object.assign(now.marks.guesses, { [step.id]: value });
          progress.change(lesson.number, { guesses: { ...progress.of(lesson.number).guesses, [step.id]: value } });
          drawButtons();
          return [h(document, "p", {}, "Noted. Go on and see.")];
        },
      });
    }
    const question = lesson.questions[step.question ?? ""];
    const isBefore = step.kind === "before";
    /** @type {Answer | null} */
    const known = isBefore ? before : (answers[question.id] ?? null);
    return createQuestion({
      document,
      id: step.id,
      legend: elements(question.text),
      choices: question.choices.map((choice) => elements([{ p: choice }])),
      unsure: isBefore,
      number: question.kind === "number",
      given: known?.given ?? null,
      isRight: isBefore ? undefined : (value) => isRight(question, value),
      button: isBefore ? "Begin" : "Answer",
      answer(value, first) {
        const right = isRight(question, value);
        const answer = { given: value, right };
        if (isBefore) {
          progress.change(lesson.number, { before: answer });
          if (first) {
            enter(now.at + 1);
          }
          return [];
        }
        if (first) {
          progress.change(lesson.number, { answers: { ...progress.of(lesson.number).answers, [question.id]: answer } });
        }
        drawButtons();
        return elements(right ? question.told.right : question.told.wrong);
      },
    });
  }

  /**
   * @param {import("../types.js").LessonQuestion} question
   * @param {number} value
   */
  function isRight(question, value) {
    if (typeof question.right === "number") {
      return value === question.right;
    }
    const { times = 1, number } = question.right;
    const right = number ?? times * factOf(store.state, now.marks, /** @type {FactCall} */ (question.right));
    const given = ["percent", "points"].includes(question.format) ? value / 100 : value;
    return Math.abs(given - right) <= question.within + 1e-9;
  }

  /** Whether the learner may go on. */
  function mayGoOn() {
    const step = stepNow();
    const { answers, before, guesses } = progress.of(lesson.number);
    const answered = {
      say: now.met && (now.told || step.until.length === 0),
      predict: guesses[step.id] !== undefined,
      before: before !== null,
      question: answers[step.question ?? ""] !== undefined,
      end: false,
    };
    return answered[step.kind];
  }

  function drawButtons() {
    const step = stepNow();
    const { run, role, connection } = store.state;
    const mine = role === "owner" && connection.status === "live" && run !== null;
    button("back").disabled = now.at <= 0;
    button("next").hidden = step.kind === "end";
    button("next").disabled = !mayGoOn();
    const wasThere = document.activeElement === button("act");
    button("act").hidden = step.act === null || now.met;
    if (wasThere && button("act").hidden) {
      show("said").focus({ preventScroll: true }); // a button that goes takes the focus with it
    }
    button("act").disabled = !mine || now.catching !== null || now.opening;
    const { catching } = now;
    const viewing =
      role === "viewer"
        ? "This run belongs to somebody else, and you can only watch. Open the lesson anew to try it yourself."
        : "";
    const waits = catching ? `The run is being trained to step ${written(catching.to, "count")} first.` : viewing;
    setText(show("waits"), waits);
    show("waits").hidden = waits === "";
  }

  /** Look whether what the step waits for has come. */
  function check() {
    const { state } = store;
    const step = stepNow();
    if (!step || !state.run || now.opening) {
      return;
    }
    caughtUp(state);
    note(state);
    if (now.catching) {
      drawButtons();
      return;
    }
    if (!now.met && (isDone(step) || holds(state, now.marks, step.until))) {
      now.met = true;
      now.metAt = window.performance.now();
      if (step.pauses && state.run.state === "playing" && !isDone(step)) {
        void actions.pause();
      }
      const { done } = progress.of(lesson.number);
      progress.change(lesson.number, { done: [...new Set([...done, step.id])] });
    }
    if (now.met && !now.told && step.until.length > 0) {
      tellThen(state, step);
    }
    drawButtons();
  }

  /** @param {State} state */
  function caughtUp(state) {
    const { catching } = now;
    if (catching && stepOf(state) >= catching.to) {
      now.catching = null;
      void actions.pause();
      void actions.speed(catching.speed);
      Object.assign(now.marks, { step: stepOf(state) });
      redraw();
    }
  }

  /**
   * Take note of what the learner looks at.
   * @param {State} state
   */
  function note({ cursor, steps }) {
    const looked = cursor ?? steps.last;
    if (looked !== now.last) {
      now.last = looked;
      now.marks.seen += 1;
    }
    now.marks.lookedBack ||= cursor !== null;
  }

  /**
   * Say what came of it, once the page has all the numbers that this quotes.
   * @param {State} state
   * @param {LessonStep} step
   */
  function tellThen(state, step) {
    const texts = [step.then, ...step.variants.map(({ text }) => text)];
    const calls = [...texts.flatMap(quotedIn), ...step.variants.flatMap(({ when }) => calledIn(when))];
    const missing = calls.some((call) => Number.isNaN(factOf(state, now.marks, call)));
    const still = !step.pauses || isStill(state);
    const late = window.performance.now() - now.metAt > PATIENCE_MS;
    if (missing || !still) {
      now.timer ??= window.setTimeout(() => lookAgain(step), LOOK_AGAIN_MS); // what comes late is told late
      if (now.told || !late) {
        return;
      }
    }
    now.told = true;
    const variant = step.variants.find(({ when }) => holds(state, now.marks, when));
    if (step.act?.open) {
      point(step.at, needsOf(step), step.act?.set); // it has its place now
    } else {
      point.again();
    }
    show("do").classList.add("is-done");
    show("then").replaceChildren(...elements(variant?.text ?? step.then));
    show("then").dataset.variant = variant?.name ?? "";
  }

  /** @param {LessonStep} step That the numbers were missing for. */
  function lookAgain(step) {
    now.timer = undefined;
    if (now.told && stepNow() === step) {
      tellThen(store.state, step);
    } else {
      check();
    }
  }

  button("back").addEventListener("click", () => enter(now.at - 1));
  button("next").addEventListener("click", () => enter(now.at + 1));
  button("act").addEventListener("click", () => {
    const { act } = stepNow();
    if (act) {
      perform(act, { document, store, actions, panels });
    }
  });
  window.addEventListener("popstate", () => {
    const at = placeOf(window.location.hash.slice(1));
    if (at >= 0 && at !== now.at) {
      enter(at, { history: false });
    }
  });
  const ask0 = actions.ask;
  actions.ask = async (...given) => {
    const answer = await ask0(...given);
    now.marks.asked = true;
    check();
    return answer;
  };
  const code0 = actions.code;
  actions.code = async (...given) => {
    now.marks.code = true;
    check();
    return code0(...given);
  };
  const words = /** @type {HTMLDetailsElement} */ (show("picture"));
  words.addEventListener("toggle", () => {
    if (words.open) {
      setText(show("told"), point.words());
    }
  });
  /** @type {HTMLElement} */ (show("different")).replaceChildren(...elements(lesson.different));

  store.subscribe(["run", "steps", "scores", "ensemble", "insights", "open", "cursor", "connection"], () => {
    if (now.at >= 0) {
      check();
    } else if (store.state.run && store.state.role) {
      begin();
    }
  });

  /** Where the address says, or where the learner was, or at the beginning. */
  function begin() {
    const { at, furthest } = progress.of(lesson.number);
    const named = placeOf(window.location.hash.slice(1));
    const place =
      named >= 0 ? named : furthest > 0 && furthest < lesson.steps.length - 1 ? Math.max(0, placeOf(at)) : 0;
    enter(place, { history: false, focus: false });
    now.begun = true;
    if (named < 0 && place > 0) {
      window.history.replaceState(null, "", `${window.location.pathname}${window.location.search}#${stepNow().id}`);
    }
  }
  if (store.state.run && store.state.role) {
    begin();
  }
  return { enter, now };
}

/**
 * The button beside the transport that a step needs.
 * @param {LessonStep} step
 */
function needsOf({ at, act }) {
  return at === "code" ? "code" : act?.open ? "views" : "";
}

/**
 * Whether a run stands still and has been evaluated where it stands.
 * @param {State} state
 */
function isStill({ run, scores }) {
  return run?.state === "paused" && scores.length > 0 && scores.step[scores.length - 1] === run.step;
}

/**
 * Do what a step waits for, in the learner's place.
 * @param {import("../types.js").LessonAct} act
 * @param {object} options
 * @param {Document} options.document
 * @param {Store} options.store
 * @param {Actions} options.actions
 * @param {{ set: (id: string, wanted: boolean) => void }} options.panels
 */
function perform(
  { step, play, set, open, look_back: back, example, lane, code },
  { document, store, actions, panels },
) {
  const { run, steps } = store.state;
  if (step) {
    void actions.step(step);
  } else if (play) {
    void actions.play();
  } else if (set) {
    actions.set(set.lane, set.knobs).catch(() => {}); // the page has said why
  } else if (open) {
    for (const panel of open) {
      panels.set(panel, true);
    }
  } else if (back) {
    actions.scrub(Math.max(steps.first, steps.last - back));
  } else if (example !== undefined) {
    void actions.follow({ example: run?.follow.example === example ? example + 1 : example });
  } else if (lane !== undefined) {
    void actions.follow({ lane });
  } else if (code) {
    /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-do=code]"))?.click();
  }
}
