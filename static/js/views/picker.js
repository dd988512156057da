// The training examples to choose from: one page of small pictures at a time, with the label that each is trained on.

/** @import { Frame, Run, Topic, View, ViewOptions } from "../types.js" */
/** @import { PicturePalette } from "../paint/palette.js" */

import { setText } from "../base/dom.js";
import { formatCount } from "../model/stats.js";
import { exampleName, pickerSentence } from "../paint/captions.js";
import { readPicturePalette } from "../paint/palette.js";
import { exampleOf } from "../paint/picture.js";
import { isShown } from "../paint/shown.js";
import { exampleTable, gallery } from "../paint/tables.js";
import { barsOf, imageOf, rowWords } from "../paint/thumbnail.js";
import { graphAt } from "../state/held.js";

/** @type {Topic[]} */
export const topics = ["run", "data", "graph", "cursor", "theme"];

const CELL = { image: 44, row: 66 }; // pixels; the same as in pictures.css and picker.css
const ROWS = 1; // of examples on a page

/** @type {Record<string, (at: number, columns: number, page: number, count: number) => number>} */
const MOVES = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at, columns) => at - columns,
  ArrowDown: (at, columns) => at + columns,
  PageUp: (at, _columns, page) => at - page,
  PageDown: (at, _columns, page) => at + page,
  Home: () => 0,
  End: (_at, _columns, _page, count) => count - 1,
};

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const parts = build(element);
  const sentence = document.getElementById("picker-sentence");
  const now = {
    data: /** @type {Frame | null} */ (null),
    shown: /** @type {number[]} */ ([]), // the examples that pass the filter
    at: 0, // where the keyboard is among them
    columns: 1,
    page: 1,
    shape: "",
    followed: -1,
    highlighted: -1,
    chosen: -1, // the example that was asked for here: where the keyboard has gone since, it stays
  };

  const hasBars = () => store.state.run !== null && hasRows(store.state.run);

  function filter() {
    const { data } = store.state;
    const labels = data?.tensors["train/y"].data ?? [];
    const truths = data?.tensors["train/true"].data ?? [];
    const all = Array.from({ length: labels.length }, (_, example) => example);
    now.shown = parts.wrong.checked ? all.filter((example) => labels[example] !== truths[example]) : all;
    now.at = Math.max(0, now.shown.indexOf(store.state.run?.follow.example ?? 0));
    now.shape = "";
  }

  /** @param {Run} run */
  function lay(run) {
    const isTable = hasRows(run);
    const width = isTable ? CELL.row : CELL.image;
    parts.list.classList.toggle("has-rows", isTable);
    parts.title.textContent = isTable ? "Training rows and labels" : "Training images and labels";
    now.columns = Math.max(1, Math.floor(parts.list.clientWidth / width));
    now.page = now.columns * ROWS;
  }

  function paint() {
    const { data, run, role } = store.state;
    element.classList.toggle("is-absent", !run || !data); // its place is kept until it is known that it has none
    element.hidden = data !== null && run !== null && isPlane(run, data);
    if (!data || !run) {
      return;
    }
    writeWords();
    if (element.hidden) {
      return;
    }
    lay(run);
    const first = now.at - (now.at % now.page);
    const examples = now.shown.slice(first, first + now.page);
    const shape = JSON.stringify([examples, data.run, data.seq, store.state.theme, now.columns]);
    if (shape !== now.shape) {
      now.shape = shape;
      parts.list.style.setProperty("--rows", String(now.page / now.columns));
      const palette = readPicturePalette(document);
      parts.list.replaceChildren(...examples.map((example) => option(example, data, run, palette)));
    }
    parts.list.setAttribute("aria-disabled", String(role !== "owner"));
    mark(first);
    const last = Math.min(first + now.page, now.shown.length);
    const range =
      now.shown.length === 0
        ? "none"
        : `${formatCount(first + 1)}–${formatCount(last)} of ${formatCount(now.shown.length)}`;
    parts.range.textContent = range;
    parts.back.disabled = first === 0;
    parts.on.disabled = last >= now.shown.length;
  }

  /** @param {number} first */
  function mark(first) {
    const example = shownExample(store.state);
    [...parts.list.children].forEach((child, index) => {
      child.setAttribute("aria-selected", String(now.shown[first + index] === example));
      /** @type {HTMLElement} */ (child).tabIndex = first + index === now.at ? 0 : -1;
    });
  }

  /**
   * @param {number} example
   * @param {Frame} data
   * @param {Run} run
   * @param {PicturePalette} palette
   */
  function option(example, data, run, palette) {
    const label = Number(data.tensors["train/y"].data[example]);
    const truth = Number(data.tensors["train/true"].data[example]);
    const { classes } = run;
    const values = /** @type {Float32Array} */ (exampleOf(data, example));
    const isTable = hasRows(run);
    const item = document.createElement("div");
    const called = exampleName({ example, label: classes[label], truth: classes[truth] });
    item.setAttribute("role", "option");
    item.setAttribute("aria-label", called);
    item.title = isTable ? `${called}\n${rowWords(values, run.features ?? [])}` : called;
    item.dataset.example = String(example);
    item.classList.toggle("is-wrong", label !== truth);
    const name = document.createElement("span");
    name.className = "picker-label";
    name.textContent = classes[label];
    const picture = isTable
      ? barsOf(document, values, palette)
      : imageOf(document, values, run.layers[0].shape, palette);
    item.append(picture, name);
    return item;
  }

  function writeWords() {
    const { data, run, role, cursor } = store.state;
    if (!data || !run || !sentence) {
      return;
    }
    const [labels, truths] = [data.tensors["train/y"].data, data.tensors["train/true"].data];
    const followed = run.follow.example;
    const words = pickerSentence({
      followed,
      label: run.classes[Number(labels[followed])],
      truth: run.classes[Number(truths[followed])],
      wrong: countWrong(labels, truths),
      total: labels.length,
      mayChoose: role === "owner",
      isPlane: isPlane(run, data),
      shown: cursor !== null || run.state === "paused" ? shownExample(store.state) : followed,
    });
    setText(sentence, words);
  }

  /** @param {number} at */
  function go(at, focus = true) {
    now.at = Math.max(0, Math.min(now.shown.length - 1, at));
    paint();
    if (focus) {
      /** @type {HTMLElement | undefined} */ (parts.list.children[now.at % now.page])?.focus();
    }
  }

  /** The network shows another example: turn to its page, unless the reader is at work here. */
  function goWithThePicture() {
    const example = shownExample(store.state);
    const at = now.shown.indexOf(example);
    const isNew = example !== now.highlighted;
    now.highlighted = example;
    if (isNew && at >= 0 && !element.contains(document.activeElement)) {
      now.at = at;
    }
  }

  /** @param {EventTarget | null} target */
  function choose(target) {
    const item = /** @type {HTMLElement | null} */ (/** @type {Element | null} */ (target)?.closest("[data-example]"));
    if (!item || store.state.role !== "owner") {
      return;
    }
    const example = Number(item.dataset.example);
    now.at = now.shown.indexOf(example);
    now.chosen = example;
    actions.follow({ example }).catch((error) => actions.notify("error", String(error.message ?? error)));
  }

  parts.list.addEventListener("click", ({ target }) => choose(target));
  parts.list.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move) {
      event.preventDefault();
      event.stopPropagation(); // elsewhere on the page the arrow keys step
      go(move(now.at, now.columns, now.page, now.shown.length));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      choose(event.target);
    }
  });
  parts.back.addEventListener("click", () => go(now.at - now.page, false));
  parts.on.addEventListener("click", () => go(now.at + now.page, false));
  parts.wrong.addEventListener("change", () => {
    filter();
    paint();
  });

  return {
    update(changed) {
      const { data, run } = store.state;
      if (changed.size === 1 && changed.has("graph") && shownExample(store.state) === now.highlighted) {
        return;
      }
      if (data !== now.data) {
        now.data = data;
        filter();
      }
      const followed = run?.follow.example ?? -1;
      if (followed !== now.followed) {
        now.followed = followed;
        if (followed !== now.chosen) {
          now.at = Math.max(0, now.shown.indexOf(followed));
        }
        now.chosen = -1;
      }
      goWithThePicture();
      paint();
    },
    resize: paint,
    async picture() {
      const pictures = [...parts.list.children].map((child) => ({
        name: child.textContent ?? "",
        canvas: /** @type {HTMLCanvasElement} */ (child.querySelector("canvas")),
      }));
      const { columns } = now;
      return gallery(document, readPicturePalette(document), pictures, { columns, side: hasBars() ? 168 : 96 });
    },
    table() {
      const { data, run } = store.state;
      return data && run ? exampleTable(data, run) : null;
    },
    destroy() {
      element.replaceChildren();
    },
  };
}

/**
 * The example that the network picture shows: the followed one, or that of the step that is viewed.
 * @param {import("../types.js").State} state
 */
function shownExample({ run, graph, graphs, steps, past, cursor }) {
  const followed = run?.follow.example ?? -1;
  const frame = cursor === null ? graph : graphAt({ graphs, past }, cursor);
  const isOf = frame?.run === run?.id && Number(frame?.tensors.lane?.data[0] ?? -1) === run?.follow.lane;
  const inBatch = frame && isOf && isShown(run, frame) ? Number(frame.tensors.example?.data[0] ?? followed) : followed;
  const film = cursor !== null && past.film?.has(cursor) ? past.film : steps;
  return cursor !== null && !frame ? (film.at(cursor)?.example ?? followed) : inBatch;
}

/**
 * @param {import("../types.js").TypedArray} labels
 * @param {import("../types.js").TypedArray} truths
 */
function countWrong(labels, truths) {
  let wrong = 0;
  for (let example = 0; example < labels.length; example += 1) {
    wrong += Number(labels[example] !== truths[example]);
  }
  return wrong;
}

/**
 * Whether the examples are rows of a table.
 * @param {Run} run
 */
const hasRows = (run) => (run.features ?? []).length > 0;

/**
 * Whether the examples are points of the plane, which the boundary picture shows.
 * @param {Run} run
 * @param {Frame} data
 */
const isPlane = (run, data) => !hasRows(run) && data.tensors["train/x"].shape[1] === 2;

/** @param {HTMLElement} element */
function build(element) {
  element.innerHTML = `
    <div class="picker-bar">
      <h3 id="picker-title">Training images and labels</h3>
      <label class="picker-wrong"><input type="checkbox"> only wrong ones</label>
      <span class="picker-pages">
        <button type="button" aria-label="Earlier examples">‹</button>
        <span class="picker-range"></span>
        <button type="button" aria-label="Later examples">›</button>
      </span>
    </div>
    <div class="picker-list" role="listbox" aria-labelledby="picker-title" aria-describedby="picker-sentence" aria-orientation="horizontal"></div>`;
  const buttons = element.querySelectorAll("button");
  return {
    wrong: /** @type {HTMLInputElement} */ (element.querySelector("input")),
    title: /** @type {HTMLElement} */ (element.querySelector("h3")),
    list: /** @type {HTMLElement} */ (element.querySelector(".picker-list")),
    range: /** @type {HTMLElement} */ (element.querySelector(".picker-range")),
    back: buttons[0],
    on: buttons[1],
  };
}
