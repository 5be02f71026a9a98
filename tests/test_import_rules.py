"""Which package may import which, read off the source."""

import ast
import graphlib
from pathlib import Path

import pytest

import leafcode

NAME = "leafcode"
SOURCE = Path(leafcode.__file__).parent
PARTS = {
    "taxonomy": set(),
    "losses": set(),
    "quantizers": set(),
    "evaluation": set(),
    "audit": {"taxonomy"},
    "catalog": {"taxonomy"},
    "sampling": {"taxonomy", "catalog"},
    "training": {"taxonomy", "catalog", "sampling", "losses", "quantizers"},
    "codes": {"quantizers"},
    "methods": {"taxonomy", "catalog", "sampling", "losses", "quantizers", "training", "codes"},
    "serving": {"taxonomy", "catalog", "codes", "quantizers"},
    "report": {"evaluation", "codes"},
    "large_batches": {"taxonomy", "sampling", "losses"},
    "review": {"taxonomy", "audit", "serving", "report"},
}
ALLOWED = {
    **PARTS,
    "integrations": {"taxonomy", "catalog", "sampling", "losses", "large_batches"},
    "pipeline": set(PARTS),
    "cli": {*PARTS, "pipeline", "__init__"},
    "__init__": {*PARTS, "pipeline"},
    "__main__": {"cli"},
    "errors": set(),
    "files": set(),
    "memory": set(),
    "products": set(),
}
FOR_ALL = {"errors", "files", "memory", "products"}
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def module_name(path, source):
    """Dotted name; a package goes by its own name."""
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join([NAME, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def read_imports(source):
    """Every imported module, inside functions and under TYPE_CHECKING too, by the module that imports it."""
    files = {module_name(path, source): path for path in sorted(source.rglob("*.py"))}
    imports = {}
    for module, path in files.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    here = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
                    here = here[: len(here) - node.level + 1]
                    base = ".".join([*here, *([base] if base else [])])
                # `from a import b` may mean the module a.b.
                found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in files else base for a in node.names}
        imports[module] = found
    return imports


def part_of(module):
    """Package or single module directly below the top; ``__init__`` for the top itself."""
    return [*module.split("."), "__init__"][1]


def forbidden(imports):
    """Every import within the project that the table does not allow, as text."""
    return [
        f"{module} imports {target}"
        for module, targets in sorted(imports.items())
        for target in sorted(targets)
        if target.split(".")[0] == NAME
        and part_of(target) not in {part_of(module), *FOR_ALL, *ALLOWED.get(part_of(module), set())}
    ]


def check_no_cycle(imports):
    own = {module: {t for t in targets if t in imports} for module, targets in imports.items()}
    graphlib.TopologicalSorter(own).prepare()


IMPORTS = read_imports(SOURCE)


def test_every_package_is_in_the_table():
    assert {part_of(module) for module in IMPORTS} == set(ALLOWED)


def test_imports_keep_to_the_table():
    assert forbidden(IMPORTS) == []


def test_errors_and_files_stand_alone():
    for module, may_import in (("errors", set()), ("files", {"leafcode.errors"})):
        assert {t for t in IMPORTS[f"{NAME}.{module}"] if t.split(".")[0] == NAME} <= may_import


def test_no_import_cycle():
    check_no_cycle(IMPORTS)


def test_nothing_that_runs_code_from_files():
    loaded = {target.split(".")[0] for targets in IMPORTS.values() for target in targets}
    assert not loaded & UNSAFE
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in {"torch.load", "torch.save", "eval", "exec"}, f"{path.name}: {name}"
                pickled = [k for k in node.keywords if k.arg == "allow_pickle"]
                assert all(ast.unparse(k.value) == "False" for k in pickled), path.name


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        (
            "losses/a.py",
            "from leafcode.taxonomy import Taxonomy",
            "leafcode.losses.a imports leafcode.taxonomy",
        ),
        ("losses/a.py", "import leafcode.codes.b as b", "leafcode.losses.a imports leafcode.codes.b"),
        ("losses/a.py", "from ..codes import b", "leafcode.losses.a imports leafcode.codes.b"),
        ("losses/__init__.py", "from .. import codes", "leafcode.losses imports leafcode.codes"),
        (
            "losses/a.py",
            "def f():\n    from leafcode import codes",
            "leafcode.losses.a imports leafcode.codes",
        ),
        ("losses/a.py", "from leafcode import RQVAE", "leafcode.losses.a imports leafcode"),
        ("codes/b.py", "from leafcode.cli import main", "leafcode.codes.b imports leafcode.cli"),
        ("codes/b.py", "from leafcode.errors import InputError", None),
        ("codes/b.py", "from . import c", None),
        ("training/d.py", "from leafcode.losses import a", None),
    ],
)
def test_the_rules_catch_what_they_forbid(tmp_path, path, line, found):
    for name in (
        "losses/a",
        "losses/__init__",
        "codes/b",
        "codes/c",
        "codes/__init__",
        "training/d",
        "__init__",
    ):
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (tmp_path / path).write_text(line)
    assert forbidden(read_imports(tmp_path)) == ([found] if found else [])


def test_a_cycle_is_caught(tmp_path):
    (tmp_path / "a.py").write_text("from leafcode.b import x")
    (tmp_path / "b.py").write_text("def f():\n    import leafcode.a")
    with pytest.raises(graphlib.CycleError):
        check_no_cycle(read_imports(tmp_path))
