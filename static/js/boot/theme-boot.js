// Runs before the first paint, so that a dark page never flashes white. theme.js takes over from there.
{
  const recall = () => {
    try {
      return localStorage.getItem("dropout-lab-theme");
    } catch {
      return null; // inside another site's frame
    }
  };
  const choice = recall();
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
