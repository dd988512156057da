// A value that is moved here and held by the server: shown at once, sent now and then, and never moved under a finger.

import { coalesce } from "../base/coalesce.js";

const EVERY = 125; // ms between two messages: at most eight a second
const SETTLES = 1000; // ms after an acknowledgement in which the server may still tell an older value

/**
 * How a knob is.
 * @template T
 * @typedef {object} KnobState
 * @property {T | null} value What is shown.
 * @property {"still" | "sending" | "taken" | "unsent" | "refused"} status `unsent`: it is sent once there is a connection again.
 * @property {string} message Why it was refused.
 */

/**
 * @template T
 * @param {object} options
 * @param {(value: T) => Promise<*>} options.send Rejects with an error that has a `code`; `disconnected` is tried again (`resend`).
 * @param {(state: KnobState<T>) => void} options.onChange
 * @param {(callback: () => void, delay: number) => *} [options.setTimeout]
 */
export function createKnob({ send, onChange, setTimeout = globalThis.setTimeout.bind(globalThis) }) {
  const knob = {
    value: /** @type {T | null} */ (null),
    told: /** @type {T | null} */ (null), // by the server, last
    status: /** @type {KnobState<T>["status"]} */ ("still"),
    message: "",
    isHeld: false, // by a finger
    moves: 0, // how often it was moved here
    settling: 0, // acknowledgements that the server's own word has not followed yet, perhaps
  };
  const sender = coalesce((_, value) => send(value), { interval: EVERY, setTimeout });

  function tell() {
    const { value, status, message } = knob;
    onChange({ value, status, message });
  }

  /** Show what the server says, unless somebody is moving it. */
  function settle() {
    const isFree = !knob.isHeld && knob.settling === 0 && !["sending", "unsent"].includes(knob.status);
    if (isFree && knob.value !== knob.told) {
      knob.value = knob.told;
      tell();
    }
  }

  /** @param {T} value */
  async function transmit(value) {
    knob.moves += 1;
    const move = knob.moves;
    Object.assign(knob, { status: "sending", message: "" });
    tell();
    try {
      await sender("value", value);
    } catch (error) {
      if (move === knob.moves) {
        const { code, message } = /** @type {import("../link/api.js").ApiError} */ (error);
        const isAway = code === "disconnected";
        Object.assign(knob, { status: isAway ? "unsent" : "refused", message: isAway ? "" : message });
        knob.value = isAway ? knob.value : knob.told;
        tell();
      }
      return;
    }
    if (move === knob.moves) {
      Object.assign(knob, { status: "taken", told: value });
      knob.settling += 1;
      tell();
      setTimeout(() => {
        knob.settling -= 1;
        settle();
      }, SETTLES);
    }
  }

  return {
    /** @returns {T | null} */
    get value() {
      return knob.value;
    },
    /**
     * It is moved here.
     * @param {T} value
     */
    move(value) {
      if (value !== knob.value) {
        knob.value = value;
        transmit(value);
      }
    },
    /** A finger is on it. */
    hold() {
      knob.isHeld = true;
    },
    release() {
      knob.isHeld = false;
      settle();
    },
    /**
     * The server says what it is.
     * @param {T | null} value
     */
    echo(value) {
      knob.told = value;
      settle();
    },
    /** There is a connection again. */
    resend() {
      if (knob.status === "unsent" && knob.value !== null) {
        transmit(knob.value);
      }
    },
    /**
     * It stands for something else from now on.
     * @param {T | null} value
     */
    restart(value) {
      knob.moves += 1; // what is on its way is answered to nobody
      Object.assign(knob, { value, told: value, status: "still", message: "", isHeld: false });
      tell();
    },
  };
}
