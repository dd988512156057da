"""The layers that Keras does not have, as a script defines them for itself."""

from __future__ import annotations

from typing import Final

from trainer.export.recipe import Recipe
from trainer.export.text import block, when

_WHAT: Final = {
    "classic": "Scales in evaluation, not in training (Srivastava et al. 2014).",
    "unscaled": "Scales nowhere: wrong on purpose, to see what it does.",
    "gaussian": "Noise of mean 1 and variance rate / (1 - rate), the same along the axes ``shared``.",
}
_NAMES: Final = {"classic": "ClassicDropout", "unscaled": "UnscaledDropout", "gaussian": "SharedGaussianDropout"}


def dropout(recipe: Recipe, rate: float, rank: int, shared: tuple[int, ...] = ()) -> str:
    """A layer that drops.

    Args:
        recipe: the lane.
        rate: of what it drops.
        rank: dimensions of what it multiplies, the examples among them.
        shared: the axes along which its mask stays the same, but for the examples of a mini-batch that shares one.
    """
    shared = tuple(sorted({*shared, *((0,) if recipe.per_batch else ())}))
    kind = recipe.lane.dropout_kind
    if kind in ("inverted", "dropconnect"):
        if not shared:
            return f"layers.Dropout({rate!r})"
        if shared == (1, 2) and rank == 4:
            return f"layers.SpatialDropout2D({rate!r})"
        sizes = ", ".join("1" if axis in shared else "None" for axis in range(rank))
        return f"layers.Dropout({rate!r}, noise_shape=({sizes}))"
    if kind == "gaussian" and not shared:
        return f"layers.GaussianDropout({rate!r})"
    axes = f", shared={shared!r}" if shared else ""
    return f"{_NAMES[kind]}({rate!r}{axes})"


def own_layers(recipe: Recipe, used: str) -> list[str]:
    """The classes that a script needs: those that ``used``, the code of its model, names."""
    kind = recipe.lane.dropout_kind
    return [
        *when(kind in _NAMES and f"{_NAMES.get(kind)}(" in used, _dropout(kind)),
        *when("DropConnect(" in used, _DROPCONNECT_PER_BATCH if recipe.per_batch else _DROPCONNECT),
        *when("NoisyLSTM(" in used, _SHARED_MASK if recipe.lane.recurrent_mask == "variational" else _FRESH_MASKS),
    ]


def _dropout(kind: str) -> str:
    if kind not in _NAMES:
        return ""
    noise = "1 + (self.rate / (1 - self.rate)) ** 0.5 * keras.random.normal(shape, seed=self.seed_generator)"
    keep = 'ops.cast(keras.random.uniform(shape, seed=self.seed_generator) >= self.rate, "float32")'
    return block(f'''
        class {_NAMES[kind]}(layers.Layer):
            """{_WHAT[kind]}"""

            def __init__(self, rate, shared=()):
                super().__init__()
                self.rate = rate
                self.shared = shared
                self.seed_generator = keras.random.SeedGenerator()

            def call(self, x, training=False):
                if not training:
                    return {"x * (1 - self.rate)" if kind == "classic" else "x"}
                shape = [1 if axis in self.shared else size for axis, size in enumerate(ops.shape(x))]
                return x * {f"({noise})" if kind == "gaussian" else keep}
        ''')


_DROPCONNECT: Final = block('''
    class DropConnect(layers.Dense):
        """Drops weights instead of units, other weights for each example (Wan et al. 2013)."""

        def __init__(self, units, rate, **options):
            super().__init__(units, **options)
            self.rate = rate
            self.seed_generator = keras.random.SeedGenerator()

        def call(self, x, training=False):
            if not training:
                return super().call(x)
            shape = (ops.shape(x)[0], *self.kernel.shape)  # (examples, inputs, units)
            keep = ops.cast(keras.random.uniform(shape, seed=self.seed_generator) >= self.rate, "float32")
            return ops.einsum("bi,biu->bu", x, self.kernel * keep) / (1 - self.rate) + self.bias
    ''')

_DROPCONNECT_PER_BATCH: Final = block('''
    class DropConnect(layers.Dense):
        """Drops weights instead of units (Wan et al. 2013), the same for the whole mini-batch."""

        def __init__(self, units, rate, **options):
            super().__init__(units, **options)
            self.rate = rate
            self.seed_generator = keras.random.SeedGenerator()

        def call(self, x, training=False):
            if not training:
                return super().call(x)
            keep = keras.random.uniform(self.kernel.shape, seed=self.seed_generator) >= self.rate
            return ops.matmul(x, self.kernel * ops.cast(keep, "float32")) / (1 - self.rate) + self.bias
    ''')

_SHARED_MASK: Final = block('''
    class NoisyLSTM(layers.Layer):
        """An LSTM whose state is dropped on its way to the next time step: one mask for all of them."""

        def __init__(self, cell, dropout):
            super().__init__()
            self.cell = cell
            self.dropout = dropout

        def call(self, x, training=False):
            h = c = ops.zeros((ops.shape(x)[0], self.cell.units))
            mask = self.dropout(ops.ones_like(h), training=training)
            for step in range(x.shape[1]):
                _, (h, c) = self.cell(x[:, step], [h * mask, c])
            return h
    ''')

_FRESH_MASKS: Final = block('''
    class NoisyLSTM(layers.Layer):
        """An LSTM whose state is dropped on its way to the next time step: a fresh mask at each."""

        def __init__(self, cell, dropout):
            super().__init__()
            self.cell = cell
            self.dropout = dropout

        def call(self, x, training=False):
            h = c = ops.zeros((ops.shape(x)[0], self.cell.units))
            for step in range(x.shape[1]):
                _, (h, c) = self.cell(x[:, step], [self.dropout(h, training=training), c])
            return h
    ''')
