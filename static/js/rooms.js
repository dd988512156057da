// Puts the page on which one opens a room, or joins one together.

import { settleLinks } from "./base/addresses.js";

settleLinks(document);
document.documentElement.dataset.started = "true"; // start-boot.js stops watching
