"""On which machine, with which versions and when was something measured?"""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

import psutil  # type: ignore[import-untyped]  # it ships no types

from ops.stack import java, kafka

_GIB = 1024**3
_LIBRARIES = ("faust-streaming", "confluent-kafka", "rocksdict", "msgspec", "fastavro", "aiohttp", "psycopg")


def facts(now_s: float) -> Mapping[str, str]:
    """What a figure depends on besides the code, by name; now_s: Unix time of the run."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return {
        "date": datetime.fromtimestamp(now_s, UTC).date().isoformat(),
        "cores": f"{os.cpu_count()} ({platform.machine()}, {platform.system()})",
        "memory": f"{psutil.virtual_memory().total / _GIB:.0f} GiB",
        "load before": f"{psutil.getloadavg()[0]:.1f} processes wanted a core",
        "Python": platform.python_version(),
        "Kafka": f"{kafka.VERSION}, one broker, Java {java.runtime_version()}",
        "libraries": libraries,
    }
