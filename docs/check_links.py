"""Check the links of a built site that lead into it: pages, anchors, pictures. Others are not followed.

    python docs/check_links.py docs/_build/html

A crawler does the same in minutes, where this takes seconds.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.links: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep anchors and links."""
        for name, value in attrs:
            if name in ("id", "name") and value is not None:
                self.anchors.add(value)
            elif name in ("href", "src") and value is not None:
                self.links.add(value)


def broken(root: Path) -> list[str]:
    """Return a line for each link of the pages below a folder that leads nowhere."""
    pages = {path: Page(path) for path in sorted(root.resolve().rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target.exists() and (target not in pages or unquote(parts.fragment) in pages[target].anchors)
            if not there:
                found.append(f"{path.relative_to(root.resolve())}: {link}")
    return found


def main() -> None:
    """Read the command line."""
    problems = broken(Path(sys.argv[1]))
    print("\n".join(problems) or "no broken link")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
