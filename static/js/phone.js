// Puts a student’s page together.

import { settleLinks } from "./base/addresses.js";

settleLinks(document);
document.documentElement.dataset.started = "true"; // start-boot.js stops watching
