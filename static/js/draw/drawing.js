// What is asked of a drawing, and what the answer comes to.

/** @import { Answer, DataTable, Frame, Run } from "../types.js" */
/** @import { DrawReading, TurnReading } from "../words/draw.js" */
/** @import { Opinions } from "./opinions.js" */
/** @import { Start } from "./pad.js" */
/** @import { Frame as ImageFrame, Stroke } from "./strokes.js" */

import { dropoutOf } from "../model/kinds.js";
import { drops } from "../model/layers.js";
import { fit, frameOf, imageOf, turn, turnImage } from "./strokes.js";

/**
 * The image that was drawn, at each angle.
 * @param {{ strokes: Stroke[], start: Start | null }} drawn Not nothing.
 * @param {{ rows: number, columns: number }} size
 * @param {number[]} angles Degrees, clockwise.
 * @returns {Float32Array[]}
 */
export function imagesAt({ strokes, start }, size, angles) {
  const frame = frameOf(size.rows, size.columns);
  if (start === null) {
    const drawing = fit(strokes, frame);
    return angles.map((degrees) => imageOf(degrees === 0 ? drawing : turn(drawing, degrees)));
  }
  const image = strokes.length === 0 ? start.image : over(start.image, strokes, frame);
  return angles.map((degrees) => (degrees === 0 ? image : turnImage(image, size, degrees)));
}

/**
 * Strokes over an image, where they were drawn.
 * @param {Float32Array} image
 * @param {Stroke[]} strokes
 * @param {ImageFrame} frame
 */
function over(image, strokes, frame) {
  const [width, height] = [frame.columns * 4, frame.rows * 4];
  const placed = strokes.map((stroke) =>
    stroke.map(([x, y]) => /** @type {[number, number]} */ ([x * width, y * height])),
  );
  const ink = imageOf({ strokes: placed, radius: frame.pen * height, frame });
  return image.map((value, at) => Math.max(value, ink[at]));
}

/**
 * The next training image that truly is of a class, after the one before; from the first again after the last.
 * @param {Frame} data
 * @param {number} index Of the class.
 * @param {number} before
 * @returns {{ example: number, image: Float32Array } | null} `null` if there is none.
 */
export function nextOf({ tensors }, index, before) {
  const truth = tensors["train/true"].data;
  const [count, features] = tensors["train/x"].shape;
  const values = /** @type {Float32Array} */ (tensors["train/x"].data);
  for (let ahead = 1; ahead <= count; ahead += 1) {
    const example = (before + ahead) % count;
    if (Number(truth[example]) === index) {
      return { example, image: values.slice(example * features, (example + 1) * features) };
    }
  }
  return null;
}

/**
 * The lane whose dropout thins a lane, if not its own; `null` if its own, −1 if no lane has any.
 * @param {Run} run
 * @param {number} lane
 */
export function donorOf({ config: { lanes } }, lane) {
  return drops(lanes[lane]) ? null : lanes.findIndex(drops);
}

/**
 * @param {Run} run
 * @param {Answer} answer
 * @param {Opinions} opinion
 * @returns {DrawReading | null} `null` if there is no such lane any more.
 */
export function readingOf(run, { step, lane }, opinion) {
  const { lanes } = run.config;
  if (lane >= lanes.length) {
    return null;
  }
  const donor = donorOf(run, lane);
  const kind = dropoutOf(run, donor ?? lane);
  const like = donor === null ? null : (lanes[donor]?.name ?? "");
  return { step, name: lanes[lane].name, like, kind, classes: run.classes, opinion };
}

/**
 * @param {Run} run
 * @param {number[]} angles
 * @param {Opinions[] | null} opinions
 * @returns {TurnReading | null} `null` if nothing was turned.
 */
export function turnReadingOf(run, angles, opinions) {
  if (opinions === null || angles.length < 2) {
    return null;
  }
  const views = opinions.map((opinion, index) => ({ degrees: angles[index], opinion }));
  return { classes: run.classes, views, isEnsemble: run.config.lanes.some(drops) };
}

/**
 * @param {string[]} classes
 * @param {number[]} angles
 * @param {Opinions[]} opinions
 * @returns {DataTable}
 */
export function tableOf(classes, angles, opinions) {
  const columns = ["turned by (degrees)", "class", "votes", "average", "whole network"];
  const rows = opinions.flatMap(({ counts, average, whole, entropy, information }, index) =>
    classes.map((name, at) => [angles[index], name, counts[at], average[at], whole[at], entropy, information]),
  );
  return { name: "draw", columns: [...columns, "entropy (nats)", "mutual information (nats)"], rows };
}
