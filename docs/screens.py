"""Draws the golden screens of ui/testdata as SVG: screens.py GOLDENS OUTPUT. make screens calls it."""

import pathlib
import re
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

# The dark theme's own background, so that the picture looks as the screen does.
DARK = TerminalTheme((13, 17, 23), (208, 215, 222), [
    (13, 17, 23), (255, 123, 114), (86, 211, 100), (227, 179, 65),
    (88, 166, 255), (210, 168, 255), (86, 212, 221), (208, 215, 222),
])


def draw(golden: pathlib.Path, out: pathlib.Path) -> None:
    lines = golden.read_text().rstrip("\n").split("\n")
    texts = [Text.from_ansi(line) for line in lines]
    width = max(text.cell_len for text in texts)
    console = Console(record=True, width=width, file=open("/dev/null", "w"), force_terminal=True, color_system="truecolor")
    for text in texts:
        text.no_wrap = True
        console.print(text, crop=False)
    name = golden.stem.removeprefix("picture_")
    svg = console.export_svg(title=f"moetop, {name}", theme=DARK, unique_id=f"moetop-{name}")
    # A picture in a manual loads nothing; the reader's own monospaced font draws it.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    out.write_text("\n".join(line.rstrip() for line in svg.split("\n")) + "\n")
    print(out)


goldens, output = map(pathlib.Path, sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
for path in sorted(goldens.glob("picture_*.golden")):
    draw(path, output / (path.stem.removeprefix("picture_") + ".svg"))
