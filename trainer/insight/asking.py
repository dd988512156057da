"""Examples of a viewer's own, on which the sub-networks of a lane vote: a digit that was drawn, and the same turned.

A sub-network is a network that one mask has thinned. How much its answer depends on the mask says how sure the network
is: the entropy of the average answer is all there is to doubt, and the mutual information between the answer and the
choice of the sub-network is the part of it that is disagreement (Gal & Ghahramani 2016, section 5.1.2 and figure 4;
Gal 2016, section 3.3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from trainer.dropout.noise import LaneNoise
from trainer.errors import KnobError
from trainer.models import evaluating, make_network
from trainer.seeds import Purpose, WordStream, key
from trainer.settings.commands import MOST_ASKED, MOST_EXAMPLES
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.pieces import Pieces, finish
from trainer.wire.jsontext import finite

if TYPE_CHECKING:
    from trainer.models import LaneNetwork
    from trainer.settings.lane import Lane
    from trainer.training.experiment import Experiment

MEMBERS: Final = 64  # sub-networks that vote, as many as in the ensemble
_DROPOUT: Final = ("dropout", "dropout_kind", "spatial_dropout", "recurrent_mask")


@dataclass(frozen=True)
class Answer:
    """What M sub-networks of one lane say of R examples with C classes. Tensors are float32 on the CPU.

    Attributes:
        step: updates that the weights had seen.
        lane: whose network was thinned.
        votes: (R, M, C) probabilities; member m has the same mask for all examples.
        average: (R, C) their mean over the members.
        whole: (R, C) probabilities of the whole network in eval mode.
        entropy: (R,) of the average, in nats.
        information: (R,) mutual information between the answer and the choice of the sub-network, in nats: the entropy
            of the average less the average entropy.
    """

    step: int
    lane: int
    votes: Tensor
    average: Tensor
    whole: Tensor
    entropy: Tensor
    information: Tensor

    def described(self) -> dict[str, Any]:
        """The answer as plain data, to four decimals; what is no number is None (docs/protocol.md, answer)."""
        names = ("votes", "average", "whole", "entropy", "information")
        return {"step": self.step, "lane": self.lane} | {name: _plain(getattr(self, name)) for name in names}


class Asking:
    """Lets sub-networks of a run vote, on a copy of one lane that is kept from question to question.

    Nothing of the run changes. The masks are a function of the run's seed, the step and the lane, and of nothing else:
    the same question at the same step has the same answer.

    Args:
        experiment: the run.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._network: LaneNetwork | None = None

    def ask(self, x: Tensor | Sequence[Sequence[float]], lane: int | None = None, members: int = MEMBERS) -> Answer:
        """Let the sub-networks of a lane vote, with its weights as they are now (see `ask_in_pieces`)."""
        return finish(self.ask_in_pieces(x, lane, members))

    @torch.no_grad()
    def ask_in_pieces(
        self, x: Tensor | Sequence[Sequence[float]], lane: int | None = None, members: int = MEMBERS
    ) -> Pieces[Answer]:
        """The same in pieces, one for each example, of the weights as they are at the first: the run may train on in
        between, but one question must be answered before the next is begun.

        A lane without dropout is thinned like the first lane that has some; if none has any, all members agree.

        Args:
            x: (R, F), 1 to 16 examples.
            lane: whose network is thinned; the followed one if left out.
            members: M, how many sub-networks.

        Raises:
            KnobError: no such lane, examples of another shape, or a number that is none or too large.
        """
        experiment = self._experiment
        lane = experiment.followed[0] if lane is None else lane
        lanes = experiment.config.lanes
        if isinstance(lane, bool) or not isinstance(lane, int) or not 0 <= lane < len(lanes):
            raise KnobError("lane", lane, f"a number from 0 to {len(lanes) - 1}")
        if isinstance(members, bool) or not isinstance(members, int) or not 1 <= members <= 1024:
            raise KnobError("members", members, "a whole number from 1 to 1,024")
        examples = _read(x, experiment.data.features).to(experiment.device, experiment.dtype)
        own = lanes[lane]
        like = own if own.drops else next((each for each in lanes if each.drops), own)
        step = experiment.step
        self._copy(lane, members)
        yield
        logits = yield from self._members(examples, step, lane, _thinned(own, like), members)
        votes = torch.softmax(logits, dim=2)
        average = votes.mean(dim=1)
        entropy = torch.special.entr(average).sum(dim=1)
        alone = torch.special.entr(votes).sum(dim=2).mean(dim=1)
        answers = (
            votes,
            average,
            self._whole(examples, own, step - experiment.began[lane]),
            entropy,
            (entropy - alone).clamp_min(0),
        )
        return Answer(step, lane, *(each.float().cpu() for each in answers))

    def _copy(self, lane: int, members: int) -> None:
        """Copy a lane of the run, to a network that draws as many masks at once as there are members.

        Where weights are dropped it draws one at a time: a mask has as many bits as there are weights.
        """
        experiment = self._experiment
        connects = any(DROPOUTS[each.dropout_kind].counted == "weights" for each in experiment.config.lanes)
        rows = 1 if connects else members
        if self._network is None or self._network.rows != rows:
            shaped = {"lanes": experiment.config.lanes[:1], "batch_size": rows, "mask": "per_example"}
            config = experiment.config.model_copy(update=shaped)
            self._network = make_network(config, experiment.data, experiment.device, experiment.dtype)
        ours = self._network.state_dict()
        for name, tensor in experiment.model.state_dict().items():
            count = len(tensor) // experiment.model.lanes
            ours[name].copy_(tensor[lane * count : (lane + 1) * count])

    def _members(self, x: Tensor, step: int, lane: int, thinned: Lane, members: int) -> Pieces[Tensor]:
        """Logits of every sub-network, (R, M, C), of examples (R, F)."""
        experiment = self._experiment
        network = self._use(thinned, step - experiment.began[lane])
        stream = WordStream(key(experiment.config.seed_of(lane), Purpose.ASKED, step, lane))
        noise = LaneNoise([stream], network.dropouts, experiment.device)
        parts: list[Tensor] = []
        with evaluating(network):
            for site in network.dropouts:
                site.train()
            if network.rows == 1:
                for member in range(members):
                    parts.append(self._drawn(noise, member, x))
                    yield
                return torch.stack(parts, dim=1)
            noise.draw(0)
            for each in x:
                parts.append(network(each.expand(members, -1))[0])
                yield
            return torch.stack(parts)

    def _drawn(self, noise: LaneNoise, member: int, x: Tensor) -> Tensor:
        """Logits (R, C) of one sub-network, whose mask all examples share."""
        noise.draw(member)
        assert self._network is not None
        logits: Tensor = self._network(x)
        return logits[0]

    def _whole(self, x: Tensor, own: Lane, step: int) -> Tensor:
        """Probabilities of the whole lane in eval mode, (R, C)."""
        network = self._use(own, step)
        with evaluating(network):
            return torch.softmax(network(x)[0], dim=1)

    def _use(self, lane: Lane, step: int) -> LaneNetwork:
        """The copy, with the knobs of a lane in force as they are at a step of its own."""
        assert self._network is not None
        self._network.use(self._experiment.config.model_copy(update={"lanes": (lane,)}), step)
        return self._network


def ask(
    experiment: Experiment,
    x: Tensor | Sequence[Sequence[float]],
    lane: int | None = None,
    members: int = MEMBERS,
) -> Answer:
    """Ask once (see `Asking.ask`)."""
    return Asking(experiment).ask(x, lane, members)


def _thinned(own: Lane, like: Lane) -> Lane:
    """A lane with the dropout of another, at its full rates whatever the schedule."""
    return own.model_copy(update={name: getattr(like, name) for name in _DROPOUT} | {"schedule": "constant"})


def _read(x: Tensor | Sequence[Sequence[float]], features: int) -> Tensor:
    """Examples as a tensor (R, F); refuses anything else."""
    rows: Any = x.tolist() if isinstance(x, Tensor) else x
    a_number = f"from {-MOST_ASKED:,.0f} to {MOST_ASKED:,.0f}"
    each = f"{features} numbers {a_number}"
    if not isinstance(rows, (list, tuple)) or not 1 <= len(rows) <= MOST_EXAMPLES:
        raise KnobError("x", rows, f"a list of 1 to {MOST_EXAMPLES} examples of {each}")
    for number, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != features:
            raise KnobError(f"x[{number}]", row, each)
        for place, value in enumerate(row):
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not abs(value) <= MOST_ASKED:
                raise KnobError(f"x[{number}][{place}]", value, f"a number {a_number}")
    return torch.tensor(rows, dtype=torch.float64)


def _plain(tensor: Tensor) -> Any:
    """A tensor as nested lists, to four decimals, with None for what is no finite number."""
    return finite(tensor.double().mul(1e4).round().div(1e4).tolist())
