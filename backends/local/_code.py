"""The modules of gridrun and of a pipeline as one archive, for machines that may not have them."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

from gridrun.errors import EnvironmentFault

_PACKAGES = ("gridrun", "backends")
"""What a cluster elsewhere needs beside the pipeline's own package."""

_COMPILED = "__pycache__"


def archive_of(pipeline: str) -> bytes:
    """Zip archive of all that a worker of a pipeline needs.

    Args:
        pipeline: Name that ``load_pipeline`` takes.

    Raises:
        EnvironmentFault: A package has no files here.
    """
    own = pipeline.partition(":")[0].partition(".")[0]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in dict.fromkeys((*_PACKAGES, own)):
            place = _location(package)
            files = [place] if place.is_file() else sorted(place.rglob("*"))
            for file in files:
                if file.is_file() and _COMPILED not in file.parts:
                    archive.write(file, file.relative_to(place.parent))
    return written.getvalue()


def _location(package: str) -> Path:
    """Directory of a package, or file of a module."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EnvironmentFault(f'the package "{package}" cannot be found to be sent to the cluster')
    path = Path(spec.origin)
    return path.parent if path.name == "__init__.py" else path
