"""Modules stay small, introduce themselves, and start no task on their own."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.repository.tree import PACKAGE, ROOT, modules, rooms, tree_of

MOST_LINES = 450

# Tasks live in a TaskGroup. The exceptions, and why each cannot:
BARE_TASKS = {
    "net/downstream/worker.py: self._loop.create_task": "a protocol's callback cannot await; the worker is its"
    " connection's one task, and losing the connection ends it",
    "runtime/credentials/kept.py: asyncio.get_running_loop().create_task": "it begins with the first who asks, whose"
    " end must not end it for the others; `stop` cancels it and waits",
    "runtime/probing.py: asyncio.get_running_loop().create_task": "the relay starts and stops in two calls, and no"
    " group can be open between them; `stop` cancels it and waits",
    "sim/traffic.py: loop.create_task": "an asynchronous generator cannot hold a task group open while it yields; its"
    " end cancels what is under way",
}

STARTERS = {"create_task", "ensure_future"}

TESTS_NAMED_FOR_ROOMS = ("unit", "wire")


def test_every_module_opens_with_a_docstring() -> None:
    silent = [path for path in modules() if not ast.get_docstring(tree_of(path)) and not _is_marker(path)]

    assert [str(path.relative_to(PACKAGE)) for path in silent] == []


def test_no_module_is_longer_than_one_idea() -> None:
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in modules()}

    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_every_task_belongs_to_a_group() -> None:
    bare = {place for path in modules() for place in _bare_tasks(path)}

    assert bare - BARE_TASKS.keys() == set(), "start it in a TaskGroup, or give the reason in BARE_TASKS"
    assert BARE_TASKS.keys() - bare == set(), "no longer needed"


def test_every_room_of_the_contract_is_built() -> None:
    missing = [room for room in rooms() if not (PACKAGE / f"{room}.py").exists() and not _modules_in(PACKAGE / room)]

    assert missing == []


def test_every_room_has_tests_that_bear_its_name() -> None:
    def is_tested(room: str) -> bool:
        return any(
            list((ROOT / "tests" / kind).glob(f"{room}/**/test_*.py"))
            or (ROOT / "tests" / kind / f"test_{room}.py").exists()
            for kind in TESTS_NAMED_FOR_ROOMS
        )

    assert sorted(room for room in rooms() if (PACKAGE / room).is_dir() and not is_tested(room)) == []


def test_unit_tests_mirror_the_package() -> None:
    root = ROOT / "tests" / "unit"
    directories = {path.parent.relative_to(root) for path in root.rglob("test_*.py")}
    strangers = [
        str(path)
        for path in directories
        # `support` holds the tests of tests/support itself; a directory may also bear a module's name.
        if path.parts[:1] != ("support",) and not (PACKAGE / path).is_dir() and not (PACKAGE / f"{path}.py").exists()
    ]

    assert strangers == []


def _is_marker(path: Path) -> bool:
    return path.name == "__init__.py" and not path.read_text().strip()


def _modules_in(room: Path) -> list[Path]:
    return [
        path for path in room.rglob("*.py") if path.name != "__init__.py" or len(path.read_text().splitlines()) > 20
    ]


def _bare_tasks(path: Path) -> Iterator[str]:
    """`net/listener.py: asyncio.create_task` for each task that is started outside a group."""
    tree = tree_of(path)
    groups = set(_groups(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(value=receiver, attr=called) if ast.unparse(receiver) not in groups:
                pass
            case ast.Name(id=called):
                pass
            case _:
                continue
        if called in STARTERS:
            yield f"{path.relative_to(PACKAGE)}: {ast.unparse(node.func)}"


def _groups(tree: ast.Module) -> Iterator[str]:
    """What a module calls its task groups: `async with TaskGroup() as tasks`, or anything annotated as one."""
    for node in ast.walk(tree):
        match node:
            case ast.withitem(context_expr=ast.Call(func=made), optional_vars=ast.expr() as name) if _is_group(made):
                yield ast.unparse(name)
            case ast.arg(arg=name, annotation=ast.expr() as kind) if _is_group(kind):
                yield name
            case ast.AnnAssign(target=target, annotation=kind) if _is_group(kind):
                yield ast.unparse(target)


def _is_group(kind: ast.expr) -> bool:
    return ast.unparse(kind).rpartition(".")[2] == "TaskGroup"
