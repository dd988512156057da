// What the host is asked before something is done, and what can be done with one person.

/** @import { RoomMember, RoomTopic } from "../../types.js" */

import { ROOT } from "../../base/addresses.js";
import { find, setText } from "../../base/dom.js";

/**
 * @param {HTMLDialogElement} dialog
 * @returns {(title: string, about: string, deed: string) => Promise<boolean>} Asks whether one is sure.
 */
export function createSure(dialog) {
  return (title, about, deed) => {
    setText(find(dialog, "h2"), title);
    setText(find(dialog, "p"), about);
    setText(find(dialog, "[value=do]"), deed);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "do"), { once: true });
    });
  };
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {import("./ask.js").Say} say
 * @param {ReturnType<typeof createSure>} sure
 */
export function createPerson(dialog, say, sure) {
  const form = find(dialog, "form");
  const input = /** @type {HTMLInputElement} */ (find(dialog, "input"));
  const show = find(dialog, "[data-do=show]");
  const lend = find(dialog, "[data-do=lend]");
  const watch = /** @type {HTMLAnchorElement} */ (find(dialog, "a"));
  const state = {
    person: /** @type {RoomMember | null} */ (null),
    room: /** @type {RoomTopic | null} */ (null),
  };
  const isShown = () => state.room?.shown?.id === state.person?.id;
  const hasKnobs = () => state.room?.knobs_of?.id === state.person?.id;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { person } = state;
    const name = input.value.trim();
    if (person && (name === "" || name === person.name || (await say("rename", { student: person.id, name })))) {
      dialog.close();
    }
  });
  show.addEventListener("click", () => act("show", isShown() ? null : (state.person?.id ?? null)));
  lend.addEventListener("click", () => act("lend", hasKnobs() ? null : (state.person?.id ?? null)));
  find(dialog, "[data-do=close]").addEventListener("click", () => dialog.close());
  find(dialog, "[data-do=remove]").addEventListener("click", async () => {
    const { person } = state;
    dialog.close();
    const about =
      "They cannot come back with the token they have, and their place is free. They can join again with the code.";
    if (person && (await sure(`Remove ${person.name}?`, about, "Remove"))) {
      await say("remove", { student: person.id });
    }
  });

  /**
   * @param {string} op
   * @param {string | null} student
   */
  async function act(op, student) {
    if (await say(op, { student })) {
      dialog.close();
    }
  }

  return {
    /**
     * @param {RoomMember} person
     * @param {RoomTopic} room
     */
    open(person, room) {
      Object.assign(state, { person, room });
      setText(find(dialog, "h2"), person.name);
      input.value = person.name;
      show.hidden = room.way === "follow";
      setText(show, isShown() ? "Show on the projector no more" : "Show on the projector");
      lend.hidden = room.way !== "follow";
      setText(lend, hasKnobs() ? "Take the knobs back" : "Lend the knobs of my run");
      watch.hidden = person.run === null;
      watch.href = `${ROOT}?${new URLSearchParams({ run: person.run ?? "" })}`;
      dialog.showModal();
    },
  };
}

/**
 * The QR code with which another device becomes host.
 * @param {HTMLDialogElement} dialog
 * @param {(text: string) => Promise<string>} pictureOf The SVG of an address.
 */
export function createPhone(dialog, pictureOf) {
  const window = /** @type {Window & typeof globalThis} */ (dialog.ownerDocument.defaultView);
  const picture = /** @type {HTMLImageElement} */ (find(dialog, "img"));
  const trouble = find(dialog, ".trouble");

  dialog.addEventListener("close", () => {
    window.URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src"); // it holds the token
  });

  /**
   * @param {RoomTopic} room
   * @param {string} token
   */
  return async (room, token) => {
    setText(trouble, room.only_here ? "Phones cannot reach the address that this room has." : "");
    dialog.showModal();
    try {
      const svg = await pictureOf(hostAddress(room, token));
      if (dialog.open) {
        picture.src = window.URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
      }
    } catch (error) {
      setText(trouble, `The QR code could not be made: ${/** @type {Error} */ (error).message}`);
    }
  };
}

/**
 * The address of this page as a phone reaches it: where the students' link leads, and not where this browser is. The
 * token is in the fragment, which no browser sends anywhere.
 * @param {Pick<RoomTopic, "link" | "code">} room
 * @param {string} token
 */
export function hostAddress({ link, code }, token) {
  const lab = link.replace(/r\/[^/]*$/, "");
  return `${lab}rooms/${encodeURIComponent(code)}/host#token=${encodeURIComponent(token)}`;
}
