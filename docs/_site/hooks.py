"""What `mkdocs build` does beside reading docs/: pages from the code, links, the version.

MkDocs calls these functions by their names (its "hooks").
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from commands import commands_page
from links import as_site_links
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import gridrun
from gridrun.pipeline import load_pipeline
from gridrun.study.schema import study_schema

ROOT = Path(__file__).parents[2]

FROM_REPOSITORY = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "examples/README.md": "example-data.md",
}
"""Pages that lie outside docs/: where, and their names on the site."""

_API = """\
# Python

What `import gridrun` offers.

{parts}"""

_PART = """\
::: gridrun.api.{name}
    options:
      heading: gridrun.{name}
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show the version on every page."""
    config.site_name = f"gridrun {gridrun.__version__}"
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, or lie elsewhere in the repository."""
    made = {FROM_REPOSITORY[name]: (ROOT / name).read_text("utf-8") for name in FROM_REPOSITORY}
    made["commands.md"] = commands_page()
    public = [name for name in gridrun.__all__ if not name.startswith("_")]
    parts = "\n".join(_PART.format(name=name) for name in sorted(public, key=str.lower))
    made["api.md"] = _API.format(parts=parts)
    made["study.schema.json"] = json.dumps(study_schema(load_pipeline()), indent=2)
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Have links lead to pages of the site."""
    del config
    name = page.file.src_uri
    source = {site: place for place, site in FROM_REPOSITORY.items()}.get(name, f"docs/{name}")
    titles = {file.src_uri: _title(file.content_string) for file in files.documentation_pages()}
    return as_site_links(markdown, source, FROM_REPOSITORY, titles)


def _title(text: str) -> str:
    """The first heading of a page."""
    return text.partition("# ")[2].partition("\n")[0]


_ELSEWHERE = re.compile(r"https://(?:unpkg\.com|api\.github\.com)/[\w@./-]*")
"""Addresses in Material's script: stand-ins for old browsers, diagrams, a repository's stars."""


def on_post_build(config: MkDocsConfig) -> None:
    """Take the addresses of others out of the theme's script; no page of ours has it ask them."""
    for script in Path(config.site_dir, "assets", "javascripts").glob("bundle.*.js"):
        script.write_text(_ELSEWHERE.sub("", script.read_text("utf-8")), "utf-8")
    for source_map in Path(config.site_dir).rglob("*.map"):
        source_map.unlink()
