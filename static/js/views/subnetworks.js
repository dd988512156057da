// Sub-networks in the plane: sixteen boundaries, their average, weight scaling; and two maps of doubt.

/** @import { PicturePalette } from "../paint/palette.js" */
/** @import { DataTable, Frame, Run, Tensor, Topic, View, ViewOptions } from "../types.js" */
/** @import { PlaneReading } from "../words/subnetworks.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { h } from "../base/dom.js";
import { stacked } from "../base/download.js";
import { donorOf } from "../draw/drawing.js";
import { distancesFrom, dividedShare, linesOf, meanAlong, nearAndFar } from "../draw/plane.js";
import { keyOf } from "../paint/key.js";
import { createPace } from "../paint/pace.js";
import { channels, mix, pixel, readPicturePalette } from "../paint/palette.js";
import { contour, disagreement, drawHeat } from "../paint/plane.js";
import { paintPoints } from "../paint/points.js";
import { subnetworksSentence } from "../words/subnetworks.js";

/** @type {Topic[]} */
export const topics = ["run", "data", "insights", "open", "theme"];

const WORDS_EVERY_MS = 250;
const MOST = Math.log(2); // nats: the entropy of two classes that are equally likely
const STEPS = 256;

const MAPS = /** @type {const} */ ([
  ["boundaries", "Boundaries"],
  ["entropy", "Predictive entropy: all the doubt"],
  ["information", "Mutual information: disagreement"],
]);

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store }) {
  const sentence = document.getElementById(`${element.id}-sentence`) ?? document.createElement("p");
  const canvases = MAPS.map(([name]) =>
    h(document, "canvas", {
      role: "img",
      "data-map": name,
      "aria-labelledby": `subnetworks-${name}`,
      "aria-describedby": `${element.id}-sentence`,
    }),
  );
  const figures = MAPS.map(([name, title], index) =>
    h(document, "figure", {}, h(document, "figcaption", { id: `subnetworks-${name}` }, title), canvases[index]),
  );
  const scale = h(document, "canvas", { class: "subnetworks-scale", "aria-hidden": "true", width: STEPS, height: 1 });
  const ruler = h(
    document,
    "div",
    { class: "subnetworks-ruler" },
    "0",
    scale,
    `${MOST.toFixed(2)} nats (log 2: 50:50)`,
  );
  const legend = h(
    document,
    "ul",
    { class: "legend" },
    h(document, "li", { class: "legend-thin" }, "a sub-network’s boundary"),
    h(document, "li", { class: "legend-average" }, "that of the average"),
    h(document, "li", { class: "legend-scaling" }, "that of weight scaling"),
  );
  element.replaceChildren(h(document, "div", { class: "subnetworks-maps" }, ...figures), legend, ruler);
  const now = {
    palette: readPicturePalette(document),
    distances: { of: "", values: new Float32Array(0) },
  };
  const words = createPace(write, () => WORDS_EVERY_MS);
  const ratio = () => document.defaultView?.devicePixelRatio ?? 1;
  const frameOf = () => {
    const { run, insights, data } = store.state;
    const frame = insights.subnetworks;
    return frame && data?.tensors.extent && run && frame.tensors.lane.data[0] < run.config.lanes.length ? frame : null;
  };

  function paint() {
    const { data, run } = store.state;
    const sides = canvases.map(({ clientWidth }) => Math.round(clientWidth * ratio()));
    if (sides[0] === 0) {
      return;
    }
    canvases.forEach((canvas, index) => {
      Object.assign(canvas, { width: sides[index], height: sides[index] });
    });
    const colours = doubtColours(now.palette);
    const line = contextOf(scale);
    line.putImageData(imageOf(line, colours, STEPS, 1), 0, 0);
    const frame = frameOf();
    if (frame && data && run) {
      paintMaps(frame, colours);
      const [boundaries] = contexts();
      paintPoints(boundaries, data, now.palette, ratio());
      paintBoundaries(boundaries, frame, now.palette, ratio());
      for (const canvas of canvases) {
        canvas.dataset.step = String(frame.tensors.step.data[0]);
      }
    }
    words.request();
  }

  const contexts = () => canvases.map((canvas) => contextOf(canvas));

  /**
   * @param {Frame} frame
   * @param {Uint32Array} colours
   */
  function paintMaps({ tensors }, colours) {
    const [, entropy, information] = contexts();
    const size = tensors.entropy.shape[0];
    const heat = contextOf(document.createElement("canvas"));
    Object.assign(heat.canvas, { width: size, height: size });
    for (const [context, name] of /** @type {const} */ ([
      [entropy, "entropy"],
      [information, "information"],
    ])) {
      const levels = Uint8Array.from(floats(tensors[name]), (nats) => ((STEPS - 1) * nats) / MOST);
      const pixels = new Uint32Array(size * size);
      drawHeat(pixels, levels, size, colours);
      heat.putImageData(imageOf(heat, pixels, size, size), 0, 0);
      context.drawImage(heat.canvas, 0.5, 0.5, size - 1, size - 1, 0, 0, context.canvas.width, context.canvas.width);
      const average = contour(/** @type {Uint8Array} */ (tensors.average.data), size);
      trace(context, average, size);
      Object.assign(context, { strokeStyle: now.palette.boundary, lineWidth: 1.25 * ratio(), globalAlpha: 0.7 });
      context.stroke();
      context.globalAlpha = 1;
    }
  }

  function write() {
    const { run, data } = store.state;
    const frame = frameOf();
    writeCaption(
      sentence,
      subnetworksSentence(frame && run && data ? readingOf(frame, run, distances(frame, data)) : null),
    );
  }

  /**
   * How far each cell is from the training points: the same until there are other points.
   * @param {Frame} frame
   * @param {Frame} data
   */
  function distances({ tensors }, data) {
    const of = `${data.run} ${data.seq} ${tensors.extent.data}`;
    if (now.distances.of !== of) {
      const points = /** @type {Float32Array} */ (data.tensors["train/x"].data);
      const extent = /** @type {Float32Array} */ (tensors.extent.data);
      now.distances = { of, values: distancesFrom(points, extent, tensors.entropy.shape[0]) };
    }
    return now.distances.values;
  }

  return {
    update(changed) {
      if (changed.has("theme")) {
        now.palette = readPicturePalette(document);
      }
      paint();
    },
    resize: paint,
    destroy() {
      words.cancel();
      element.replaceChildren();
    },
    async picture() {
      const width = Math.max(...canvases.map((canvas) => canvas.width)) / ratio();
      const key = keyOf([legend], now.palette, { width, ratio: ratio() });
      return frameOf() ? stacked([...canvases, ...key], now.palette.panel) : null;
    },
    table: () => {
      const frame = frameOf();
      return frame && tableOf(frame);
    },
  };
}

/**
 * Sequential: from the panel's colour to the warning one, so that doubt stands out in either theme.
 * @param {PicturePalette} palette
 */
function doubtColours(palette) {
  const [none, all] = [channels(palette.panel), channels(palette.lanes[3])];
  return Uint32Array.from({ length: STEPS }, (_, level) => pixel(mix(none, all, level / (STEPS - 1))));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 */
function imageOf(context, pixels, width, height) {
  const image = context.createImageData(width, height);
  new Uint32Array(image.data.buffer).set(pixels);
  return image;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} frame
 * @param {PicturePalette} palette
 * @param {number} ratio
 */
function paintBoundaries(context, { tensors }, palette, ratio) {
  const [count, size] = tensors.members.shape;
  const cells = size * size;
  const members = /** @type {Uint8Array} */ (tensors.members.data);
  context.lineCap = "round";
  Object.assign(context, { strokeStyle: palette.inkSoft, lineWidth: ratio, globalAlpha: 0.7 });
  for (let member = 0; member < count; member += 1) {
    trace(context, contour(members.subarray(member * cells, (member + 1) * cells), size), size);
    context.stroke();
  }
  context.globalAlpha = 1;
  trace(context, contour(/** @type {Uint8Array} */ (tensors.average.data), size), size);
  for (const [under, width] of /** @type {[string, number][]} */ ([
    [palette.panel, 5.5],
    [palette.boundary, 3.25],
  ])) {
    Object.assign(context, { strokeStyle: under, lineWidth: width * ratio });
    context.stroke();
  }
  trace(context, contour(/** @type {Uint8Array} */ (tensors.scaling.data), size), size);
  context.setLineDash([6 * ratio, 5 * ratio]);
  context.lineCap = "butt";
  Object.assign(context, { strokeStyle: palette.lanes[4], lineWidth: 2.25 * ratio });
  context.stroke();
  context.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} segments
 * @param {number} size Of the grid; its outermost samples lie on the edges.
 */
function trace(context, segments, size) {
  const side = context.canvas.width;
  const at = (/** @type {number} */ cell) => (cell / (size - 1)) * side;
  context.beginPath();
  for (const [x, y, ...rest] of linesOf(segments)) {
    context.moveTo(at(x), side - at(y));
    for (let index = 0; index < rest.length; index += 2) {
      context.lineTo(at(rest[index]), side - at(rest[index + 1]));
    }
  }
}

/**
 * @param {Frame} frame
 * @param {Run} run
 * @param {Float32Array} distances
 * @returns {PlaneReading}
 */
function readingOf({ tensors }, run, distances) {
  const lane = Number(tensors.lane.data[0]);
  const [members, size] = tensors.members.shape;
  const [average, scaling] = [tensors.average, tensors.scaling].map(({ data }) => /** @type {Uint8Array} */ (data));
  const information = floats(tensors.information);
  const donor = donorOf(run, lane);
  return {
    step: Number(tensors.step.data[0]),
    name: run.config.lanes[lane].name,
    like: donor === null ? null : (run.config.lanes[donor]?.name ?? ""),
    members,
    divided: dividedShare(/** @type {Uint8Array} */ (tensors.members.data), members),
    apart: disagreement(average, scaling),
    ...nearAndFar(information, distances),
    edge: meanAlong(information, contour(average, size), size),
    isSound: information.every(Number.isFinite),
  };
}

/**
 * @param {Frame} frame
 * @returns {DataTable}
 */
function tableOf({ tensors }) {
  const size = tensors.entropy.shape[0];
  const [left, right, bottom, top] = Array.from(tensors.extent.data, Number);
  const { average, scaling, entropy, information } = tensors;
  const rows = Array.from({ length: size * size }, (_, cell) => [
    left + ((cell % size) / (size - 1)) * (right - left),
    bottom + (Math.floor(cell / size) / (size - 1)) * (top - bottom),
    ...[average, scaling].map(({ data }) => Number(data[cell]) / 255),
    ...[entropy, information].map(({ data }) => Number(data[cell])),
  ]);
  const columns = ["x1", "x2", "average", "weight scaling", "entropy (nats)", "mutual information (nats)"];
  return { name: "subnetworks", columns, rows };
}

/** @param {Tensor} tensor */
const floats = ({ data }) => /** @type {Float32Array} */ (data);
