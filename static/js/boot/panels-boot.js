// Runs before the first paint, so that no panel comes or goes after it: which panels this page had open the last time, but for
// those that show nothing of its data; or those that the address names, alone (`embed`) or for an exercise, which nobody remembers.
// The style sheet in the page's head reads the answer from <html data-panels>; panels.js takes over from there, with the same key.
{
  const {
    experiment = "",
    standard = "",
    known = "",
    datasets = "{}",
    dataset = "",
    network = "",
    lesson,
  } = document.currentScript?.dataset ?? {};
  const root = document.documentElement;
  const recall = () => {
    try {
      return localStorage.getItem(`dropout-lab-panels-${experiment}`);
    } catch {
      return null; // inside another site's frame
    }
  };
  const address = new URLSearchParams(location.search);
  const embed = address.get("embed");
  const isKnown = (/** @type {string} */ panel) => known.split(" ").includes(panel);
  const usual = known.split(" ").filter((panel) => standard.split(" ").includes(panel)); // as they stand on the page
  const named = [...new Set((embed ?? "").split(",").map((name) => name.trim()))].filter(isKnown);
  const exercise = (root.dataset.exercisePanels ?? "").split(" ").filter(isKnown);
  const chosen = [named, exercise].find((panels) => panels.length > 0) ?? (embed === null ? null : usual);
  if (embed !== null) {
    root.dataset.embed = (chosen ?? []).join(" ");
    for (const [index, panel] of (chosen ?? []).entries()) {
      root.style.setProperty(`--order-${panel}`, String(index)); // as the address names them
    }
  }
  const own = lesson === undefined ? recall() : null; // a lesson chooses its own
  const wanted = chosen ?? (own ?? standard).split(" ");
  const data = address.get("dataset") ?? dataset;
  const only = JSON.parse(datasets);
  const shown = wanted.filter((panel) => !Object.hasOwn(only, panel) || only[panel].includes(data));
  root.dataset.panels = shown.join(" ");
  root.dataset.network = address.get("network") ?? network; // whose picture has its own height
}
