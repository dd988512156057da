// Puts the page together on which one opens a room, or joins one.

import { settleLinks } from "./base/addresses.js";
import { find, setText } from "./base/dom.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createTheme } from "./base/theme.js";
import { createRoomApi } from "./rooms/api.js";
import { hostPage, phonePage } from "./rooms/codes.js";
import { createJoinForm, wordsOf } from "./rooms/joinform.js";
import { createRoomTokens } from "./rooms/tokens.js";

const CLOSED =
  "This browser lets the page remember nothing, as in some frames and with some settings: you would lose the room at once. " +
  "Open this page in another browser, or allow it to store data.";

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  const { say } = createNotes(find(document, "#notice"));
  const faults = catchFaults(window, say);
  createTheme({ document, store: { update() {} } });
  const api = createRoomApi(window.fetch.bind(window));
  const tokens = createRoomTokens(() => window.localStorage);
  const trouble = find(document, "#open-trouble");
  const button = /** @type {HTMLButtonElement} */ (find(document, "[data-do=open]"));

  createJoinForm({
    form: /** @type {HTMLFormElement} */ (find(document, "#join")),
    async join(code) {
      const room = await api.about(code);
      if (room.locked && tokens.get("student", code) === null) {
        throw new Error("The host has locked this room: nobody can join now.");
      }
      window.location.assign(phonePage(code));
    },
  });
  button.addEventListener("click", async () => {
    if (!tokens.works) {
      setText(trouble, CLOSED);
      return;
    }
    button.disabled = true;
    setText(trouble, "");
    try {
      const { code, token } = await api.open();
      tokens.set("host", code, token);
      window.location.assign(hostPage(code));
    } catch (error) {
      const { code = "", message } = /** @type {{ code?: string, message: string }} */ (error);
      setText(trouble, wordsOf(code, message));
    }
    button.disabled = false;
  });

  Object.assign(window, { dropoutLab: { faults } });
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  find(document, "#starting").hidden = true;
  delete document.body.dataset.stopped;
  document.documentElement.dataset.ready = "true";
}

start(document);
