// The page's palette and the few colours that only the pictures need (`pictures.css`).

/** @import { Palette } from "../base/theme.js" */

import { readPalette } from "../base/theme.js";

/**
 * @typedef {object} PictureColours
 * @property {string} edgePlus
 * @property {string} edgeMinus
 * @property {string} pixelOn
 * @property {string} pixelOff
 * @property {string} maskKept
 * @property {string} maskDropped
 * @property {string} maskDown
 * @property {string} maskGap
 * @property {[string, string]} classes
 * @property {string} boundary
 */

/** @typedef {Palette & PictureColours} PicturePalette */

/**
 * Read the colours in force. Call it again when the topic `theme` changes.
 * @param {Document} document
 * @returns {PicturePalette}
 */
export function readPicturePalette(document) {
  const style = getComputedStyle(document.documentElement);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ...readPalette(document),
    edgePlus: token("edge-plus"),
    edgeMinus: token("edge-minus"),
    pixelOn: token("pixel-on"),
    pixelOff: token("pixel-off"),
    maskKept: token("mask-kept"),
    maskDropped: token("mask-dropped"),
    maskDown: token("mask-down"),
    maskGap: token("mask-gap"),
    classes: [token("class-0"), token("class-1")],
    boundary: token("boundary"),
  };
}

/**
 * Red, green and blue (0 to 255) of a colour written `#rrggbb` or `#rgb`.
 * @param {string} colour
 * @returns {[number, number, number]}
 * @throws {RangeError} It is written in another way.
 */
export function channels(colour) {
  const long = colour.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(long);
  if (!match) {
    throw new RangeError(`not a colour of the form #rrggbb: "${colour}"`);
  }
  return [Number.parseInt(match[1], 16), Number.parseInt(match[2], 16), Number.parseInt(match[3], 16)];
}

/**
 * One opaque pixel as `ImageData` holds it, read as a little-endian 32-bit number.
 * @param {[number, number, number]} rgb
 */
export function pixel([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * A colour between two.
 * @param {[number, number, number]} from
 * @param {[number, number, number]} to
 * @param {number} share 0: `from`, 1: `to`.
 * @returns {[number, number, number]}
 */
export function mix(from, to, share) {
  const at = (/** @type {0 | 1 | 2} */ channel) => Math.round(from[channel] + (to[channel] - from[channel]) * share);
  return [at(0), at(1), at(2)];
}
