// Puts the host’s page together: the remote control of a room.

/** @import { RoomLinkState, RoomTopic } from "./types.js" */

import { addressOf, settleLinks } from "./base/addresses.js";
import { copy } from "./base/clipboard.js";
import { find, h, setText } from "./base/dom.js";
import { save } from "./base/download.js";
import { catchFaults } from "./base/faults.js";
import { createNotes } from "./base/notes.js";
import { createTheme } from "./base/theme.js";
import { createOwned } from "./link/owned.js";
import { createRoomApi } from "./rooms/api.js";
import { codeOfPage, projectorPage } from "./rooms/codes.js";
import { createAsk } from "./rooms/host/ask.js";
import { createPerson, createPhone, createSure } from "./rooms/host/dialogs.js";
import { createPeople } from "./rooms/host/people.js";
import { createRunControls } from "./rooms/host/run.js";
import { takeToken } from "./rooms/host/token.js";
import { rehearsalWords, studentsWords } from "./rooms/host/words.js";
import { createRoomLink } from "./rooms/link.js";
import { createRoomTokens } from "./rooms/tokens.js";

/** @param {Document} document */
function start(document) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  settleLinks(document);
  createTheme({ document, store: { update() {} } });
  const notes = createNotes(find(document, "#notice"));
  const faults = catchFaults(window, notes.say);
  const code = codeOfPage(window.location.pathname);
  const tokens = createRoomTokens(() => window.localStorage);
  const brought = takeToken(window.location, window.history);
  if (brought !== null) {
    tokens.set("host", code, brought);
  }
  const token = tokens.get("host", code);
  document.documentElement.dataset.started = "true"; // start-boot.js stops watching
  if (token === null) {
    stop(document, "This browser is not the host of this room.", true);
    Object.assign(window, { dropoutLab: { faults } });
    return;
  }
  const link = createHost(document, { code, token, tokens, say: notes.say });
  Object.assign(window, { dropoutLab: { faults, link } });
}

/**
 * @param {Document} document
 * @param {object} options
 * @param {string} options.code
 * @param {string} options.token
 * @param {ReturnType<typeof createRoomTokens>} options.tokens
 * @param {ReturnType<typeof createNotes>["say"]} options.say
 */
function createHost(document, { code, token, tokens, say }) {
  const window = /** @type {Window & typeof globalThis} */ (document.defaultView);
  const api = createRoomApi(window.fetch.bind(window));
  const owned = createOwned(() => window.localStorage);
  const main = find(document, "main");
  const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (find(document, `dialog#${id}`));
  const link = createRoomLink({ window, code, token, shows: "host", onState: tellLink });
  const isOn = (/** @type {RoomLinkState["status"]} */ status) => status === "open";

  /**
   * Say something to the room, and tell if it was refused.
   * @param {string} op
   * @param {Record<string, *>} [fields]
   */
  async function command(op, fields = {}) {
    try {
      await link.say(op, fields);
      return true;
    } catch (error) {
      say("error", `That was not done: ${/** @type {Error} */ (error).message}`);
      return false;
    }
  }

  const sure = createSure(dialog("sure"));
  const person = createPerson(dialog("person"), command, sure);
  const phone = createPhone(dialog("phone"), (text) => api.pictureOf(code, token, text));
  const run = createRunControls(main, { say: command, sure, own: (id) => owned.add(id, token) });
  const ask = createAsk(find(main, "#question"), command);
  const people = createPeople(find(main, "#people"), (who) => link.topics.room && person.open(who, link.topics.room));

  const address = /** @type {HTMLInputElement} */ (find(document, "#address"));
  const links = /** @type {HTMLSelectElement} */ (find(document, "#links"));
  const locked = /** @type {HTMLInputElement} */ (find(document, "#locked"));
  const muted = /** @type {HTMLInputElement} */ (find(document, "#muted"));
  const simulated = /** @type {HTMLInputElement} */ (find(document, "#simulated"));
  const named = /** @type {HTMLInputElement} */ (find(document, "#named"));
  /** @type {HTMLDetailsElement} */ (find(document, ".host-tools")).open =
    window.matchMedia("(min-width: 700px)").matches;
  /** @type {HTMLAnchorElement} */ (find(document, "[data-show=projector]")).href = projectorPage(code);
  setText(find(document, "[data-show=code]"), code);

  /** @param {RoomTopic} room */
  function tellRoom(room) {
    main.hidden = false;
    find(document, ".host-tools").hidden = false;
    if (address.value !== room.link) {
      address.value = room.link;
    }
    find(document, "[data-show=only-here]").hidden = !room.only_here;
    find(document, "[data-show=links]").hidden = room.links.length < 2;
    tellLinks(room);
    locked.checked = room.locked;
    muted.checked = room.muted;
    setText(find(document, "[data-show=students]"), studentsWords(room.students));
    setText(find(document, "[data-show=rehearsal]"), rehearsalWords(room.students.simulated));
    /** @type {HTMLButtonElement} */ (find(document, "[data-do=send-away]")).disabled = room.students.simulated === 0;
    run.update(room);
    ask.update(room.question);
    tellPeople();
  }

  /** @param {RoomTopic} room */
  function tellLinks({ links: all, link: now }) {
    const said = JSON.stringify(all);
    if (links.dataset.said !== said) {
      links.dataset.said = said;
      links.replaceChildren(...all.map((each) => h(document, "option", { value: each }, each)));
    }
    if (document.activeElement !== links) {
      links.value = now;
    }
  }

  function tellPeople() {
    const { room, people: topic } = link.topics;
    if (room && topic) {
      people.update(topic.people, room.way);
      ask.count(topic.people);
      people.draw(room.way === "own" ? (link.topics.curves?.of ?? {}) : {});
    }
  }

  /** @param {RoomLinkState} state */
  function tellLink({ status, message, code: why }) {
    const line = find(document, "[data-show=connection]");
    const isLost = status === "waiting";
    line.classList.toggle("is-there", isLost);
    setText(line, isLost ? "Connection lost. Reconnecting …" : "");
    document.body.classList.toggle("is-away", !isOn(status) && status !== "connecting");
    if (status === "ended" || status === "refused") {
      if (why === 4403 || why === 4404 || status === "ended") {
        tokens.forget("host", code);
      }
      stop(document, why === 4403 ? "The server does not know this browser as host of this room." : message, true);
    }
  }

  link.on("room", tellRoom);
  link.on("people", tellPeople);
  link.on("curves", tellPeople);
  link.on("offered", ({ experiments, questions }) => {
    run.offer(experiments);
    ask.offer(questions);
  });

  const click = (/** @type {string} */ name, /** @type {() => *} */ act) =>
    find(document, `[data-do=${name}]`).addEventListener("click", act);
  const undo = () => link.topics.room && tellRoom(link.topics.room);
  click("copy", async () => {
    const done = await copy(document, address);
    setText(find(document, "[data-show=copied]"), done ? "Copied." : "Selected: press Ctrl+C, or ⌘C.");
  });
  click("phone", () => link.topics.room && phone(link.topics.room, token));
  click("end", async () => {
    const about = "Everybody is sent out, and all its runs end. Nothing of it stays: take the results away first.";
    if (await sure("End this room?", about, "End the room")) {
      await command("end");
    }
  });
  links.addEventListener("change", async () => (await command("link", { to: links.value })) || undo());
  locked.addEventListener("change", async () => (await command("lock", { on: locked.checked })) || undo());
  muted.addEventListener("change", async () => (await command("mute", { on: muted.checked })) || undo());
  find(document, "#rehearse").addEventListener("submit", (event) => {
    event.preventDefault();
    command("rehearse", { students: Number(simulated.value) });
  });
  click("send-away", () => command("rehearse", { students: 0 }));
  click("results", async () => {
    try {
      const blob = await api.results(code, token, named.checked);
      save(document, blob, `dropout-lab-room-${code}${named.checked ? "-with-names" : ""}.csv`);
    } catch (error) {
      say("error", `The results could not be fetched: ${/** @type {Error} */ (error).message}`);
    }
  });
  return link;
}

/**
 * Leave the page with one sentence: there is no room to control here.
 * @param {Document} document
 * @param {string} words
 * @param {boolean} offer Whether the way to other rooms is offered.
 */
function stop(document, words, offer) {
  find(document, "main").hidden = true;
  find(document, ".host-tools").hidden = true;
  const place = find(document, "#no-host");
  place.hidden = false;
  setText(find(place, "p"), words || "The room has ended.");
  const other = /** @type {HTMLAnchorElement} */ (find(place, "a"));
  other.hidden = !offer;
  other.href = addressOf("rooms");
}

start(document);
