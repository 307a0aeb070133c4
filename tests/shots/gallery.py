"""An `index.html` that shows all pictures side by side, by state and page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from tests.shots.taken import Shot

_HEAD: Final = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures of the portal</title>
<style>body{font:16px system-ui;margin:2rem}figure{display:inline-block;margin:0 1rem 1rem 0;vertical-align:top}
img{max-width:24rem;border:1px solid #999}figcaption{color:#555}h2{border-top:2px solid}</style>
<h1>Pictures of the portal</h1>
"""


def write_gallery(folder: Path, shots: Sequence[Shot]) -> Path:
    """Write the page; return its file."""
    pages: dict[tuple[str, str], list[Shot]] = defaultdict(list)
    for shot in shots:
        pages[shot.state, shot.path].append(shot)
    lines = [_HEAD]
    for (state, path), found in pages.items():
        lines.append(f"<h2>{escape(state)}: {escape(path)}</h2>")
        for shot in found:
            picture = f'<a href="{escape(shot.file)}"><img src="{escape(shot.file)}" alt="" loading="lazy"></a>'
            lines.append(f"<figure>{picture}<figcaption>{escape(shot.look)}</figcaption></figure>")
    file = folder / "index.html"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
