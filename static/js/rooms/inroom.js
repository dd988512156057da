// What a student sees in a room: topics become texts, curves and controls. It draws what has changed and moves nothing else.

/** @import { RoomLinkState, RoomTopics } from "../types.js" */

import { ROOT } from "../base/addresses.js";
import { find, h, setText } from "../base/dom.js";
import { markLane } from "../base/theme.js";
import { formatCount } from "../model/stats.js";
import { asSentence } from "../words/connection.js";
import { createConnection } from "./connection.js";
import { createCurve } from "./curve.js";
import { createKnobs } from "./knobs.js";
import { createMaskRows } from "./maskrow.js";
import { answersOf, createQuestion, questionNote } from "./question.js";
import { curvesOf, standingOf } from "./standing.js";
import { phaseWord } from "./words.js";

const AWAY = "There is no connection. What you see is the last that came; the page connects again by itself.";
const UNREACHED = "The server does not answer yet. This page tries again by itself.";

/**
 * @param {object} options
 * @param {Document} options.document
 * @param {(op: string, fields?: Record<string, *>) => Promise<*>} options.say Sends a command.
 * @param {(kind: "error" | "info", text: string) => void} options.notify
 */
export function createInRoom({ document, say, notify }) {
  const dock = find(document, "#dock");
  const sheet = find(document, "#question");
  const pictures = find(document, "#pictures");
  const shown = (/** @type {string} */ what) => find(document, `[data-show=${what}]`);
  const button = (/** @type {string} */ what) => /** @type {HTMLButtonElement} */ (find(document, `[data-do=${what}]`));
  const announcer = find(document, "#announce");
  const announce = (/** @type {string} */ text) => setText(announcer, text);
  const connection = createConnection(find(document, ".connection"));
  const curve = createCurve(find(document, "#curve"));
  const masks = createMaskRows(shown("masks"));
  const knobs = createKnobs({ element: find(document, "#knobs"), send: (moved) => say("knobs", moved), announce });
  const question = createQuestion({
    element: sheet,
    send: (id, choice) => say("answer", { question: id, choice }),
    announce,
  });
  const state = {
    link: /** @type {RoomLinkState | null} */ (null),
    of: "", // what the knobs belong to
    put: "", // the question and phase that were put away
    drawn: /** @type {*} */ (null), // the topic whose curve is drawn
    masked: /** @type {*} */ (null),
    lent: false,
  };

  /** @param {Partial<RoomTopics>} topics */
  function draw(topics) {
    const { room, you } = topics;
    const standing = standingOf(topics);
    const isAway = state.link?.status === "waiting";
    setText(shown("title"), standing.title);
    const watched = room?.question?.phase === "running" && you && !standing.isWaiting ? room.question : null;
    const note = watched ? questionNote(watched, ...answersOf(watched, you)) : standing.note;
    setText(shown("note"), isAway ? (room ? AWAY : asSentence(state.link?.message ?? "") || UNREACHED) : note);
    find(document, "#work").classList.toggle("is-waiting", standing.isWaiting);
    setText(shown("place"), standing.place);
    setText(shown("name"), you?.name ?? "");
    button("call").hidden = !you;
    button("call").disabled = Boolean(room?.muted);
    pictures.hidden = standing.isWaiting;
    if (!standing.isWaiting) {
      drawPictures(topics, standing);
    }
    drawDock(topics, standing);
    drawQuestion(topics);
  }

  /**
   * @param {Partial<RoomTopics>} topics
   * @param {ReturnType<typeof standingOf>} standing
   */
  function drawPictures(topics, standing) {
    const { room, mine, followed } = topics;
    setText(shown("measure"), standing.measure);
    setText(shown("later"), standing.later);
    writeFigures(standing);
    const source = room?.way === "follow" ? followed : mine;
    if (source !== state.drawn) {
      state.drawn = source;
      const picture = curvesOf(topics);
      if (picture) {
        curve.show(picture);
      }
    }
    const mask = room?.way === "follow" ? (followed?.mask ?? null) : null;
    find(document, "#masks").hidden = mask === null;
    if (mask && mask !== state.masked) {
      state.masked = mask;
      setText(shown("mask"), `Neurons of “${mask.name}” in step ${formatCount(mask.step)}`);
      masks.show(mask.layers);
    }
  }

  /** @param {ReturnType<typeof standingOf>} standing */
  function writeFigures({ figures, isTable }) {
    const place = find(document, "#figures");
    place.classList.toggle("is-table", isTable);
    while (place.children.length > figures.length) {
      place.lastElementChild?.remove();
    }
    while (place.children.length < figures.length) {
      const parts = ["label", "value", "more"].map((part) => h(document, "span", { class: `figure-${part}` }));
      place.append(h(document, "p", { class: "figure" }, ...parts));
    }
    for (const [index, { label, value, more, lane }] of figures.entries()) {
      const figure = /** @type {HTMLElement} */ (place.children[index]);
      markLane(figure, lane);
      setText(find(figure, ".figure-label"), label);
      setText(find(figure, ".figure-value"), value);
      setText(find(figure, ".figure-more"), more);
    }
  }

  /**
   * @param {Partial<RoomTopics>} topics
   * @param {ReturnType<typeof standingOf>} standing
   */
  function drawDock({ room, you }, standing) {
    const of = `${room?.way} ${you?.run} ${you?.lane} ${standing.hasKnobs}`;
    const values = standing.hasKnobs ? (you?.knobs ?? null) : null;
    if (of !== state.of) {
      state.of = of;
      knobs.restart(values);
    }
    find(document, "#knobs").hidden = values === null;
    knobs.show(values, standing.canTurn);
    const toggle = button("toggle");
    toggle.hidden = standing.transport === null;
    setText(toggle, standing.transport === "pause" ? "Pause" : "Play");
    button("anew").hidden = !standing.canBegin;
    button("question").hidden = !room?.question;
    const lab = /** @type {HTMLAnchorElement} */ (find(document, "[data-do=lab]"));
    lab.hidden = standing.run === null;
    if (standing.run !== null) {
      lab.setAttribute("href", `${ROOT}?run=${encodeURIComponent(standing.run)}`);
    }
    setText(
      lab,
      standing.transport || standing.canBegin || room?.question ? "Whole lab" : "Look around in the whole lab",
    );
    dock.hidden = [...dock.querySelectorAll(".dock-buttons > *, #knobs")].every(
      (each) => /** @type {HTMLElement} */ (each).hidden,
    );
    const isLent = room?.knobs_of !== null && room?.knobs_of?.id === you?.id;
    if (isLent && !state.lent && room?.way === "follow") {
      announce("The host has lent you the knobs of the network.");
    }
    state.lent = isLent;
  }

  /** @param {Partial<RoomTopics>} topics */
  function drawQuestion({ room, you }) {
    const asked = you ? (room?.question ?? null) : null;
    if (asked && you) {
      const isNew = question.show(asked, you);
      sheet.dataset.key = keyOf(asked);
      if (isNew) {
        state.put = asked.phase === "running" ? keyOf(asked) : "";
        if (asked.phase !== "running") {
          announce(`${phaseWord(asked.phase)}: ${asked.text}`);
        }
      }
    }
    openSheet(asked !== null && state.put !== keyOf(asked));
  }

  /** @param {boolean} isOpen */
  function openSheet(isOpen) {
    if (sheet.hidden !== isOpen) {
      return;
    }
    const main = find(document, "#main");
    const had = main.contains(document.activeElement) || dock.contains(document.activeElement);
    const within = sheet.contains(document.activeElement);
    sheet.hidden = !isOpen;
    main.inert = isOpen;
    dock.inert = isOpen;
    if (isOpen && had) {
      question.title.focus({ preventScroll: true });
    } else if (!isOpen && within) {
      find(document, "#work-title").focus({ preventScroll: true });
    }
  }

  /** @param {() => Promise<*>} act */
  async function attempt(act) {
    try {
      await act();
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      notify("error", `This was not done: ${message}.`);
    }
  }

  button("toggle").addEventListener("click", async () => {
    const toggle = button("toggle");
    toggle.disabled = true;
    await attempt(() => say(toggle.textContent === "Pause" ? "pause" : "play"));
    toggle.disabled = false;
  });
  const sure = /** @type {HTMLDialogElement} */ (find(document, "#sure"));
  button("anew").addEventListener("click", () => {
    sure.returnValue = "";
    sure.showModal();
  });
  sure.addEventListener("close", () => {
    if (sure.returnValue === "anew") {
      attempt(() => say("anew"));
    }
  });
  const putAway = (/** @type {boolean} */ isPut) => {
    state.put = isPut ? (sheet.dataset.key ?? "") : "";
    openSheet(!isPut);
  };
  button("look").addEventListener("click", () => putAway(true));
  button("question").addEventListener("click", () => putAway(false));

  return {
    draw,
    /**
     * How the link is.
     * @param {RoomLinkState} link
     * @param {Partial<RoomTopics>} topics
     */
    tell(link, topics) {
      const before = state.link?.status;
      state.link = link;
      connection.show(link);
      if (link.status === "open") {
        knobs.resend();
        question.resend();
      }
      if (before === "open" && link.status === "waiting") {
        announce("The connection was lost. The page connects again by itself.");
      } else if (before === "waiting" && link.status === "open") {
        announce("Connected again.");
      }
      draw(topics);
    },
  };
}

/** @param {import("../types.js").RoomQuestion} question */
function keyOf({ id, phase }) {
  return `${id} ${phase}`;
}
