r"""Draw equations when the site is built, so that no page loads a script that renders them.

`pymdownx.arithmatex` marks ``$...$`` and ``$$...$$``; matplotlib, which draws the figures too, sets
them as SVG in the colour of the text. Its TeX has no environments: one equation is one line.
"""

from __future__ import annotations

import io
import re
from functools import cache
from html import escape, unescape
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)
_POINTS_PER_EM = 10.0
_PAD = 1.0  # ink may reach over the box that the parser measures


def on_page_content(html: str, **_: Any) -> str:
    """Replace what arithmatex marked by pictures that a screen reader reads as TeX."""
    html = _DISPLAY.sub(lambda found: _block(unescape(found[1])), html)
    return _INLINE.sub(lambda found: svg(unescape(found[1]).strip()), html)


def _block(tex: str) -> str:
    r"""Return one picture per line of an equation, the lines divided by ``\\``."""
    lines = [svg(" ".join(line.split()), display=True) for line in tex.split(r"\\") if line.strip()]
    return f'<div class="equation" tabindex="0">{"".join(f"<p>{line}</p>" for line in lines)}</div>'


@cache
def svg(tex: str, *, display: bool = False) -> str:
    """Return an equation as an inline SVG element that stands on the line of the text."""
    with rc_context({"mathtext.fontset": "cm", "svg.fonttype": "path", "svg.hashsalt": tex}):
        properties = FontProperties(size=_POINTS_PER_EM)
        text = "$" + (tex.replace(r"\frac", r"\dfrac") if display else tex) + "$"
        box = MathTextParser("path").parse(text, dpi=72, prop=properties)
        width, height = box.width + 2 * _PAD, box.height + 2 * _PAD
        figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasSVG(figure)
        figure.text(
            _PAD / width,
            (box.depth + _PAD) / height,
            text,
            fontproperties=properties,
            va="baseline",
        )
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawing = re.search(r"<svg.*</svg>", file.getvalue(), re.DOTALL)
    if drawing is None:
        raise RuntimeError(f"matplotlib drew no SVG of {tex!r}")
    picture = _own_names(re.sub(r"<metadata>.*?</metadata>", "", drawing[0], flags=re.DOTALL))
    em = [round(value / _POINTS_PER_EM, 3) for value in (width, height, box.depth + _PAD)]
    style = f"width:{em[0]}em;height:{em[1]}em;vertical-align:-{em[2]}em"
    kind = "math display" if display else "math"
    opening = (
        f'<svg class="{kind}" role="img" aria-label="{escape(tex, quote=True)}" style="{style}" '
    )
    view = re.search(r'viewBox="[^"]*"', picture)
    body = picture[picture.index(">") + 1 :]
    return opening + (view[0] if view else "") + ">" + " ".join(body.split())


def _own_names(picture: str) -> str:
    """Give the glyphs of a picture names of its own, since a page holds many pictures."""
    names = sorted(set(re.findall(r' id="([^"]+)"', picture)), key=len, reverse=True)
    own = f"m{_number(picture)}"
    for place, name in enumerate(names):
        picture = picture.replace(f'id="{name}"', f'id="{own}-{place}"')
        picture = picture.replace(f'"#{name}"', f'"#{own}-{place}"')
    return picture


_numbers: dict[str, int] = {}


def _number(picture: str) -> int:
    return _numbers.setdefault(picture, len(_numbers))
