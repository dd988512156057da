// Puts the projector’s page together: a picture of the room for everybody to see, with nothing to press.

/** @import { FollowedTopic, RoomTopic, RoomTopics } from "./types.js" */

import { settleLinks } from "./base/addresses.js";
import { find, setText } from "./base/dom.js";
import { catchFaults } from "./base/faults.js";
import { createTheme } from "./base/theme.js";
import { createRoomApi } from "./rooms/api.js";
import { codeOfPage } from "./rooms/codes.js";
import { createRoomLink } from "./rooms/link.js";
import { createClass } from "./rooms/projector/class.js";
import { createJoin } from "./rooms/projector/join.js";
import { createOwn } from "./rooms/projector/own.js";
import { createQuestion } from "./rooms/projector/question.js";
import { createReached } from "./rooms/projector/reached.js";
import { createRun } from "./rooms/projector/run.js";
import { sceneOf, statusWords, titleOf } from "./rooms/projector/words.js";
import { createRoomTokens } from "./rooms/tokens.js";

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  setTheme(document);
  const told = { fault: "", asked: 0 };
  const faults = catchFaults(window, (_, text) => {
    told.fault = text; // there is nobody at this page to put a notice away
    setText(find(document, "[data-show=status]"), text);
  });
  const code = codeOfPage(window.location.pathname);
  const { codePicture } = createRoomApi(window.fetch.bind(window));
  const main = find(document, "main");
  const scenes = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-scene-of]"));
  const place = (/** @type {string} */ name) => find(document, `[data-scene-of=${name}]`);
  const joins = [createJoin(find(document, ".join"), codePicture), createJoin(place("lobby"), codePicture)];
  const follow = createRun(place("follow"));
  const shown = createRun(place("shown"));
  const own = createOwn(place("own"));
  const together = createClass(place("class"));
  const question = createQuestion(place("question"));
  const reached = createReached();

  const link = createRoomLink({
    window,
    code,
    token: createRoomTokens(() => window.localStorage).get("host", code), // the host's own browser always finds a seat
    shows: "projector",
    onTopic: () => drawSoon(),
    onState: () => drawSoon(),
  });

  /** Draw what has come, once for all of it. */
  function drawSoon() {
    window.cancelAnimationFrame(told.asked);
    told.asked = window.requestAnimationFrame(draw);
  }

  function draw() {
    const { topics, state } = link;
    const { room } = topics;
    const scene = sceneOf(room, state.status);
    main.dataset.scene = scene;
    main.classList.toggle("is-away", state.status !== "open");
    for (const each of scenes) {
      each.hidden = each.dataset.sceneOf !== scene;
    }
    setText(find(document, "[data-show=title]"), titleOf(scene, room));
    setText(find(document, "[data-show=status]"), told.fault || statusWords(room, state, shownOf(topics)));
    setText(find(document, "[data-show=nothing]"), state.message || "The room has ended.");
    if (room) {
      drawScene(scene, room, topics);
    }
  }

  /**
   * @param {string} scene
   * @param {RoomTopic} room
   * @param {Partial<RoomTopics>} topics
   */
  function drawScene(scene, room, topics) {
    for (const join of joins) {
      join.update(room);
    }
    if (scene === "question" && room.question) {
      question.update(room.question);
    } else if (scene === "class" && reached.isNew(room.class_run?.id, topics.places?.step)) {
      together.update({ ...topics, room });
    } else if (scene === "own") {
      own.update(room);
    } else if (scene === "follow" && topics.followed) {
      follow.update(topics.followed, room);
    } else if (scene === "shown" && topics.shown) {
      shown.update(topics.shown, room);
    }
  }

  Object.assign(window, { dropoutLab: { faults, link } });
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
}

/**
 * The run of a student that is shown, once it has come.
 * @param {Partial<RoomTopics>} topics
 * @returns {FollowedTopic | null}
 */
function shownOf({ room, shown }) {
  return room?.shown && shown ? shown : null;
}

/**
 * The theme is the system’s, or the one that the address asks for: `?theme=dark`.
 * @param {Document} document
 */
function setTheme(document) {
  const asked = new URLSearchParams(document.defaultView?.location.search).get("theme");
  if (asked === "dark" || asked === "light") {
    document.documentElement.dataset.theme = asked;
  } else {
    createTheme({ document, store: { update() {} } });
  }
}

start(document);
