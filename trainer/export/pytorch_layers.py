"""The kinds of dropout that PyTorch has no layer for, as a script defines them for itself."""

from __future__ import annotations

from typing import Final

from trainer.export.recipe import Recipe
from trainer.export.text import block


def dropout_name(recipe: Recipe) -> str:
    """What the layer is called that drops single elements."""
    written = recipe.dropout.of_units.pytorch
    return written.name if recipe.per_batch or not written.layer else written.layer


def spatial_name(recipe: Recipe) -> str:
    """What the layer is called that drops whole feature maps."""
    return "nn.Dropout2d" if dropout_name(recipe) == "nn.Dropout" else "SpatialDropout"


def own_layers(recipe: Recipe) -> list[str]:
    """The classes that a script needs, as blocks of code."""
    sites = recipe.sites.values()
    plain = any((site.rate or site.group) and not recipe.drops_weights(site) for site in sites)
    plain = plain or any(site.group for site in sites)
    own = dropout_name(recipe) != "nn.Dropout"
    spatial = recipe.network.groups_of and any(site.group for site in sites)
    blocks = []
    if own and plain:
        blocks.append(_dropout(recipe))
    if own and spatial:
        blocks.append(_SPATIAL.replace("Base", dropout_name(recipe)))
    if recipe.connects:
        blocks.append(_DROPCONNECT_PER_BATCH if recipe.per_batch else _DROPCONNECT)
    return blocks


def _dropout(recipe: Recipe) -> str:
    kind = recipe.dropout.of_units
    what = kind.pytorch.about
    if recipe.per_batch and not kind.pytorch.layer:
        what += " One mask for the whole mini-batch."
    noise = kind.pytorch.noise.format(like="x[:1]" if recipe.per_batch else "x")
    evaluation = "x * (1 - self.p)" if kind.scaled == "evaluation" else "x"
    return block(f'''
        class {dropout_name(recipe)}(nn.Module):
            """{what}"""

            def __init__(self, p):
                super().__init__()
                self.p = p

            def forward(self, x):
                if self.training:
                    return x * {noise}
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
