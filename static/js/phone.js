// Puts a student's page together: one joins, is in the room, and stays in it however often the phone sleeps.

/** @import { RoomLinkState } from "./types.js" */

import { settleLinks } from "./base/addresses.js";
import { find, setText } from "./base/dom.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createTheme } from "./base/theme.js";
import { createRoomApi } from "./rooms/api.js";
import { codeOfPage, codeTrouble, phonePage } from "./rooms/codes.js";
import { createInRoom } from "./rooms/inroom.js";
import { createJoinForm, wordsOf } from "./rooms/joinform.js";
import { createRoomLink } from "./rooms/link.js";
import { createRoomTokens } from "./rooms/tokens.js";

const NO_RIGHT = 4403;
const NO_ROOM = 4404;
const SCREENS = ["join", "gone", "work"];
const LOCKED = "The host has locked this room: nobody can join now.";
const FULL = "This room is full.";

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const { say: notify } = createNotes(find(document, "#notice"));
  const faults = catchFaults(window, notify);
  createTheme({ document, store: { update() {} } });
  const api = createRoomApi(window.fetch.bind(window));
  const tokens = createRoomTokens(() => window.localStorage);
  const seat = {
    code: codeOfPage(window.location.pathname),
    link: /** @type {ReturnType<typeof createRoomLink> | null} */ (null),
  };
  const inRoom = createInRoom({
    document,
    notify,
    say: (op, fields) => seat.link?.say(op, fields) ?? Promise.reject(new Error("there is no room")),
  });
  const form = createJoinForm({
    form: /** @type {HTMLFormElement} */ (find(document, "#join form")),
    async join(code, name) {
      const { token } = await api.join(code, name);
      if (code !== seat.code) {
        seat.code = code;
        window.history.replaceState(null, "", phonePage(code));
      }
      tokens.set("student", code, token);
      enter(token);
      find(document, "#work-title").focus({ preventScroll: true });
    },
  });
  const rename = createRename(document, (name) => seat.link?.say("call", { name }) ?? Promise.resolve());
  find(document, "[data-do=call]").addEventListener("click", () => rename(seat.link?.topics.you?.name ?? ""));
  find(document, "[data-do=rejoin]").addEventListener("click", () => {
    show("join");
    form.focus();
  });

  /** @param {string} screen */
  function show(screen) {
    for (const each of SCREENS) {
      find(document, `#${each}`).hidden = each !== screen;
    }
    const isIn = screen === "work";
    find(document, ".connection").hidden = !isIn;
    if (!isIn) {
      for (const place of ["#dock", "#question", "[data-do=call]"]) {
        find(document, place).hidden = true;
      }
      find(document, "#main").inert = false;
      setText(find(document, "[data-show=place]"), "");
    }
  }

  /** @param {string} token */
  function enter(token) {
    seat.link?.close();
    show("work");
    const link = createRoomLink({
      window,
      code: seat.code,
      token,
      onTopic: () => inRoom.draw(link.topics),
      onState: (state) => told(state),
    });
    seat.link = link;
    inRoom.tell(link.state, link.topics);
  }

  /** @param {RoomLinkState} state */
  function told(state) {
    const { status, code, message } = state;
    if (status !== "refused" && status !== "ended") {
      inRoom.tell(state, seat.link?.topics ?? {});
      return;
    }
    const isEnded = status === "ended";
    if (isEnded || code === NO_RIGHT || code === NO_ROOM) {
      tokens.forget("student", seat.code);
    }
    const titles = { [NO_RIGHT]: "You are no longer in this room", [NO_ROOM]: "There is no such room" };
    const title = titles[/** @type {keyof typeof titles} */ (code)] ?? "This page cannot go on";
    setText(find(document, "#gone-title"), isEnded ? "The room has ended" : title);
    setText(find(document, "[data-show=gone]"), isEnded ? "Thank you for taking part." : wordsOf("room", message));
    find(document, "[data-do=rejoin]").hidden = code !== NO_RIGHT;
    show("gone");
    find(document, "#gone-title").focus({ preventScroll: true });
  }

  /** Say at once what stands against joining, so that nobody types a name for nothing. */
  async function look() {
    const trouble = seat.code === "" ? "" : codeTrouble(seat.code);
    if (seat.code === "" || trouble) {
      form.refuse(trouble);
      return;
    }
    try {
      const { locked, full } = await api.about(seat.code);
      if (locked || full) {
        form.refuse(locked ? LOCKED : FULL);
      }
    } catch (error) {
      const { code = "", message } = /** @type {{ code?: string, message: string }} */ (error);
      if (code !== "") {
        form.refuse(wordsOf(code, message)); // else joining will say it
      }
    }
  }

  Object.assign(window, { dropoutLab: { faults, seat } });
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  find(document, "#starting").hidden = true;
  delete document.body.dataset.stopped;
  form.fill(seat.code);
  const token = tokens.get("student", seat.code);
  if (token !== null) {
    enter(token);
  } else {
    show("join");
    form.focus();
    look();
  }
  document.documentElement.dataset.ready = "true";
}

/**
 * The dialog in which one calls oneself otherwise.
 * @param {Document} document
 * @param {(name: string) => Promise<*>} call
 * @returns {(name: string) => void} Opens it.
 */
function createRename(document, call) {
  const dialog = /** @type {HTMLDialogElement} */ (find(document, "#rename"));
  const input = /** @type {HTMLInputElement} */ (find(dialog, "input"));
  const trouble = find(dialog, ".trouble");
  find(dialog, "[data-do=cancel]").addEventListener("click", () => dialog.close());
  find(dialog, "form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = input.value.trim();
    try {
      await (name === "" ? Promise.reject(new Error("a name has at least one letter")) : call(name));
      dialog.close();
    } catch (error) {
      setText(trouble, wordsOf("name", /** @type {Error} */ (error).message));
    }
  });
  return (name) => {
    setText(trouble, "");
    input.value = name;
    dialog.showModal();
    input.select();
  };
}

start(document);
