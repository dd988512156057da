"""How large a share of the rates is in force at a step, as both frameworks' scripts compute it."""

from __future__ import annotations

from typing import Final

from trainer.export.recipe import Recipe
from trainer.export.text import block

_SHARE: Final = {
    "early": ("Dropout up to this step, then none", "1.0 if step <= SCHEDULE_STEPS else 0.0"),
    "late": ("No dropout up to this step, then all of it", "0.0 if step <= SCHEDULE_STEPS else 1.0"),
    "ramp_down": ("From the rates to nothing in a straight line", "max(0.0, 1 - (step - 1) / SCHEDULE_STEPS)"),
    "ramp_up": ("From nothing to the rates in a straight line", "min(1.0, (step - 1) / SCHEDULE_STEPS)"),
}


def share_function(recipe: Recipe) -> str:
    """``share(step)``, steps counted from 1; nothing where the rates stay."""
    if not recipe.scheduled:
        return ""
    what, value = _SHARE[recipe.lane.schedule]
    return block(f'''
        def share(step):
            """{what} (Liu et al. 2023); steps count from 1."""
            return {value}
        ''')
