"""Documents cannot lie: generated pages are fresh, and every name in a hand-written page exists."""

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import schemas
from ops.cli import app
from ops.reference import PAGES, REFERENCE
from schemas import topics
from schemas.settings import Settings, variable

ROOT = Path(schemas.__file__).parent.parent
WRITTEN = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
COMPOSE = ROOT / "docker-compose.kafka.yml"
SETTINGS = {variable(name) for name in Settings.__struct_fields__}


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(name: str) -> None:
    """Run `make docs` and commit what it writes."""
    assert PAGES[name]() == (REFERENCE / name).read_text()


@pytest.mark.parametrize(
    "path", [*WRITTEN, *sorted((ROOT / "docs" / "decisions").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    """A dead link is a promise nobody kept."""
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text())
    assert [] == [link for link in links if not (path.parent / link).exists()]


def test_the_code_map_names_what_exists() -> None:
    """A newcomer follows these paths first."""
    named = re.findall(
        r"`((?:api|connectors|ops|schemas|streams|tests)/[\w./]*)`", (ROOT / "ARCHITECTURE.md").read_text()
    )
    assert [] == [name for name in named if not (ROOT / name).exists()]
    assert (ROOT / "ARCHITECTURE.md").read_text().count("\n") <= 150


def test_the_readme_names_commands_that_exist() -> None:
    """The first command a newcomer types has to work."""
    known = set(get_command(app).commands)  # type: ignore[attr-defined]  # a group has commands
    named = set(re.findall(r"(?:\.venv/bin/|`)millrace ([a-z]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named and named <= known
    assert set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text())) <= targets | {"a"}


def test_decisions_are_short() -> None:
    """Context, decision, consequences; superseded, never rewritten."""
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        assert path.read_text().count("\n") <= 40, path.name


def test_the_compose_file_names_what_exists() -> None:
    """Where no container engine is at hand, its names at least are true."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name, service in services.items():
        variables = {key for key in service.get("environment", {}) if key.startswith("MILLRACE_")}
        assert variables <= SETTINGS, name
        module = re.match(r"python -m ([\w.]+)", " ".join(service.get("command", [])))
        if module:
            path = ROOT / module[1].replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), name
        for needed in service.get("depends_on", {}):
            assert needed in services
    assert {
        "kafka",
        "postgres",
        "provision",
        "worker",
        "clock",
        "gateway",
        "bank",
        "audit",
        "egress",
        "sink",
        "api",
        "simulator",
    } == set(services)


def test_the_compose_file_fits_the_settings() -> None:
    """A port published for a process has to be the port it listens on."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    api = services["api"]
    port = str(api["environment"].get("MILLRACE_API_PORT", Settings().api_port))
    assert any(published.endswith(f":{port}") for published in api["ports"])


def test_every_topic_is_documented() -> None:
    """An operator has to find what a topic is for."""
    page = (REFERENCE / "topics.md").read_text()
    assert [] == [topic.name for topic in topics.ALL if f"`{topic.name}`" not in page]
