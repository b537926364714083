"""Links of a page as the site can follow them: to its own pages, or none.

Pages link to files of the repository. The site has the pages alone, so a link to any other
file becomes the file's path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

_FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_IMAGE = re.compile(r"(!\[[^\[\]]*\])\(([^)\s:]+)\)")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\\.)+)\]\(([^)\s]+)\)")


def as_site_links(
    text: str, source: str, pages: Mapping[str, str], titles: Mapping[str, str]
) -> str:
    """The text of a page with links that the site has a target for.

    Args:
        text: The page in Markdown.
        source: Its path in the repository.
        pages: Path in the repository to the path on the site, of pages outside ``docs/``.
        titles: Path on the site to the title of a page, which a link shows that has the name of
            the page's file.
    """
    folder = posixpath.dirname(source)

    def replaced(found: re.Match[str]) -> str:
        shown, target = found.groups()
        path, mark, anchor = target.partition("#")
        if not path or ":" in path:
            return found[0]
        place = posixpath.normpath(posixpath.join(folder, path))
        on_site = pages.get(place, place.removeprefix("docs/"))
        if on_site not in titles:
            return _as_path(shown, place)
        said = titles[on_site] if shown.endswith(".md") else shown
        return f"[{said}]({on_site}{mark}{anchor})"

    def placed(found: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(folder, found[2]))
        return f"{found[1]}({place.removeprefix('docs/')})"

    parts = _FENCE.split(text)
    return "".join(
        part if at % 2 else _IMAGE.sub(placed, _LINK.sub(replaced, part))
        for at, part in enumerate(parts)
    )


def _as_path(shown: str, place: str) -> str:
    """A file that the site does not have: its path, after what the link said of it."""
    said = shown.replace("\\", "").strip("`").rstrip("/")
    ends = PurePosixPath(place).parts[-len(PurePosixPath(said).parts) :]
    return f"`{place}`" if ends == PurePosixPath(said).parts else f"{shown} (`{place}`)"
