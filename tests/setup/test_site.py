"""The documentation as a site: every page there, every link alive, nobody asked for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer.main

import gridrun
from gridrun.cli import app

ROOT = Path(__file__).parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
LOADED |= {"video": "src", "audio": "src", "embed": "src", "use": "href"}
FOR_LOADING = {"stylesheet", "preload", "prefetch", "preconnect", "icon", "manifest"}

_COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)


class Page(HTMLParser):
    """Links, anchors, addresses of what a browser would load, and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.anchors |= {of[name] for name in ("id", "name") if of.get(name)}
        if tag == "a" and of.get("href"):
            self.links.append(of["href"])
        if tag in LOADED and of.get(LOADED[tag]):
            self.loaded.append(of[LOADED[tag]])
        if tag == "link" and FOR_LOADING & set((of.get("rel") or "").split()):
            self.loaded.append(of["href"])

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; a warning of MkDocs fails the build."""
    folder = tmp_path_factory.mktemp("site") / "built"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*command, "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


def test_the_site_has_every_page(pages):
    """Each page of docs/ is a page of the site, and so are README, SECURITY and the others."""
    wanted = {f"{path.stem}.html" for path in ROOT.glob("docs/*.md")}
    made = {"index", "changelog", "contributing", "security", "example-data", "commands", "api"}
    assert wanted | {f"{name}.html" for name in made} | {"404.html"} == set(pages)


def test_every_link_inside_has_its_target_and_its_anchor(site, pages):
    """No link of the site leads to a page or a heading that is not there."""
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or name == "404.html":
                continue
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            assert target.exists(), (name, link)
            if parts.fragment and target.suffix == ".html":
                linked = pages[target.resolve().relative_to(site.resolve()).as_posix()]
                assert unquote(parts.fragment) in linked.anchors, (name, link)


def test_all_that_a_page_loads_is_there(site, pages):
    """Images, scripts and styles of a page are files of the site."""
    found = set()
    for name, page in pages.items():
        for address in page.loaded if name != "404.html" else ():
            assert ((site / name).parent / unquote(urlsplit(address).path)).is_file(), address
            found.add(address)
    assert "assets/report.png" in found


def test_links_to_others_are_whole_addresses(pages):
    """A link that leaves the site has https, a host and no blank; nobody is asked whether it is."""
    outside = {link for page in pages.values() for link in page.links if urlsplit(link).scheme}
    assert outside
    for link in outside:
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link
        assert not re.search(r"[\s<>\"]", link), link


def test_no_page_asks_anybody_for_anything(site, pages):
    """Scripts, styles, fonts and images are the site's own; its scripts know no other address."""
    for name, page in pages.items():
        assert [address for address in page.loaded if "//" in address] == [], name
    for path in site.rglob("*"):
        if path.suffix not in {".html", ".css", ".js"}:
            continue
        text = path.read_text("utf-8")
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)]*", text), path
        if path.suffix == ".js":
            if "lunr" in path.parts:
                continue  # the search in languages other than English, which is not loaded
            code = _COMMENT.sub("", text)
            assert re.findall(r"https?://[\w.@/-]+", code) == [], path


def test_every_page_shows_the_version(pages):
    """The name of the site, in its head and in each page's title, has gridrun's version."""
    for name, page in pages.items():
        assert page.text.count(f"gridrun {gridrun.__version__}") > 1, name


def test_the_page_of_commands_has_every_command_and_option(pages):
    """It is made from the commands: none is left out, and no option of one."""
    text = pages["commands.html"].text
    root = typer.main.get_command(app)
    context = typer.Context(root)
    for name in root.list_commands(context):
        assert f"gridrun {name}" in text
        for inner in getattr(root.get_command(context, name), "commands", {}):
            assert f"gridrun {name} {inner}" in text
    for option in ("--only", "--cadd-snv", "--no-blocks", "--mix-environments", "--pipeline"):
        assert option in text


def test_the_page_of_python_has_what_the_package_offers(pages):
    """Every public name of gridrun is explained, with its arguments."""
    for name in gridrun.__all__:
        assert name.startswith("_") or name in pages["api.html"].text
    assert "retry_failed" in pages["api.html"].text
