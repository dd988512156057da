// Runs before the first paint: whether the address has a teacher’s exercise, which knobs and panels it leaves, and its card, so that
// nothing below moves when the page starts. shell/exercise.js takes over from there, and model/exercise.js looks closely at what the
// address says: here it is only shown, as text. The key of the answer is that of state/answers.js.
{
  const root = document.documentElement;
  const text = new URLSearchParams(location.search).get("exercise");

  /** @returns {*} What stands in the address; `null`: nothing that could be an exercise. */
  const read = () => {
    try {
      const letters = atob((text ?? "").replaceAll("-", "+").replaceAll("_", "/"));
      const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
      const found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
      return Array.isArray(found.choices) && typeof found.question === "string" ? found : null;
    } catch {
      return null; // the page says what is wrong with it
    }
  };

  const isAnswered = () => {
    try {
      return sessionStorage.getItem(`dropout-lab-answer-${text}`) !== null;
    } catch {
      return false; // inside another site's frame
    }
  };

  const list = (/** @type {*} */ given) => (Array.isArray(given) ? given.map(String) : []);
  const line = (/** @type {*} */ given, /** @type {number} */ most) => String(given ?? "").slice(0, most);

  /** @param {*} exercise */
  const fill = ({ title, question, choices, right, after }) => {
    const show = (/** @type {string} */ name, /** @type {string} */ text) => {
      const place = document.querySelector(`#exercise [data-show=exercise-${name}]`);
      if (place) {
        place.textContent = text;
      }
    };
    const answers = choices.slice(0, 6).map((/** @type {*} */ choice) => line(choice, 80));
    show("title", line(title, 80));
    show("question", line(question, 300));
    show("after", line(after, 300));
    const longest = answers.reduce((/** @type {string} */ one, /** @type {string} */ other) =>
      other.length > one.length ? other : one,
    );
    show("said", `You chose “${longest}”.${right === undefined ? "" : ` The answer is “${longest}”.`}`); // as long as it can be
    document.querySelector("#exercise [data-show=exercise-choices]")?.replaceChildren(
      ...answers.map((/** @type {string} */ answer, /** @type {number} */ index) => {
        const label = document.createElement("label");
        const radio = document.createElement("input");
        const words = document.createElement("span");
        label.className = "guess-lane";
        Object.assign(radio, { type: "radio", name: "answer", value: String(index), disabled: true });
        words.textContent = answer;
        label.append(radio, words);
        return label;
      }),
    );
  };

  const exercise = text === null ? null : read();
  if (exercise) {
    const knobs = ["run", "lane"].flatMap((side) => list(exercise.knobs?.[side]).map((name) => `${side}.${name}`));
    root.dataset.exercise = knobs.join(" ");
    root.dataset.exercisePanels = list(exercise.panels).join(" ");
    root.toggleAttribute("data-answered", isAnswered());
    const observer = new MutationObserver(() => {
      if (document.querySelector("#exercise ~ *")) {
        observer.disconnect();
        fill(exercise);
      }
    });
    observer.observe(document, { childList: true, subtree: true }); // the body is still to come
  }
}
