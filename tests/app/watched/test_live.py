"""Looking at a watched model: what a viewer is greeted with, and what it hears."""

from __future__ import annotations

import numpy as np

from tests.app.conftest import Running
from tests.app.watched.feeding import a_model, a_state, look, watched


async def test_a_viewer_sees_what_the_model_sends(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as viewer:
        hello = await viewer.until_text("hello")
        assert (hello["may"], hello["watch"]["fed"], hello["watch"]["name"]) == (False, True, "Net")
        await model.train(1, 5)
        got = await viewer.until_frame("rows")
        assert got.tensors["step/0"].tolist() == [1, 2, 3, 4, 5]
        assert (await viewer.until_text("state"))["state"] == a_state(5)


async def test_who_comes_late_is_greeted_with_all_that_was(lab: Running) -> None:
    async with watched(lab.url, lab.patience) as model, await look(lab.url, model.watch, lab.patience) as early:
        for first in (1, 11, 21):
            await model.train(first, first + 9)
        await early.until(lambda message: getattr(message, "seq", 0) == 9)
        async with await look(lab.url, model.watch, lab.patience) as late:
            hello = await late.until_text("hello")
            assert hello["watch"]["model"] == a_model()
            await late.until_frame("summary")
        for kind in ("rows", "metrics"):
            (once,) = [frame for frame in late.frames if frame.kind == kind]
            parts = [frame for frame in early.frames if frame.kind == kind]
            for name, array in once.tensors.items():
                assert np.array_equal(array, np.concatenate([part.tensors[name] for part in parts])), name
