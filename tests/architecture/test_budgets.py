"""Code stays small in every direction: the budgets of the house, measured."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import schemas

ROOT = Path(schemas.__file__).parent.parent
PACKAGES = ("api", "connectors", "models", "ops", "schemas", "streams")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FUNCTION_LIMIT, FILE_LIMIT = 60, 400


def functions(paths: list[Path]) -> Iterator[tuple[str, int, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{path.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1, node


def test_functions_are_short() -> None:
    """A function that does not fit on a screen hides what it does."""
    sizes = [size for _, size, _ in functions(FILES)]
    assert [] == [(name, size) for name, size, _ in functions(FILES) if size > FUNCTION_LIMIT]
    assert median(sizes) <= 10
    assert quantiles(sizes, n=20)[-1] <= 40


def test_files_are_short() -> None:
    """One noun or decision per file."""
    sizes = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in FILES}
    assert {} == {name: size for name, size in sizes.items() if size > FILE_LIMIT}
    assert quantiles(list(sizes.values()), n=10)[-1] <= 300


def test_functions_take_few_positional_parameters() -> None:
    """A long list of positions is a struct that nobody named."""
    crowded = [
        name
        for name, _, node in functions(FILES)
        if len([argument for argument in node.args.args if argument.arg not in ("self", "cls")]) > 6
    ]
    assert [] == crowded


def test_every_module_says_which_question_it_answers() -> None:
    """A reader decides by the first line whether to read on."""
    silent = [
        str(path.relative_to(ROOT)) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [] == silent


def test_no_file_is_named_after_nothing() -> None:
    """Names such as utils attract whatever has no home."""
    vague = {"utils", "helpers", "common", "manager", "base", "data", "info", "misc"}
    assert [] == [str(path) for path in FILES if path.stem in vague]


def test_no_python_at_the_root() -> None:
    """The editable install puts the root on the path; a file there would shadow a package."""
    assert [] == [path.name for path in ROOT.glob("*.py")]
