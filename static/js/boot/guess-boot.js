// Runs before the first paint: whether this tab has guessed already, so that a reload of an experiment’s page does not first
// show the question and then take it away. experiment.js takes over from there. The keys are those of session.js and guesses.js.
{
  const guessed = () => {
    try {
      const { path, search, id } = JSON.parse(sessionStorage.getItem("dropout-lab-run") ?? "{}");
      const isHere = path === location.pathname && search === location.search;
      return isHere && sessionStorage.getItem(`dropout-lab-guess-${id}`) !== null;
    } catch {
      return false; // inside another site's frame
    }
  };
  document.documentElement.toggleAttribute("data-guessed", guessed());
}
