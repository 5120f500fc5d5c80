"""Deciders are pure and the tree says nothing of its making: rules a linter cannot express."""

import ast
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

import schemas

ROOT = Path(schemas.__file__).parent.parent
PACKAGES = ("api", "connectors", "models", "ops", "schemas", "streams")
PURE = sorted(
    path
    for folder in (
        "streams/ledger",
        "streams/merchants",
        "streams/payments",
        "streams/reconciliation",
        "streams/risk",
        "streams/totals",
        "streams/webhooks",
        "streams/windows",
    )
    for path in (ROOT / folder).glob("*.py")
    if path.name != "testing.py"
)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_ours(package: str) -> None:
    """Public distributions of the same names exist; importing one of them would run a stranger's code."""
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    assert ROOT / package / "__init__.py" == Path(spec.origin)


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_deciders_call_no_clock_and_no_chance(path: Path) -> None:
    """The same messages must decide the same after every restart."""
    called = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    }
    forbidden = {"open", "print", "input", "id", "hash", "datetime.now", "datetime.utcnow", "date.today"}
    assert set() == called & forbidden


def test_only_the_shells_catch_everything() -> None:
    """A bug that is swallowed is a bug that moves money later."""
    allowed = {"streams/step.py", "connectors/runtime.py", "api/dispatch.py"}
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not path.is_relative_to(ROOT / "streams/engine")
        if re.search(r"except (Exception|BaseException)\b|except:", path.read_text())
    }
    assert found <= allowed


def test_nothing_names_machines_or_registries() -> None:
    """The repository builds anywhere; hosts and home directories belong to one machine."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pattern = re.compile(r"/root/|/work/|/home/[a-z]+/|pypi\.org|pythonhosted|maven\.org|registry\.npmjs")
    this = Path(__file__).name
    named = [
        name
        for name in listed.splitlines()
        if not name.endswith(this)
        and (ROOT / name).is_file()
        and pattern.search((ROOT / name).read_text("utf-8", "ignore"))
    ]
    assert [] == named
