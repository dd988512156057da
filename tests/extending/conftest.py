"""Fixtures of the tests that add something to a copy of the checkout: those of the browser tests.

What stands in a folder ``files/`` belongs to such a copy: it is no test here.
"""

from __future__ import annotations

from typing import Final

from tests.browser.conftest import (  # noqa: F401 - fixtures are found by their names
    afterwards,
    browser,
    chromium_path,
    idle_visitors,
    open_page,
    page,
    pytest_runtest_makereport,
    usual_visitor,
    watch_over,
)

collect_ignore_glob: Final = ["*/files/*"]
