// What each network says of every point of the plane: one heatmap a lane, the training points over it.

/** @import { Frame, Topic, View, ViewOptions } from "../types.js" */

import { writeCaption } from "../base/caption.js";
import { contextOf } from "../base/context.js";
import { h, setText } from "../base/dom.js";
import { markLane } from "../base/theme.js";
import { formatOne } from "../model/stats.js";
import { boundarySentence, exampleName } from "../paint/captions.js";
import { createPace } from "../paint/pace.js";
import { readPicturePalette } from "../paint/palette.js";
import { contour, disagreement, drawHeat, lengthOf, nearest, probabilityColours } from "../paint/plane.js";
import { paintContour, paintPoints, placeOf, ringPoint } from "../paint/points.js";
import { boundaryTable, gallery } from "../paint/tables.js";
import { createTip } from "../paint/tip.js";

/** @type {Topic[]} */
export const topics = ["run", "data", "boundary", "theme"];

const WORDS_EVERY_MS = 250;
const PICTURE_SIDE = 640; // pixels of a map of a downloaded picture

/** @typedef {{ figure: HTMLElement, canvas: HTMLCanvasElement, name: HTMLElement }} Map */

/**
 * @param {HTMLElement} element
 * @param {ViewOptions} options
 * @returns {View}
 */
export function create(element, { document, store, actions }) {
  const sentence = document.getElementById("boundary-sentence");
  const grid = document.createElement("div");
  grid.className = "boundary-grid";
  const legend = document.createElement("ul");
  legend.className = "legend";
  const frame = document.createElement("div");
  frame.className = "boundary-frame";
  frame.append(grid);
  element.replaceChildren(frame, legend);
  const tip = createTip(frame, document);
  const heat = contextOf(document.createElement("canvas"));
  const points = contextOf(document.createElement("canvas"));
  const now = {
    palette: readPicturePalette(document),
    maps: /** @type {Map[]} */ ([]),
    side: 0,
    pointsShape: "",
    lengths: /** @type {number[]} */ ([]),
  };
  const words = createPace(writeWords, () => WORDS_EVERY_MS);
  const ratio = () => document.defaultView?.devicePixelRatio ?? 1;
  const isPlane = () => Boolean(store.state.data?.tensors.extent);

  function lay() {
    const { run } = store.state;
    const lanes = run?.config.lanes ?? [];
    while (now.maps.length > lanes.length) {
      now.maps.pop()?.figure.remove();
    }
    while (now.maps.length < lanes.length) {
      now.maps.push(addMap(now.maps.length));
    }
    const columns = lanes.length <= 3 ? Math.max(1, lanes.length) : Math.min(lanes.length, lanes.length <= 8 ? 4 : 8);
    grid.style.setProperty("--columns", String(columns));
    now.maps.forEach(({ name }, lane) => {
      setText(/** @type {Element} */ (name.lastElementChild), lanes[lane].name);
      name.title = lanes[lane].name;
    });
    now.side = Math.round((now.maps[0]?.canvas.clientWidth ?? 0) * ratio());
    for (const { canvas } of now.maps) {
      if (canvas.width !== now.side && now.side > 0) {
        canvas.width = now.side;
        canvas.height = now.side;
      }
    }
  }

  /** Draw the training points once for each size, colour or data set; every map shows the same. */
  function drawPoints() {
    const { data, run } = store.state;
    const shape = JSON.stringify([now.side, now.palette.classes, data?.seq, data?.run]);
    if (!data || !run || shape === now.pointsShape) {
      return;
    }
    now.pointsShape = shape;
    points.canvas.width = now.side;
    points.canvas.height = now.side;
    paintPoints(points, data, now.palette, ratio());
  }

  function paint() {
    const { boundary, data, run } = store.state;
    element.hidden = data !== null && !isPlane(); // its place is kept until it is known
    if (!data || !run || element.hidden) {
      return;
    }
    lay();
    if (now.side === 0) {
      return;
    }
    drawPoints();
    showLegend(legend, run.classes, data, document);
    now.lengths = now.maps.map(({ canvas }, lane) => {
      const context = contextOf(canvas);
      context.clearRect(0, 0, now.side, now.side);
      const length = boundary ? paintLane(context, lane) : 0;
      context.drawImage(points.canvas, 0, 0);
      ringPoint(context, data, run.follow.example, now.palette, ratio());
      return length;
    });
    words.request();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} lane
   * @returns {number} The length of its boundary.
   */
  function paintLane(context, lane) {
    const probability = probabilityOf(lane);
    if (!probability) {
      return 0;
    }
    const size = Math.sqrt(probability.length);
    heat.canvas.width = size;
    heat.canvas.height = size;
    const image = heat.createImageData(size, size);
    drawHeat(
      new Uint32Array(image.data.buffer),
      probability,
      size,
      probabilityColours(now.palette.classes, now.palette.panel),
    );
    heat.putImageData(image, 0, 0);
    context.drawImage(heat.canvas, 0.5, 0.5, size - 1, size - 1, 0, 0, now.side, now.side); // outermost samples lie on the edges
    const segments = contour(probability, size);
    paintContour(context, segments, size, now.palette, ratio());
    const extent = /** @type {Float32Array} */ (store.state.data?.tensors.extent.data);
    return lengthOf(segments, (extent[1] - extent[0]) / (size - 1), (extent[3] - extent[2]) / (size - 1));
  }

  /** @param {number} lane */
  function probabilityOf(lane) {
    const tensor = store.state.boundary?.tensors.probability;
    if (!tensor || lane >= tensor.shape[0]) {
      return null;
    }
    const cells = tensor.shape[1] * tensor.shape[2];
    return /** @type {Uint8Array} */ (tensor.data).subarray(lane * cells, (lane + 1) * cells);
  }

  function writeWords() {
    const { boundary, run } = store.state;
    const [one, other] = [probabilityOf(0), probabilityOf(1)];
    const text = boundarySentence(
      boundary && run
        ? {
            step: Number(boundary.tensors.step.data[0]),
            lanes: run.config.lanes.map(({ name }, lane) => ({ name, length: now.lengths[lane] ?? 0 })),
            differ: one && other ? disagreement(one, other) : 0,
          }
        : null,
    );
    if (sentence) {
      writeCaption(sentence, text);
    }
  }

  /** @param {number} lane */
  function addMap(lane) {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    canvas.tabIndex = lane === 0 ? 0 : -1; // one stop of the Tab key: every map shows the same points
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-labelledby", `boundary-name-${lane}`);
    canvas.setAttribute("aria-describedby", "boundary-sentence");
    const mark = h(document, "i", { class: "mark", "aria-hidden": "true" });
    const name = h(document, "figcaption", { id: `boundary-name-${lane}` }, mark, h(document, "span"));
    markLane(name, lane);
    figure.append(name, canvas);
    grid.append(figure);
    canvas.addEventListener("pointermove", (event) => hover(canvas, event));
    canvas.addEventListener("pointerleave", () => tip.hide());
    canvas.addEventListener("click", (event) => choose(canvas, event));
    canvas.addEventListener("keydown", walk);
    return { figure, canvas, name };
  }

  /**
   * The training point nearest to the pointer.
   * @param {HTMLCanvasElement} canvas
   * @param {MouseEvent} event
   */
  function pointAt(canvas, { offsetX, offsetY }) {
    const { data } = store.state;
    if (!data) {
      return -1;
    }
    const place = placeOf(data, offsetX / canvas.clientWidth, offsetY / canvas.clientHeight);
    return nearest(/** @type {Float32Array} */ (data.tensors["train/x"].data), place.x, place.y);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PointerEvent} event
   */
  function hover(canvas, event) {
    const { data, run } = store.state;
    const example = pointAt(canvas, event);
    if (!data || !run || example < 0) {
      return;
    }
    const label = run.classes[Number(data.tensors["train/y"].data[example])];
    const truth = run.classes[Number(data.tensors["train/true"].data[example])];
    const [here, there] = [canvas.getBoundingClientRect(), frame.getBoundingClientRect()];
    tip.show(
      `nearest: ${exampleName({ example, label, truth })}`,
      here.left - there.left + event.offsetX,
      here.top - there.top + event.offsetY,
    );
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {MouseEvent} event
   */
  function choose(canvas, event) {
    follow(pointAt(canvas, event));
  }

  /** @param {KeyboardEvent} event The arrow keys walk over the examples. */
  function walk(event) {
    const { data, run } = store.state;
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (data && run && by) {
      event.preventDefault();
      event.stopPropagation(); // elsewhere on the page the arrow keys step
      const count = data.tensors["train/x"].shape[0];
      follow((run.follow.example + by + count) % count);
    }
  }

  /** @param {number} example */
  function follow(example) {
    if (example >= 0 && store.state.role === "owner") {
      actions.follow({ example }).catch((error) => actions.notify("error", String(error.message ?? error)));
    }
  }

  return {
    update(changed) {
      if (changed.has("theme")) {
        now.palette = readPicturePalette(document);
      }
      paint();
      if (changed.has("theme")) {
        words.now(); // a picture may be taken in these colours: its words shall be of the same step
      }
    },
    resize: paint,
    async picture() {
      const named = now.maps.map(({ name, canvas }) => ({ name: name.textContent ?? "", canvas }));
      return gallery(document, now.palette, store.state.boundary ? named : [], {
        ...{ columns: 4, side: PICTURE_SIDE, legends: [legend] },
      });
    },
    table() {
      const { boundary, data, run } = store.state;
      return boundary && data && run ? boundaryTable(boundary, data, run.config.lanes) : null;
    },
    destroy() {
      words.cancel();
      element.replaceChildren();
    },
  };
}

/**
 * @param {HTMLElement} legend
 * @param {string[]} classes
 * @param {Frame} data
 * @param {Document} document
 */
function showLegend(legend, classes, data, document) {
  const extent = /** @type {Float32Array} */ (data.tensors.extent.data);
  const [left, right, bottom, top] = Array.from(extent, (value) => formatOne(value).replace("-", "−"));
  const items = [
    ["class-0", `labelled ${classes[0]}`],
    ["class-1", `labelled ${classes[1]}`],
    ["flipped", "wrong label"],
    ["contour", "50:50"],
    ["ring", "selected"],
    ["axes", `x1 (across) ${left} to ${right}, x2 (up) ${bottom} to ${top}`],
  ];
  if (legend.textContent === items.map(([, label]) => label).join("")) {
    return;
  }
  legend.replaceChildren(
    ...items.map(([kind, label]) => {
      const item = document.createElement("li");
      item.className = `legend-${kind}`;
      item.textContent = label;
      return item;
    }),
  );
}
