"""The part of a script that both frameworks share: examples as arrays, split into training and validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainer.export.recipe import Recipe
from trainer.export.table import table_data
from trainer.export.text import block, inside, lines, when
from trainer.settings.shapes import PLANE

POINTS_TO_VALIDATE: Final = 1000


@dataclass(frozen=True)
class Data:
    """How a script comes by its examples.

    Attributes:
        imports: from the standard library, and of others.
        constants: what one may want to change, at the top of the script.
        functions: blocks of code; ``load_data(rng)`` is the last.
    """

    standard: tuple[str, ...]
    imports: tuple[str, ...]
    constants: tuple[str, ...]
    functions: tuple[str, ...]


def data_part(recipe: Recipe, image: tuple[int, ...]) -> Data:
    """Write the loading of a lane's data.

    Args:
        recipe: the lane.
        image: how the framework wants an image to be arranged; empty: flat.
    """
    dataset = recipe.config.dataset
    if dataset == "csv":
        standard, imports, constants, functions = table_data(recipe)
    elif dataset in PLANE:
        standard, imports, constants, functions = _points(recipe)
    elif dataset == "idx":
        standard, imports, constants, functions = _idx(recipe, image)
    elif dataset == "digits":
        standard, imports, constants, functions = _digits(recipe, image)
    else:
        standard, imports, constants, functions = _measurements(recipe)
    noise = recipe.config.label_noise
    told = when(noise, f"WRONG_LABELS = {noise!r}  # share of the training labels that are replaced by another class")
    wrong = when(noise, _WRONG_LABELS.replace("CLASSES", str(recipe.classes)))
    return Data(standard, imports, (*constants, *told), (*wrong, *functions))


_Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]

_WRONG_LABELS: Final = block("""
    def make_labels_wrong(y, rng):
        \"\"\"Replace a share of the labels, each by one of the other classes.\"\"\"
        wrong = rng.choice(len(y), size=round(WRONG_LABELS * len(y)), replace=False)
        y[wrong] = (y[wrong] + rng.integers(1, CLASSES, size=len(wrong))) % CLASSES
        return y
    """)


def _reshaped(image: tuple[int, ...]) -> str:
    return f".reshape(-1, {', '.join(str(size) for size in image)})" if image else ""


def _digits(recipe: Recipe, image: tuple[int, ...]) -> _Parts:
    load = f"""
        def load_data(rng):
            \"\"\"Training and validation images, and their labels.\"\"\"
            x, y = load_digits(return_X_y=True)
            x = (x / 16).astype("float32"){_reshaped(image)}  # pixels from 0 to 1
            order = rng.permutation(len(y))
            val, train = order[:797], order[797 : 797 + TRAIN_SIZE]
            return x[train], y[train], x[val], y[val]
        """
    return (), ("from sklearn.datasets import load_digits",), (), (block(load),)


def _measurements(recipe: Recipe) -> _Parts:
    name = f"load_{recipe.config.dataset}"
    total = {"breast_cancer": 569, "wine": 178}[recipe.config.dataset]
    validation = total - recipe.config.size.examples
    load = f"""
        def load_data(rng):
            \"\"\"Training and validation examples, and their labels.\"\"\"
            x, y = {name}(return_X_y=True)
            order = rng.permutation(len(y))
            val, pool = order[:{validation}], order[{validation}:]
            # Standardised by what is not validated with.
            x = ((x - x[pool].mean(axis=0)) / x[pool].std(axis=0)).astype("float32")
            train = pool[:TRAIN_SIZE]
            return x[train], y[train], x[val], y[val]
        """
    return (), (f"from sklearn.datasets import {name}",), (), (block(load),)


_IDX: Final = '''
    def read_idx(name):
        """An array from a file in the IDX format, as MNIST's: sizes in its header, then bytes."""
        path = next(path for path in sorted(FOLDER.iterdir()) if name in path.name)
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        sizes = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes)


    def load_data(rng):
        """Training and validation images, and their labels."""
        x, y = read_idx("train-images"), read_idx("train-labels").astype("int64")
        val_x, val_y = read_idx("t10k-images"), read_idx("t10k-labels").astype("int64")
        train, val = rng.permutation(len(y))[:TRAIN_SIZE], rng.permutation(len(val_y))[:1000]
        return arranged(x[train]), y[train], arranged(val_x[val]), val_y[val]


    def arranged(images):
        """Pixels from 0 to 1, as the network reads them."""
        return (images / 255).astype("float32"){reshaped}
    '''


def _idx(recipe: Recipe, image: tuple[int, ...]) -> _Parts:
    reshaped = _reshaped(image) or ".reshape(len(images), -1)"
    constants = ('FOLDER = Path("mnist")  # where train-images-idx3-ubyte and the other files are',)
    standard = ("import gzip", "from pathlib import Path")
    return standard, (), constants, (block(_IDX.replace("{reshaped}", reshaped)),)


def _points(recipe: Recipe) -> _Parts:
    make, imports = _MAKERS[recipe.config.dataset]
    functions = (
        lines(
            "def make_points(count, rng):",
            '    """Points in the plane, and which of two classes each belongs to."""',
            inside(block(make)),
            '    return x.astype("float32"), y',
        ),
        lines(
            "def load_data(rng):",
            '    """Training and validation points, and their classes."""',
            f"    return *make_points(TRAIN_SIZE, rng), *make_points({POINTS_TO_VALIDATE}, rng)",
        ),
    )
    spread = f"POINT_NOISE = {recipe.config.data_noise!r}  # standard deviation of each coordinate"
    return (), imports, (spread,), functions


_MAKERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "moons": (
        """
        x, y = make_moons(count, noise=POINT_NOISE, random_state=int(rng.integers(2**31)))
        x = 1.2 * (x - [0.5, 0.25])  # about the origin
        """,
        ("from sklearn.datasets import make_moons",),
    ),
    "circles": (
        """
        x, y = make_circles(count, noise=POINT_NOISE, factor=0.5, random_state=int(rng.integers(2**31)))
        x = 1.5 * x
        """,
        ("from sklearn.datasets import make_circles",),
    ),
    "spirals": (
        """
        y = np.arange(count) % 2
        along = rng.permutation(np.linspace(0, 1, count))  # from the inner end of an arm to the outer
        radius, angle = 0.4 + 2 * along, np.pi * (y + 2.5 * along)
        x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        x += POINT_NOISE * rng.standard_normal(x.shape)
        """,
        (),
    ),
    "xor": (
        """
        x = rng.uniform(-1.5, 1.5, size=(count, 2))
        y = (x[:, 0] * x[:, 1] > 0).astype("int64")
        x += POINT_NOISE * rng.standard_normal(x.shape)
        """,
        (),
    ),
    "gaussians": (
        """
        y = rng.permutation(np.arange(count) % 2)
        x = np.where(y, 0.7, -0.7)[:, None] + POINT_NOISE * rng.standard_normal((count, 2))
        """,
        (),
    ),
}
