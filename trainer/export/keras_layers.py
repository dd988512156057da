"""The layers that Keras does not have, as a script defines them for itself."""

from __future__ import annotations

from typing import Final

from trainer.export.recipe import Recipe
from trainer.export.text import block, when
from trainer.settings.dropouts import Dropout


def dropout(recipe: Recipe, rate: float, rank: int, shared: tuple[int, ...] = ()) -> str:
    """A layer that drops.

    Args:
        recipe: the lane.
        rate: of what it drops.
        rank: dimensions of what it multiplies, the examples among them.
        shared: the axes along which its mask stays the same, but for the examples of a mini-batch that shares one.
    """
    shared = tuple(sorted({*shared, *((0,) if recipe.per_batch else ())}))
    written = recipe.dropout.of_units.keras
    if written.layer and not shared:
        return f"{written.layer}({rate!r})"
    if not written.name:
        if shared == (1, 2) and rank == 4:
            return f"layers.SpatialDropout2D({rate!r})"
        sizes = ", ".join("1" if axis in shared else "None" for axis in range(rank))
        return f"{written.layer}({rate!r}, noise_shape=({sizes}))"
    axes = f", shared={shared!r}" if shared else ""
    return f"{written.name}({rate!r}{axes})"


def own_layers(recipe: Recipe, used: str) -> list[str]:
    """The classes that a script needs: those that ``used``, the code of its model, names."""
    kind = recipe.dropout.of_units
    return [
        *when(kind.keras.name and f"{kind.keras.name}(" in used, _dropout(kind)),
        *when("DropConnect(" in used, _DROPCONNECT_PER_BATCH if recipe.per_batch else _DROPCONNECT),
    ]


def _dropout(kind: Dropout) -> str:
    return block(f'''
        class {kind.keras.name}(layers.Layer):
            """{kind.keras.about}"""

            def __init__(self, rate, shared=()):
                super().__init__()
                self.rate = rate
                self.shared = shared
                self.seed_generator = keras.random.SeedGenerator()

            def call(self, x, training=False):
                if not training:
                    return {"x * (1 - self.rate)" if kind.scaled == "evaluation" else "x"}
                shape = [1 if axis in self.shared else size for axis, size in enumerate(ops.shape(x))]
                return x * {kind.keras.noise}
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
