// The page of the words of the lab: it is whole without a script, which only adds the choice of its theme.

import { settleLinks } from "./base/addresses.js";
import { find } from "./base/dom.js";
import { createThemeButton } from "./base/themebutton.js";

settleLinks(document);
createThemeButton(document);
find(document, "#theme").hidden = false;
