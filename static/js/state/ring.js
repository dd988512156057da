// The masks of the last steps, kept as they came: packed bits in typed arrays.

/** @import { Layer } from "../types.js" */

const CAPACITY = 2048;

/**
 * One step of the ring. Masks are views into it: read them before the next frame or copy them.
 * @typedef {object} StepRecord
 * @property {number} step
 * @property {number} lane The followed lane, whose masks these are.
 * @property {number} example The training example whose masks these are.
 * @property {Record<string, Uint8Array>} masks By layer: packed, most significant bit first; 1 is kept.
 * @property {Record<string, number>} kept By layer: how many units, or weights, the mask kept.
 * @property {number} kind Of dropout, by its place in the schema’s.
 * @property {Record<string, Rates>} rates By layer: those in force at this step.
 */

/** Of single elements, and of whole groups on top. @typedef {[number, number]} Rates */

/** @type {Rates} */
const NOTHING = [0, 0];

/** The last 2,048 steps. A step lives in the slot `step mod capacity`, so a skipped step leaves a hole and moves nothing. */
export class StepRing {
  /**
   * @param {readonly Pick<Layer, "name" | "units" | "shape">[]} layers
   * @param {number} [capacity]
   */
  constructor(layers, capacity = CAPACITY) {
    this.capacity = capacity;
    this.layers = layers.map(({ name, units }) => ({ name, units, bytes: Math.ceil(units / 8) }));
    /** How many steps are held. */
    this.length = 0;
    /** The oldest step held; 0 when empty. */
    this.first = 0;
    /** The newest step held; 0 when empty. */
    this.last = 0;
    /** @private */ this.held = new Uint32Array(capacity); // the step in each slot; 0: none (steps count from 1)
    /** @private */ this.lanes = new Uint8Array(capacity);
    /** @private */ this.examples = new Uint32Array(capacity);
    /** @private */ this.kinds = new Uint8Array(capacity);
    /** @private @type {Record<string, Uint8Array>} */ this.bits = {};
    /** @private @type {Record<string, Uint32Array>} */ this.counts = {};
    /** @private @type {Record<string, Float32Array>} */ this.rates = {};
    for (const { name, bytes } of this.layers) {
      this.bits[name] = new Uint8Array(bytes * capacity);
      this.counts[name] = new Uint32Array(capacity);
      this.rates[name] = new Float32Array(2 * capacity);
    }
  }

  /** @param {number} step */
  has(step) {
    return step > 0 && this.held[step % this.capacity] === step;
  }

  /**
   * The followed lane of a step, or -1 where the step is not held: what `at` says, without making an object.
   * @param {number} step
   */
  laneOf(step) {
    return this.has(step) ? this.lanes[step % this.capacity] : -1;
  }

  /**
   * @param {number} step
   * @returns {StepRecord | null} `null` where the step is not held.
   */
  at(step) {
    if (!this.has(step)) {
      return null;
    }
    const slot = step % this.capacity;
    /** @type {Record<string, Uint8Array>} */
    const masks = {};
    /** @type {Record<string, number>} */
    const kept = {};
    /** @type {Record<string, Rates>} */
    const rates = {};
    for (const { name, bytes } of this.layers) {
      masks[name] = this.bits[name].subarray(slot * bytes, (slot + 1) * bytes);
      kept[name] = this.counts[name][slot];
      rates[name] = [this.rates[name][2 * slot], this.rates[name][2 * slot + 1]];
    }
    const [lane, example, kind] = [this.lanes[slot], this.examples[slot], this.kinds[slot]];
    return { step, lane, example, kind, masks, kept, rates };
  }

  /**
   * Take one step in. A step that is not newer than the last is left out.
   * @param {{ step: number, lane: number, example: number, kind?: number }} head
   * @param {(layer: string) => Uint8Array | null} mask Packed bits of a layer; `null`: none came, all are taken as kept.
   * @param {(layer: string) => number} kept
   * @param {(layer: string) => Rates} [rates]
   */
  push({ step, lane, example, kind = 0 }, mask, kept, rates = () => NOTHING) {
    if (step <= this.last) {
      return;
    }
    for (let gone = Math.max(this.last + 1, step - this.capacity + 1); gone <= step; gone += 1) {
      this.drop(gone % this.capacity);
    }
    const slot = step % this.capacity;
    this.held[slot] = step;
    this.lanes[slot] = lane;
    this.examples[slot] = example;
    this.kinds[slot] = kind;
    for (const { name, bytes } of this.layers) {
      const row = mask(name);
      this.counts[name][slot] = kept(name);
      this.rates[name].set(rates(name), 2 * slot);
      if (row) {
        this.bits[name].set(row, slot * bytes);
      } else {
        this.bits[name].fill(0xff, slot * bytes, (slot + 1) * bytes);
      }
    }
    this.length += 1;
    this.last = step;
    this.first = this.oldest();
  }

  /**
   * @private
   * @param {number} slot
   */
  drop(slot) {
    if (this.held[slot] !== 0) {
      this.held[slot] = 0;
      this.length -= 1;
    }
  }

  /** @private */
  oldest() {
    let step = Math.max(this.first, this.last - this.capacity + 1, 1);
    while (!this.has(step)) {
      step += 1;
    }
    return step;
  }
}
