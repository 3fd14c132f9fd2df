"""The generated parts of README.md and of the pages in docs/.

    python benchmarks/pages.py            # writes them anew
    python benchmarks/pages.py --check    # tells which pages are not what the rows say, and exits with 1

What stands between ``<!-- generated: MODULE ARGUMENTS -->`` and ``<!-- /generated -->`` is what
``MODULE.tables(*ARGUMENTS)`` of this folder prints: tables of the rows in *.jsonl, nothing written by hand.
"""

import argparse
import contextlib
import importlib
import io
import re
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts))
BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)


def rendered(text: str) -> str:
    """Return a page with its generated parts made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{content(found[2])}{found[4]}", text)


def content(command: str) -> str:
    """Return what a generated part holds, with an empty line around it, as Markdown wants it."""
    module, *arguments = shlex.split(command)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        importlib.import_module(module).tables(*arguments)
    return f"\n{out.getvalue().strip()}\n\n"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where a page is not current")
    options = parser.parse_args()
    made = {page: rendered(page.read_text()) for page in PAGES}
    changed = [page for page, text in made.items() if text != page.read_text()]
    for page in changed:
        print(f"{page.relative_to(ROOT)} {'is not what the rows say' if options.check else 'is written anew'}")
        if not options.check:
            page.write_text(made[page])
    sys.exit(bool(changed) and options.check)


if __name__ == "__main__":
    main()
