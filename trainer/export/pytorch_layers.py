"""The kinds of dropout that PyTorch has no layer for, as a script defines them for itself."""

from __future__ import annotations

from typing import Final

from trainer.export.recipe import Recipe
from trainer.export.text import block

NAMES: Final = {
    "inverted": "BatchDropout",
    "classic": "ClassicDropout",
    "unscaled": "UnscaledDropout",
    "gaussian": "GaussianDropout",
    "dropconnect": "BatchDropout",
}
_WHAT: Final = {
    "inverted": "Dropout with one mask for the whole mini-batch.",
    "classic": "Scales in evaluation, not in training (Srivastava et al. 2014).",
    "unscaled": "Scales nowhere: wrong on purpose, to see what it does.",
    "gaussian": "Noise of mean 1 and variance p / (1 - p) (Srivastava et al. 2014).",
}
_TRAINING: Final = {
    "inverted": "x * (torch.rand_like({like}) >= self.p) / (1 - self.p)",
    "classic": "x * (torch.rand_like({like}) >= self.p)",
    "unscaled": "x * (torch.rand_like({like}) >= self.p)",
    "gaussian": "x * (1 + (self.p / (1 - self.p)) ** 0.5 * torch.randn_like({like}))",
}


def dropout_name(recipe: Recipe) -> str:
    """What the layer is called that drops single elements."""
    own = recipe.per_batch or recipe.lane.dropout_kind not in ("inverted", "dropconnect")
    return NAMES[recipe.lane.dropout_kind] if own else "nn.Dropout"


def spatial_name(recipe: Recipe) -> str:
    """What the layer is called that drops whole feature maps."""
    return "nn.Dropout2d" if dropout_name(recipe) == "nn.Dropout" else "SpatialDropout"


def own_layers(recipe: Recipe) -> list[str]:
    """The classes that a script needs, as blocks of code."""
    sites = recipe.sites.values()
    plain = any((site.rate or site.group) and not recipe.drops_weights(site) for site in sites)
    plain = plain or any(site.group for site in sites)
    own = dropout_name(recipe) != "nn.Dropout"
    spatial = recipe.network == "cnn" and any(site.group for site in sites)
    blocks = []
    if own and plain:
        blocks.append(_dropout(recipe))
    if own and spatial:
        blocks.append(_SPATIAL.replace("Base", dropout_name(recipe)))
    if recipe.connects:
        blocks.append(_DROPCONNECT_PER_BATCH if recipe.per_batch else _DROPCONNECT)
    return blocks


def _dropout(recipe: Recipe) -> str:
    kind = "inverted" if recipe.lane.dropout_kind == "dropconnect" else recipe.lane.dropout_kind
    what = _WHAT[kind]
    if recipe.per_batch and kind != "inverted":
        what += " One mask for the whole mini-batch."
    training = _TRAINING[kind].format(like="x[:1]" if recipe.per_batch else "x")
    evaluation = "x * (1 - self.p)" if kind == "classic" else "x"
    return block(f'''
        class {dropout_name(recipe)}(nn.Module):
            """{what}"""

            def __init__(self, p):
                super().__init__()
                self.p = p

            def forward(self, x):
                if self.training:
                    return {training}
                return {evaluation}
        ''')


_SPATIAL: Final = block('''
    class SpatialDropout(Base):
        """The same for whole feature maps (Tompson et al. 2015)."""

        def forward(self, x):
            return x * super().forward(torch.ones_like(x[:, :, :1, :1]))
    ''')

_DROPCONNECT: Final = block('''
    class DropConnect(nn.Linear):
        """Drops weights instead of units, other weights for each example (Wan et al. 2013)."""

        def __init__(self, inputs, outputs, p):
            super().__init__(inputs, outputs)
            self.p = p

        def forward(self, x):
            if not self.training:
                return super().forward(x)
            keep = torch.rand(len(x), *self.weight.shape) >= self.p  # (examples, outputs, inputs)
            return torch.einsum("boi,bi->bo", self.weight * keep / (1 - self.p), x) + self.bias
    ''')

_DROPCONNECT_PER_BATCH: Final = block('''
    class DropConnect(nn.Linear):
        """Drops weights instead of units (Wan et al. 2013), the same for the whole mini-batch."""

        def __init__(self, inputs, outputs, p):
            super().__init__(inputs, outputs)
            self.p = p

        def forward(self, x):
            if not self.training:
                return super().forward(x)
            keep = torch.rand_like(self.weight) >= self.p
            return nn.functional.linear(x, self.weight * keep / (1 - self.p), self.bias)
    ''')
