// What units look for, as images: the atoms of two autoencoders, and the first layer of the networks themselves.

/** @import { DataTable, Frame, Run, State, Tensor, Topic, View, ViewOptions } from "../types.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { h, setText } from "../base/dom.js";
import { createSheet, stacked } from "../base/download.js";
import { markLane } from "../base/theme.js";
import { drops } from "../model/layers.js";
import { formatCount, formatPlain, mean } from "../model/stats.js";
import { limitOf, paintAtoms, shades, sheetSize } from "../paint/atoms.js";
import { keyOf } from "../paint/key.js";
import { channels, pixel, readPicturePalette } from "../paint/palette.js";
import { quoted } from "../words/common.js";
import { featuresSentence, hoyer } from "../words/features.js";

/** @type {Topic[]} */
export const topics = ["run", "insights", "theme"];

const ENLARGED = 560; // pixels of a canvas at least: a weight is a square of several of them, so that scaling does not blur it
/** @type {Record<"minus" | "zero" | "plus", [number, number, number]>} In both themes. */
const GREYS = { minus: [0, 0, 0], zero: [136, 136, 136], plus: [255, 255, 255] };
const KEY_RATIO = 1.4; // of its key
const SLIDE = { side: 580, gap: 24, caption: 30 }; // of a downloaded picture, in pixels

/** @typedef {{ data: Float32Array, shape: number[] }} Images (count, rows, columns) */
/** @typedef {{ title: string, lane: number | null, images: Images }} Sheet A set of images; of a lane, or of an autoencoder. */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const sentence = document.getElementById(`${element.id}-sentence`);
  const progress = h(document, "progress", { max: 1, value: 0, "aria-label": "Training of the autoencoders" });
  const told = h(document, "span", {}, "Waiting …");
  const bar = h(document, "p", { class: "features-progress" }, progress, told);
  const atoms = h(document, "div", { class: "features-pair" });
  const first = h(document, "div", { class: "features-pair features-first" });
  const legend = h(
    document,
    "ul",
    { class: "legend" },
    ...LEGEND.map(([kind, text]) => h(document, "li", { class: kind }, text)),
  );
  element.replaceChildren(bar, atoms, first, legend);

  function paint() {
    const { run, insights } = store.state;
    const frame = insights.features;
    const reading = run && frame ? readFeatures(run, frame) : null;
    if (sentence) {
      writeCaption(sentence, featuresSentence(reading));
    }
    if (!run || !frame || !reading) {
      return;
    }
    const { step, steps } = reading.auto;
    progress.value = step / steps;
    setText(
      told,
      step < steps ? `autoencoders at step ${formatCount(step)} of ${formatCount(steps)}` : "autoencoders trained",
    );
    show(document, atoms, atomSheets(frame));
    show(document, first, firstSheets(run, frame));
  }

  return {
    update: paint,
    resize() {},
    destroy: () => element.replaceChildren(),
    picture: () => pictureOf(document, element),
    table: () => tableOf(store.state),
  };
}

const LEGEND = [
  ["features-plus", "positive weight"],
  ["features-minus", "negative weight"],
  ["features-zero", "none; one scale for each pair"],
];

/**
 * The numbers of which the sentence speaks; `null` where the frame speaks of lanes that the run does not have.
 * @param {Run} run
 * @param {Frame} frame
 */
export function readFeatures(run, { tensors }) {
  const entries = entriesOf(run, tensors.lane);
  if (entries.some(({ lane }) => lane >= run.config.lanes.length)) {
    return null;
  }
  const pair = (/** @type {string} */ name) => Array.from(tensors[`auto/${name}`].data, Number);
  const [count, rows, columns] = tensors.first?.shape.slice(1) ?? [0, 0, 0];
  return {
    trainSize: run.train_size,
    kind: run.network,
    dataset: run.config.dataset,
    step: Number(tensors.step.data[0]),
    auto: {
      step: pair("step")[0],
      steps: pair("steps")[0],
      rate: pair("rate"),
      val: pair("val_loss"),
      sparsity: pair("sparsity"),
    },
    first: entries.map(({ lane, entry }) => ({
      name: run.config.lanes[lane].name,
      sparsity: tensors.first ? sparsityOf(imagesOf(tensors.first, entry), count) : Number.NaN,
    })),
    pixels: rows * columns,
  };
}

/**
 * The lanes that are shown, one without dropout first, as with the autoencoders.
 * @param {Run} run
 * @param {Tensor} lanes
 */
function entriesOf({ config }, { data }) {
  const entries = [...data].map(Number).map((lane, entry) => ({ lane, entry }));
  const drop = (/** @type {number} */ lane) => Number(config.lanes[lane] ? drops(config.lanes[lane]) : true);
  return entries.sort((one, other) => drop(one.lane) - drop(other.lane));
}

/**
 * The mean sparsity of the images that are there.
 * @param {Images} images
 * @param {number} count
 */
function sparsityOf({ data }, count) {
  const size = data.length / count;
  const each = Array.from({ length: count }, (_, unit) => hoyer(data.subarray(unit * size, (unit + 1) * size)));
  return mean(each.filter((sparsity) => Number.isFinite(sparsity)));
}

/**
 * One entry of a tensor (entries, count, rows, columns).
 * @param {Tensor} tensor
 * @param {number} entry
 * @returns {Images}
 */
function imagesOf({ data, shape }, entry) {
  const size = data.length / shape[0];
  return { data: /** @type {Float32Array} */ (data).subarray(entry * size, (entry + 1) * size), shape: shape.slice(1) };
}

/**
 * @param {Frame} frame
 * @returns {Sheet[]}
 */
function atomSheets({ tensors }) {
  return Array.from(tensors["auto/rate"].data, Number).map((rate, entry) => ({
    title: rate > 0 ? `Autoencoder, dropout of ${formatPlain(rate)}` : "Autoencoder, no dropout",
    lane: null,
    images: imagesOf(tensors["auto/atoms"], entry),
  }));
}

/**
 * @param {Run} run
 * @param {Frame} frame
 * @returns {Sheet[]}
 */
function firstSheets(run, { tensors }) {
  const { first } = tensors;
  return first
    ? entriesOf(run, tensors.lane).map(({ lane, entry }) => ({
        title: `First layer of ${quoted(run.config.lanes[lane].name)}`,
        lane,
        images: imagesOf(first, entry),
      }))
    : [];
}

/**
 * Show sets of images side by side, on one scale.
 * @param {Document} document
 * @param {HTMLElement} place
 * @param {Sheet[]} sheets
 */
function show(document, place, sheets) {
  while (place.children.length > sheets.length) {
    place.lastElementChild?.remove();
  }
  while (place.children.length < sheets.length) {
    const canvas = h(document, "canvas", { role: "img", "aria-describedby": "features-sentence" });
    const mark = h(document, "i", { class: "mark", "aria-hidden": "true" });
    place.append(h(document, "figure", {}, h(document, "figcaption", {}, mark, h(document, "span")), canvas));
  }
  const palette = readPicturePalette(document);
  const colours = shades(GREYS.minus, GREYS.zero, GREYS.plus);
  const limit = limitOf(sheets.map(({ images }) => images.data));
  sheets.forEach(({ title, lane, images }, index) => {
    const [caption, canvas] = /** @type {[HTMLElement, HTMLCanvasElement]} */ (
      /** @type {unknown} */ (place.children[index].children)
    );
    const [mark, words] = /** @type {HTMLElement[]} */ ([...caption.children]);
    setText(words, title);
    mark.hidden = lane === null;
    markLane(caption, lane);
    canvas.setAttribute("aria-label", `${title}: weights of ${images.shape[0]} units as images`);
    paintSheet(canvas, images, limit, colours, pixel(channels(palette.panel)));
  });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Images} images
 * @param {number} limit
 * @param {Uint32Array} colours
 * @param {number} line
 */
function paintSheet(canvas, images, limit, colours, line) {
  const [count, rows, columns] = images.shape;
  const { width, height } = sheetSize(count, rows, columns);
  const small = h(canvas.ownerDocument, "canvas", { width, height });
  const pixels = contextOf(small);
  const image = pixels.createImageData(width, height);
  paintAtoms(new Uint32Array(image.data.buffer), images, limit, colours, line);
  pixels.putImageData(image, 0, 0);
  const scale = Math.ceil(ENLARGED / width);
  if (canvas.width !== scale * width || canvas.height !== scale * height) {
    Object.assign(canvas, { width: scale * width, height: scale * height });
  }
  const context = contextOf(canvas);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/**
 * All sets on one sheet, each under its caption.
 * @param {Document} document
 * @param {HTMLElement} element
 * @returns {Promise<Blob | null>}
 */
async function pictureOf(document, element) {
  const figures = [...element.querySelectorAll("figure")];
  if (figures.length === 0) {
    return null;
  }
  const palette = readPicturePalette(document);
  const { ink, font } = palette;
  const { side, gap, caption } = SLIDE;
  const rows = Math.ceil(figures.length / 2);
  const sheet = createSheet(document, 2 * side + 3 * gap, rows * (side + caption + gap) + gap);
  sheet.imageSmoothingEnabled = false;
  sheet.fillStyle = ink;
  sheet.font = `600 18px ${font || "sans-serif"}`;
  figures.forEach((figure, index) => {
    const canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
    const [left, top] = [gap + (index % 2) * (side + gap), gap + Math.floor(index / 2) * (side + caption + gap)];
    sheet.fillText(figure.textContent ?? "", left, top + 18, side);
    sheet.drawImage(canvas, left, top + caption, side, (side * canvas.height) / canvas.width);
  });
  const legends = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(".legend"));
  const key = keyOf(legends, palette, { width: sheet.canvas.width / KEY_RATIO, ratio: KEY_RATIO });
  return stacked([sheet.canvas, ...key], palette.panel);
}

/**
 * The weights, a row for each unit.
 * @param {State} state
 * @returns {DataTable | null}
 */
function tableOf({ run, insights: { features: frame } }) {
  if (!run || !frame || !readFeatures(run, frame)) {
    return null;
  }
  const sheets = [...atomSheets(frame), ...firstSheets(run, frame)];
  const widest = Math.max(...sheets.map(({ images: { shape } }) => shape[1] * shape[2]));
  const rows = sheets.flatMap(({ title, images: { data, shape } }) => {
    const size = shape[1] * shape[2];
    return Array.from({ length: shape[0] }, (_, unit) => [
      title,
      unit + 1,
      ...data.subarray(unit * size, (unit + 1) * size),
    ]);
  });
  return {
    name: "features",
    columns: ["set", "unit", ...Array.from({ length: widest }, (_, at) => `w${at + 1}`)],
    rows,
  };
}
