// The button that takes the page's theme in turn: as the system, light, dark.

import { find, setText } from "./dom.js";
import { createTheme, THEME_WORDS, THEMES } from "./theme.js";

/**
 * @param {Document} document Has the button in `#theme`.
 * @param {() => void} [onTheme] Hears that the colours are others, and of the first ones.
 */
export function createThemeButton(document, onTheme = () => {}) {
  const bar = find(document, "#theme");
  const button = /** @type {HTMLButtonElement} */ (find(bar, "[data-do=theme]"));
  const theme = createTheme({ document, store: { update: () => onTheme() } });
  const tell = () => {
    bar.dataset.theme = theme.choice;
    button.title = `Theme: ${THEME_WORDS[theme.choice]}`;
    setText(find(bar, "[data-show=theme]"), button.title);
  };
  button.addEventListener("click", () => {
    theme.choose(THEMES[(THEMES.indexOf(theme.choice) + 1) % THEMES.length]);
    tell();
  });
  tell();
}
