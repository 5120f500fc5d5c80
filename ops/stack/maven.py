"""Which jars do Maven coordinates stand for, and how are they fetched?"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import requests

from ops.stack.errors import DownloadFailed

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR one of its parts warns about a directory that is not used here.
    warnings.simplefilter("ignore", RuntimeWarning)
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext


def resolve(coordinates: Sequence[str], repository: Path) -> list[Path]:
    """Fetch the jars of `coordinates`, and all they need at run time, into `repository`. Raises DownloadFailed."""
    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    context = MavenContext(repo_cache=repository, remote_repos=repositories)
    try:
        asked = [context.create_dependency(coordinate) for coordinate in coordinates]
        direct, transitive = context.resolver.resolve(asked)
        needed = [*direct, *(one for one in transitive if one.scope in ("compile", "runtime"))]
        return [dependency.artifact.resolve() for dependency in needed]
    except (requests.RequestException, RuntimeError, ValueError) as error:
        raise DownloadFailed(
            f"the jars of {coordinates[0]} could not be fetched ({error});"
            " the first start needs the Maven repository, later ones do not"
        ) from error
