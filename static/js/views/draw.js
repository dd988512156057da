// A pad to draw on: sub-networks vote on what was drawn, while it is drawn and while the network learns.

/** @import { Opinions } from "../draw/opinions.js" */
/** @import { Answer, Run, Topic, View, ViewOptions } from "../types.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { setText } from "../base/dom.js";
import { stacked } from "../base/download.js";
import { laneColour } from "../base/theme.js";
import { schedulerOf } from "../charts/redraws.js";
import { createAsker } from "../draw/asker.js";
import { build, showLanes, showStarts } from "../draw/build.js";
import { imagesAt, nextOf, readingOf, tableOf, turnReadingOf } from "../draw/drawing.js";
import { opinionsOf } from "../draw/opinions.js";
import { createPad } from "../draw/pad.js";
import { heightOf, paintTurned, showTurnedLegend } from "../draw/turned.js";
import { paintVotes } from "../draw/votes.js";
import { keyOf } from "../paint/key.js";
import { readPicturePalette } from "../paint/palette.js";
import { imageOf as pictureOf } from "../paint/thumbnail.js";
import { drawSentence, turnSentence } from "../words/draw.js";

/** @type {Topic[]} */
export const topics = ["run", "data", "open", "theme"];

const ANGLES = 12; // as many as in Gal & Ghahramani 2016, figure 4
const LIVE_MS = 500; // between two questions while a network learns
const IMAGES = ["digits", "idx"];
const LARGEST = 28; // pixels along a side: what a hand can draw, and a question can carry

/**
 * What is asked: one drawing, as it is and turned.
 * @typedef {object} Question
 * @property {Float32Array[]} images The first is not turned.
 * @property {number[]} angles Degrees.
 * @property {number | undefined} lane
 * @property {number} revision Of the drawing.
 */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const sentence = document.getElementById(`${element.id}-sentence`) ?? document.createElement("p");
  const now = {
    palette: readPicturePalette(document),
    opinions: /** @type {Opinions[] | null} */ (null),
    answer: /** @type {Answer | null} */ (null),
    question: /** @type {Question | null} */ (null), // that was answered
    revision: 0,
    turning: false,
    frame: 0, // that is waited for
    asked: Number.NEGATIVE_INFINITY, // when
    begun: -1, // the training example that one began with
    run: "",
    trouble: "",
  };
  const pad = createPad(document, () => {
    now.revision += 1;
    pad.canvas.dataset.revision = String(now.revision);
    schedulerOf(document).yieldToHand();
    request();
  });
  const made = build(document, pad.canvas);
  element.replaceChildren(made.note, made.body, made.starts, made.below);
  const asker = createAsker({ ask: put, answered, refused });
  const clock = window.setInterval(() => {
    if (store.state.run?.state === "playing" && window.performance.now() - now.asked >= LIVE_MS) {
      request();
    }
  }, LIVE_MS / 2);

  made.undo.addEventListener("click", pad.undo);
  made.clear.addEventListener("click", pad.clear);
  made.turn.addEventListener("click", () => {
    now.turning = !now.turning;
    made.turn.setAttribute("aria-pressed", String(now.turning));
    made.below.hidden = !now.turning;
    request();
  });
  for (const select of [made.angle, made.lane]) {
    select.addEventListener("change", request);
  }

  /** Rows and columns of the images of a run; `null` if nobody could draw them. @param {Run | null} run */
  function sizeOf(run) {
    const [rows = 0, columns = 0] = run?.layers[0]?.shape ?? [];
    return run && IMAGES.includes(run.config.dataset) && Math.max(rows, columns) <= LARGEST ? { rows, columns } : null;
  }

  /** Something changed: paint, and ask, once a frame. */
  function request() {
    if (now.frame === 0 && element.clientWidth > 0) {
      now.frame = window.requestAnimationFrame(() => {
        now.frame = 0;
        pad.paint(now.palette, ratio());
        ask();
      });
    }
  }

  function ask() {
    const size = sizeOf(store.state.run);
    for (const button of [made.undo, made.clear]) {
      button.disabled = pad.isEmpty;
    }
    if (!size || pad.isEmpty) {
      asker.forget();
      Object.assign(now, { answer: null, question: null, opinions: null, trouble: "" });
      paint();
      return;
    }
    const step = Number(made.angle.value);
    const angles = Array.from({ length: now.turning ? ANGLES : 1 }, (_, index) => index * step);
    const images = imagesAt(pad, size, angles);
    const lane = made.lane.value === "" ? undefined : Number(made.lane.value);
    now.asked = window.performance.now();
    paintSmall(images[0]);
    asker.ask({ images, angles, lane, revision: now.revision });
  }

  /** @param {Question} question */
  function put({ images, lane }) {
    const short = (/** @type {number} */ value) => Math.round(value * 1e3) / 1e3; // twelve images of 28 × 28 fit into a message
    return actions.ask(
      images.map((image) => Array.from(image, short)),
      lane,
    );
  }

  /**
   * @param {Answer} answer
   * @param {Question} question
   */
  function answered(answer, question) {
    if (pad.isEmpty || answer.average[0].length !== store.state.run?.classes.length) {
      return; // it was cleared meanwhile, or another run was opened
    }
    const opinions = question.angles.map((_, index) => opinionsOf(answer, index));
    Object.assign(now, { answer, question, opinions, trouble: "" });
    paint();
  }

  /** @param {Error} error */
  function refused({ message }) {
    now.trouble = message;
    write();
  }

  const ratio = () => window.devicePixelRatio || 1;

  /**
   * A canvas as large as it is shown, in CSS pixels, and blank.
   * @param {HTMLCanvasElement} canvas
   */
  function surfaceOf(canvas) {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    Object.assign(canvas, { width: Math.round(width * ratio()), height: Math.round(height * ratio()) });
    const context = contextOf(canvas);
    context.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    return { context, width, height, palette: now.palette };
  }

  /** @param {Float32Array | null} image */
  function paintSmall(image) {
    const { rows, columns } = sizeOf(store.state.run) ?? { rows: 8, columns: 8 };
    const blank = new Float32Array(rows * columns);
    const picture = pictureOf(document, image ?? blank, [rows, columns], now.palette);
    Object.assign(made.small, { width: columns, height: rows });
    contextOf(made.small).drawImage(picture, 0, 0);
    setText(made.size, `What the network is given: ${rows} × ${columns} pixels`);
  }

  function paint() {
    const { run } = store.state;
    if (!run || element.clientWidth === 0) {
      return;
    }
    const lane = now.answer?.lane ?? run.follow.lane;
    if (pad.isEmpty) {
      paintSmall(null);
    }
    paintVotes(surfaceOf(made.votes), now.opinions?.[0] ?? null, {
      classes: run.classes,
      colour: laneColour(now.palette, lane),
    });
    made.votes.dataset.revision = now.question ? String(now.question.revision) : "";
    if (now.turning) {
      paintTurns(run);
    }
    write();
  }

  /** @param {Run} run */
  function paintTurns(run) {
    const { question, opinions } = now;
    const size = sizeOf(run);
    made.turned.style.height = `${heightOf(made.turned.clientWidth, ANGLES)}px`;
    const surface = surfaceOf(made.turned);
    const isWhole = question !== null && question.angles.length === ANGLES;
    if (!isWhole || !size || !opinions) {
      showTurnedLegend(made.turnedLegend, []);
      return;
    }
    const images = question.images.map((image) => pictureOf(document, image, [size.rows, size.columns], now.palette));
    const shown = paintTurned(surface, { images, angles: question.angles, opinions });
    showTurnedLegend(
      made.turnedLegend,
      shown.map((index) => run.classes[index]),
    );
  }

  function write() {
    const { run } = store.state;
    if (!run) {
      return;
    }
    const reading = now.answer && now.opinions && readingOf(run, now.answer, now.opinions[0]);
    writeCaption(sentence, now.trouble ? `There is no answer: ${now.trouble}.` : drawSentence(reading));
    const turning = turnReadingOf(run, now.question?.angles ?? [], now.opinions);
    setText(made.turnedWords, turning ? turnSentence(turning) : "Draw something, and it is turned.");
  }

  /** @param {number} index Of the class. */
  function begin(index) {
    const { run, data } = store.state;
    const size = sizeOf(run);
    const found = data && size ? nextOf(data, index, now.begun) : null;
    if (found && size) {
      now.begun = found.example;
      pad.begin({ ...size, image: found.image });
    }
  }

  function show() {
    const { run } = store.state;
    const size = sizeOf(run);
    made.note.hidden = !run || size !== null;
    setText(made.note, "There is nothing to draw here: this run learns from no images that a hand could draw.");
    for (const part of [made.body, made.starts]) {
      part.hidden = size === null;
    }
    made.below.hidden = size === null || !now.turning;
    if (!run || !size) {
      return;
    }
    if (now.run !== run.id) {
      Object.assign(now, { run: run.id, answer: null, question: null, opinions: null, begun: -1 });
    }
    showStarts(made.starts, run.classes, begin);
    showLanes(
      made.lane,
      run.config.lanes.map(({ name }) => name),
      run.follow.lane,
    );
    paint();
    request();
  }

  return {
    update(changed) {
      if (changed.has("theme")) {
        now.palette = readPicturePalette(document);
      }
      show();
    },
    resize: show,
    destroy() {
      window.clearInterval(clock);
      window.cancelAnimationFrame(now.frame);
      element.replaceChildren();
    },
    async picture() {
      const parts = [
        { canvas: made.votes, legend: made.legend },
        ...(now.turning ? [{ canvas: made.turned, legend: made.turnedLegend }] : []),
      ];
      const size = { width: made.votes.width / ratio(), ratio: ratio() };
      const all = parts.flatMap(({ canvas, legend }) => [canvas, ...keyOf([legend], now.palette, size)]);
      return now.answer ? stacked(all, now.palette.panel) : null;
    },
    table: () => {
      const { run } = store.state;
      return run && now.question && now.opinions ? tableOf(run.classes, now.question.angles, now.opinions) : null;
    },
  };
}
