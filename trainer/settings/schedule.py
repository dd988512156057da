"""How dropout rates change while a network trains."""

from __future__ import annotations


def share(schedule: str, steps: int, step: int) -> float:
    """What a schedule multiplies a lane's rates with at a step, 0 to 1.

    Liu et al. 2023, "Dropout Reduces Underfitting": early and late dropout, and the linear schedule.

    Args:
        schedule: ``constant``; ``early``, on up to ``steps`` and off from then on; ``late``, the other way round;
            ``ramp_down``, 1 at step 1 and 0 from ``steps`` + 1 on; ``ramp_up``, the other way round.
        steps: the step at which it ends, or begins, at least 1.
        step: counted from 1.
    """
    if schedule == "constant":
        return 1.0
    if schedule in ("early", "late"):
        return float((step <= steps) == (schedule == "early"))
    gone = min(1.0, max(0, step - 1) / steps)
    return 1 - gone if schedule == "ramp_down" else gone
