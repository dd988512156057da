// Runs before the first paint, so that no panel comes or goes after it: which panels this page had open the last time. The style
// sheet in the page's head reads the answer from <html data-panels>; panels.js takes over from there, with the same key.
{
  const { experiment = "", standard = "", planes = "", dataset = "" } = document.currentScript?.dataset ?? {};
  const recall = () => {
    try {
      return localStorage.getItem(`dropout-lab-panels-${experiment}`);
    } catch {
      return null; // inside another site's frame
    }
  };
  const wanted = (recall() ?? standard).split(" ");
  const data = new URLSearchParams(location.search).get("dataset") ?? dataset;
  const isPlane = planes.split(" ").includes(data);
  const shown = wanted.filter((panel) => isPlane || (panel !== "boundary" && panel !== "subnetworks"));
  document.documentElement.dataset.panels = shown.join(" ");
}
