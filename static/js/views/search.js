// A search under way: every candidate a square or a point, how far it has come, the best so far, and what to do with it.

/** @import { Search } from "../model/candidates.js" */
/** @import { Layout } from "../paint/places.js" */
/** @import { Config, Run, Topic, View, ViewOptions } from "../types.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { h, setText } from "../base/dom.js";
import { readPalette } from "../base/theme.js";
import { createSearchForm } from "../dialogs/searchform.js";
import {
  createForecast,
  domainOf,
  liveLosses,
  ranked,
  readSearch,
  searchTable,
  training,
} from "../model/candidates.js";
import { formatCount, formatLoss, formatPercent } from "../model/stats.js";
import { heightOf, paintCandidates } from "../paint/candidates.js";
import { candidateAt, lay, neighbour } from "../paint/places.js";
import { createTip } from "../paint/tip.js";
import { candidateWords, progressWords, searchSentence, shownRate } from "../words/search.js";
import { BEST, createSearchParts } from "./searchparts.js";

/** @type {Topic[]} */
export const topics = ["schema", "run", "scores", "open", "theme"];

const PICTURE = { width: 900, scale: 2 };

/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const parts = createSearchParts(document);
  parts.fold.hidden = true; // until it is known whether there is a search: it stands below that
  element.replaceChildren(parts.found, parts.fold);
  const sentence = document.getElementById("search-sentence");
  const tip = createTip(parts.frame, document);
  const screen = contextOf(parts.canvas);
  const forecast = createForecast();
  const now = {
    palette: paletteOf(document),
    layout: /** @type {Layout | null} */ (null),
    chosen: -1,
    run: "",
    folded: /** @type {boolean | null} */ (null),
    form: /** @type {ReturnType<typeof createSearchForm> | null} */ (null),
  };

  /** @returns {Search | null} */
  const searched = () => store.state.run?.search ?? null;
  const mayAct = () => store.state.role === "owner";

  /** @param {Search} search */
  function sceneOf(search) {
    const live = liveLosses(search, store.state.scores);
    return { search, live, domain: domainOf(search, live), chosen: now.chosen, palette: now.palette };
  }

  /** @param {Search} search */
  function paint(search) {
    const width = parts.frame.clientWidth;
    if (width === 0) {
      return; // the panel is closed
    }
    const ratio = document.defaultView?.devicePixelRatio ?? 1;
    const layout = lay(search, width);
    const height = heightOf(layout);
    now.layout = layout;
    parts.canvas.width = Math.round(width * ratio);
    parts.canvas.height = Math.round(height * ratio);
    parts.canvas.style.height = `${height}px`;
    screen.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintCandidates(screen, layout, sceneOf(search), width);
    parts.canvas.dataset.done = String(search.done);
  }

  /**
   * @param {Run} run
   * @param {Search} search
   */
  function showProgress(run, search) {
    const { scores } = store.state;
    const step = search.done === search.trials.length ? search.steps : Math.max(run.step, newest(scores));
    const work = search.batches * search.steps;
    const made = (search.batch_number - 1) * search.steps + step;
    const playing = run.state === "playing";
    playing ? forecast.add(performance.now() / 1000, made) : forecast.forget();
    const total = search.trials.length;
    parts.progress.max = work;
    parts.progress.value = made;
    const counts = { done: search.done, total, batchNumber: search.batch_number, batches: search.batches };
    setText(
      parts.words,
      progressWords({ ...counts, step, steps: search.steps, playing, secondsLeft: forecast.left(work) }),
    );
    const isOver = search.done === total;
    setText(parts.turn, isOver ? "Search again" : playing ? "Stop the search" : "Go on searching");
    parts.turn.disabled = !mayAct();
    parts.open.disabled = !mayAct() || search.best === null;
  }

  /** @param {Search} search */
  function showBest(search) {
    const first = ranked(search).slice(0, BEST);
    [...parts.rows.rows].forEach((row, place) => {
      const result = first[place];
      const cells = result
        ? [
            ...search.trials[result.trial].map(shownRate),
            formatLoss(result.val_loss),
            result.val_accuracy === null ? "–" : formatPercent(result.val_accuracy),
            result.best_val_loss === null
              ? "–"
              : `${formatLoss(result.best_val_loss)}, step ${formatCount(result.best_step ?? 0)}`,
          ]
        : Array(row.cells.length - 1).fill("–");
      cells.forEach((text, at) => {
        setText(row.cells[at + 1], text);
      });
      row.dataset.trial = result ? String(result.trial) : "";
    });
  }

  /** The form of a new search, as soon as it is known what can be set of one. */
  function newSearch() {
    const { schema } = store.state;
    if (!now.form && schema) {
      now.form = createSearchForm({ document, knobs: schema.search, start });
      parts.fold.append(now.form.element);
    }
    return now.form;
  }

  function update() {
    const { run } = store.state;
    const search = searched();
    const form = newSearch();
    parts.found.hidden = search === null;
    form?.allow(mayAct());
    if (sentence) {
      writeCaption(sentence, run ? searchSentence(search && readSearch(search)) : "Waiting for a run …");
    }
    if (!run) {
      return;
    }
    if (run.id !== now.run) {
      Object.assign(now, { run: run.id, chosen: -1 });
      forecast.forget();
    }
    if (now.folded !== (search !== null)) {
      now.folded = search !== null; // without a search there is only its form
      parts.fold.open = !now.folded;
    }
    parts.fold.hidden = false;
    if (search) {
      form?.fill(run.id, search);
      showProgress(run, search);
      showBest(search);
      paint(search);
      describe(search);
    }
  }

  /** @param {Search} search */
  function describe(search) {
    setText(parts.readout, now.chosen < 0 ? "" : wordsOf(search, now.chosen));
  }

  /**
   * @param {Search} search
   * @param {number} trial
   */
  function wordsOf(search, trial) {
    const { from, to } = training(search);
    const loss = liveLosses(search, store.state.scores).get(trial);
    const state = trial < search.done ? "done" : trial >= from && trial < to ? "training" : "waiting";
    const found = state === "done" ? search.results[trial] : loss === undefined ? null : { val_loss: loss };
    return candidateWords(search.trials[trial], state, found);
  }

  /** @param {number} trial */
  function choose(trial) {
    const search = searched();
    const cell = now.layout?.cells[trial];
    now.chosen = trial;
    if (!search || !cell) {
      tip.hide();
    } else {
      tip.show(wordsOf(search, trial), cell.x + cell.w / 2, cell.y);
      describe(search);
    }
    search && paint(search);
  }

  /** @param {Record<string, *>} search */
  function start(search) {
    const { run } = store.state;
    if (run) {
      actions.newRun(withoutLanes(run.config), { experiment: run.search ? run.experiment : null, search });
    }
  }

  function turn() {
    const { run } = store.state;
    const search = searched();
    if (search && search.done === search.trials.length) {
      actions.reset().then(() => actions.play());
    } else {
      run?.state === "playing" ? actions.pause() : actions.play();
    }
  }

  function openBest() {
    const { run } = store.state;
    const search = searched();
    if (run && search && search.best !== null) {
      actions.newRun(bestAsRun(run.config, search, search.best), { stop_at: search.steps });
    }
  }

  parts.turn.addEventListener("click", turn);
  parts.open.addEventListener("click", openBest);
  parts.canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const trial = now.layout ? candidateAt(now.layout, offsetX, offsetY) : -1;
    if (trial !== now.chosen) {
      choose(trial);
    }
  });
  for (const kind of ["pointerleave", "blur"]) {
    parts.canvas.addEventListener(kind, () => choose(-1));
  }
  parts.canvas.addEventListener("focus", () => choose(Math.max(0, searched()?.best ?? now.chosen)));
  parts.canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move && now.layout) {
      event.preventDefault();
      event.stopPropagation(); // elsewhere on the page the arrow keys step
      choose(neighbour(now.layout, Math.max(0, now.chosen), move));
    }
  });

  return {
    update(changed) {
      if (changed.has("theme")) {
        now.palette = paletteOf(document);
      }
      update();
    },
    resize() {
      const search = searched();
      search && paint(search);
    },
    async picture() {
      const search = searched();
      return search ? pictureOf(document, { ...sceneOf(search), chosen: -1 }) : null;
    },
    table() {
      const search = searched();
      return search ? searchTable(search) : null;
    },
    destroy() {
      element.replaceChildren();
    },
  };
}

/** @param {Document} document */
function paletteOf(document) {
  const style = getComputedStyle(document.documentElement);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const ramp = { least: token("loss-least"), middle: token("loss-middle"), most: token("loss-most") };
  return { ...readPalette(document), ...ramp };
}

/** @param {import("../state/columns.js").Columns<"val_loss">} scores */
function newest({ length, step }) {
  return length > 0 ? step[length - 1] : 0;
}

/**
 * @param {Config} config
 * @returns {Partial<Config>}
 */
function withoutLanes({ lanes: _, ...config }) {
  return config;
}

/**
 * A run of two networks that differ in dropout alone: without any, and with the rates of a candidate.
 * @param {Config} config Of the search.
 * @param {Search} search
 * @param {number} trial
 * @returns {Partial<Config>}
 */
export function bestAsRun({ lanes: [pattern], ...config }, { trials }, trial) {
  const [input, hidden, speed] = trials[trial];
  const dropout = pattern.dropout.map((_, place) => (place === 0 ? input : hidden));
  const lane = { ...pattern, learning_rate: null };
  const lanes = [
    { ...lane, name: "No dropout", dropout: dropout.map(() => 0) },
    { ...lane, name: "The best of the search", dropout },
  ];
  return { ...config, learning_rate: speed, lanes };
}

/**
 * @param {Document} document
 * @param {import("../paint/candidates.js").Scene} scene
 * @returns {Promise<Blob | null>}
 */
function pictureOf(document, scene) {
  const { width, scale } = PICTURE;
  const layout = lay(scene.search, width);
  const canvas = h(document, "canvas", { width: width * scale, height: heightOf(layout) * scale });
  const context = contextOf(canvas);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  paintCandidates(context, layout, scene, width);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = scene.palette.panel;
  context.fillRect(0, 0, width, heightOf(layout));
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
