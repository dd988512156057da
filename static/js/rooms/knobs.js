// A student's knobs: sliders and a switch that move at once, and say what became of it.

/** @import { RoomKnobs } from "../types.js" */

import { find, setText } from "../base/dom.js";
import { createKnob } from "./knob.js";
import { rateWords } from "./words.js";

/** @typedef {"hidden" | "input" | "batch_norm"} KnobName */

/** @type {KnobName[]} */
const NAMES = ["hidden", "input", "batch_norm"];
/** Of two knobs the one that has more to say is heard. */
const ORDER = ["still", "taken", "sending", "unsent", "refused"];

/**
 * @param {object} options
 * @param {HTMLElement} options.element Has an input for each knob below `[data-knob]`, and a `[data-show=knobs]`.
 * @param {(knobs: RoomKnobs) => Promise<*>} options.send
 * @param {(text: string) => void} options.announce Reads aloud that one was refused.
 */
export function createKnobs({ element, send, announce }) {
  const note = find(element, "[data-show=knobs]");
  const made = Object.fromEntries(NAMES.map((name) => [name, one(name)]));
  const state = { said: "" };

  /** @param {KnobName} name */
  function one(name) {
    const place = find(element, `[data-knob=${name}]`);
    const input = /** @type {HTMLInputElement} */ (find(place, "input"));
    const output = place.querySelector("output");
    const isSwitch = input.type === "checkbox";
    const told = { status: "still", message: "" };
    const knob = createKnob({
      send: (value) => send({ [name]: value }),
      onChange({ value, status, message }) {
        Object.assign(told, { status, message });
        if (isSwitch) {
          input.checked = Boolean(value);
        } else if (value !== null) {
          input.value = String(value);
          const words = rateWords(Number(value));
          input.setAttribute("aria-valuetext", words);
          input.style.setProperty("--part", String(Number(value) / Number(input.max)));
          if (output) {
            setText(output, words);
          }
        }
        write();
      },
    });
    const read = () => (isSwitch ? input.checked : Number(input.value));
    input.addEventListener("input", () => knob.move(read()));
    input.addEventListener("change", () => knob.move(read()));
    if (!isSwitch) {
      input.addEventListener("pointerdown", () => knob.hold());
      for (const end of ["pointerup", "pointercancel"]) {
        input.ownerDocument.addEventListener(end, () => knob.release()); // a question may lie over the slider by then
      }
    }
    return { knob, place, input, told };
  }

  /** Say what became of the last move. */
  function write() {
    const [worst] = NAMES.map((name) => made[name].told).sort(
      (one, other) => ORDER.indexOf(other.status) - ORDER.indexOf(one.status),
    );
    /** @type {Record<string, string>} */
    const words = {
      still: "",
      sending: "…",
      taken: "✓ taken",
      unsent: "Not sent yet: it goes out when the connection is back.",
      refused: `Not taken: ${worst.message}`,
    };
    note.dataset.status = worst.status;
    setText(note, words[worst.status]);
    if (worst.status === "refused" && state.said !== worst.message) {
      announce(words.refused);
    }
    state.said = worst.status === "refused" ? worst.message : "";
  }

  return {
    /**
     * What the server says of them.
     * @param {RoomKnobs | null} knobs
     * @param {boolean} canTurn
     */
    show(knobs, canTurn) {
      for (const name of NAMES) {
        const { knob, place, input } = made[name];
        const value = knobs?.[name] ?? null;
        place.hidden = value === null;
        input.disabled = !canTurn;
        knob.echo(value);
      }
    },
    /**
     * They are those of another network from now on.
     * @param {RoomKnobs | null} knobs
     */
    restart(knobs) {
      for (const name of NAMES) {
        made[name].knob.restart(knobs?.[name] ?? null);
      }
    },
    /** There is a connection again. */
    resend() {
      for (const name of NAMES) {
        made[name].knob.resend();
      }
    },
  };
}
