// Runs before the first paint, so that no panel comes or goes after it: which panels this page had open the last time, but for
// those that show nothing of its data. The style sheet in the page's head reads the answer from <html data-panels>; panels.js takes
// over from there, with the same key.
{
  const {
    experiment = "",
    standard = "",
    datasets = "{}",
    dataset = "",
    network = "",
    lesson,
  } = document.currentScript?.dataset ?? {};
  const recall = () => {
    try {
      return localStorage.getItem(`dropout-lab-panels-${experiment}`);
    } catch {
      return null; // inside another site's frame
    }
  };
  const wanted = ((lesson === undefined ? recall() : null) ?? standard).split(" "); // a lesson chooses its own
  const address = new URLSearchParams(location.search);
  const data = address.get("dataset") ?? dataset;
  const only = JSON.parse(datasets);
  const shown = wanted.filter((panel) => !Object.hasOwn(only, panel) || only[panel].includes(data));
  document.documentElement.dataset.panels = shown.join(" ");
  document.documentElement.dataset.network = address.get("network") ?? network; // whose picture has its own height
}
