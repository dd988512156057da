// The whole lab in a class room: what the host looks at, everybody sees who has not chosen to look around.

/** @import { Actions, Store } from "../types.js" */
/** @import { Together } from "./togetherin.js" */

import { h, setText } from "../base/dom.js";
import { createRoomLink } from "./link.js";
import { createRoomTokens } from "./tokens.js";

const EVERY = 500; // ms between two tellings of what the host looks at

/**
 * @param {object} options
 * @param {Window & typeof globalThis} options.window
 * @param {HTMLElement} options.element Where it is said.
 * @param {Store} options.store
 * @param {Actions} options.actions
 * @param {(panel: string) => void} options.reveal
 * @param {Together} options.together
 */
export function createTogether({ window, element, store, actions, reveal, together }) {
  const { document } = window;
  const tokens = createRoomTokens(() => window.localStorage);
  const host = tokens.get("host", together.room);
  const words = h(document, "span", {});
  const change = h(document, "button", { type: "button" });
  element.replaceChildren(words, " ", change);
  element.hidden = false;
  const state = {
    on: true,
    open: false,
    told: "",
    look: { panel: /** @type {string | null} */ (null), step: /** @type {number | null} */ (null) },
  };
  const link = createRoomLink({
    window,
    code: together.room,
    token: host ?? tokens.get("student", together.room),
    shows: "phone",
    onState: ({ status, message }) => {
      state.open = status === "open";
      element.hidden = status === "ended" || status === "refused";
      if (message && !element.hidden) {
        setText(words, message);
      } else {
        say();
      }
    },
  });

  /** @param {string | null} panel */
  function titleOf(panel) {
    return document.querySelector(`[data-panel="${panel}"] h2`)?.textContent?.trim() ?? "";
  }

  function say() {
    const title = titleOf(state.look.panel);
    const at = state.look.step === null ? "" : `, at step ${state.look.step.toLocaleString("en")}`;
    if (host !== null) {
      setText(
        words,
        state.on ? "The class sees what you look at here." : "The class does not see what you look at here.",
      );
      setText(change, state.on ? "Look alone" : "Show it to the class");
    } else if (state.on) {
      setText(words, title ? `You see what the host looks at: ${title}${at}.` : "You see what the host looks at.");
      setText(change, "Look around");
    } else {
      setText(words, title ? `The host looks at ${title}${at}.` : "You look around by yourself.");
      setText(change, "Back to the host");
    }
  }

  function follow() {
    const { panel, step } = state.look;
    if (panel) {
      reveal(panel);
    }
    if (store.state.cursor !== step) {
      actions.scrub(step);
    }
  }

  change.addEventListener("click", () => {
    state.on = !state.on;
    state.told = "";
    say();
    if (host === null && state.on) {
      follow();
    }
  });

  if (host !== null) {
    window.setInterval(() => {
      const look = { panel: panelInSight(window), step: store.state.cursor };
      if (state.on && state.open && JSON.stringify(look) !== state.told) {
        state.told = JSON.stringify(look);
        state.look = look;
        link.say("look", look).catch(() => {
          state.told = "";
        });
      }
    }, EVERY);
  } else {
    link.on("room", (room) => {
      const { run } = room;
      const look = room.look ?? { panel: null, step: null };
      const moved = look.panel !== state.look.panel || look.step !== state.look.step;
      state.look = look;
      say();
      if (moved && state.on && run?.id === together.run) {
        follow();
      }
    });
  }
  say();
}

/**
 * The panel that one has scrolled to: its top is nearest to the lower end of the toolbar.
 * @param {Window} window
 * @returns {string | null}
 */
export function panelInSight(window) {
  const { document } = window;
  const under = document.querySelector("#toolbar")?.getBoundingClientRect().bottom ?? 0;
  let [best, least] = [/** @type {string | null} */ (null), Number.POSITIVE_INFINITY];
  for (const section of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-panel]"))) {
    const { top, height } = section.getBoundingClientRect();
    const away = Math.abs(top - under);
    if (height > 0 && away < least) {
      [best, least] = [section.dataset.panel ?? null, away];
    }
  }
  return best;
}
