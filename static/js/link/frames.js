// Binary frames: the safetensors format, decoded into typed-array views of the message without copying it.

/** @import { Frame, Tensor, TypedArray } from "../types.js" */

const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 1 << 20; // a frame has a few dozen tensors; a longer header is rubbish, not a frame

/** @type {Record<string, new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray>} */
const ARRAYS = {
  U8: Uint8Array,
  I8: Int8Array,
  BOOL: Uint8Array,
  U16: Uint16Array,
  I16: Int16Array,
  U32: Uint32Array,
  I32: Int32Array,
  I64: BigInt64Array,
  F32: Float32Array,
  F64: Float64Array,
};

/** @type {Record<string, number>} */
const BYTES = { U8: 1, I8: 1, BOOL: 1, U16: 2, I16: 2, U32: 4, I32: 4, I64: 8, F32: 4, F64: 8 };

/**
 * Decode one binary message. Tensors are views of `buffer`; one that does not start at a multiple of its element's size,
 * where a typed array cannot look, is copied.
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {RangeError} The message is not a whole safetensors file.
 */
export function decode(buffer) {
  if (buffer.byteLength < LENGTH_BYTES) {
    throw new RangeError(`a frame of ${buffer.byteLength} bytes has no header`);
  }
  const length = new DataView(buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES || LENGTH_BYTES + Number(length) > buffer.byteLength) {
    throw new RangeError(`a header of ${length} bytes does not fit a frame of ${buffer.byteLength}`);
  }
  const start = LENGTH_BYTES + Number(length);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, Number(length))));
  const { __metadata__: meta = {}, ...entries } = header;
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, entry] of Object.entries(entries)) {
    tensors[name] = tensor(buffer, start, name, entry);
  }
  return { kind: meta.kind ?? "", run: meta.run ?? "", seq: Number(meta.seq ?? 0), meta, tensors };
}

/**
 * Decode several messages, each behind its length in bytes.
 * @param {ArrayBuffer} buffer
 * @returns {Frame[]}
 * @throws {RangeError} They are cut off.
 */
export function split(buffer) {
  /** @type {Frame[]} */
  const frames = [];
  for (let start = 0; start < buffer.byteLength; ) {
    const first = start + LENGTH_BYTES;
    const length = first <= buffer.byteLength ? Number(new DataView(buffer).getBigUint64(start, true)) : 0;
    if (length === 0 || first + length > buffer.byteLength) {
      throw new RangeError(`frames of ${buffer.byteLength} bytes are cut off at byte ${start}`);
    }
    frames.push(decode(buffer.slice(first, first + length)));
    start = first + length;
  }
  return frames;
}

/**
 * @param {ArrayBuffer} buffer
 * @param {number} start Where the tensors' bytes begin.
 * @param {string} name
 * @param {{ dtype: string, shape: number[], data_offsets: [number, number] }} entry
 * @returns {Tensor}
 */
function tensor(buffer, start, name, { dtype, shape, data_offsets: [from, to] }) {
  const size = BYTES[dtype];
  if (size === undefined) {
    throw new RangeError(`tensor ${name} is of the unknown type ${dtype}`);
  }
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (to - from !== count * size || from < 0 || start + to > buffer.byteLength) {
    throw new RangeError(`tensor ${name} of shape [${shape}] does not fit its bytes ${from} to ${to}`);
  }
  const offset = start + from;
  const View = ARRAYS[dtype];
  const aligned = offset % size === 0;
  const data = aligned
    ? new View(buffer, offset, count)
    : new View(buffer.slice(offset, offset + count * size), 0, count);
  return { dtype, shape, data };
}
