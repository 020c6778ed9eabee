"""Templates, styles and scripts put together into one self-contained file; needs jinja2, plotly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from discorank._optional import import_optional

__all__ = ["render", "require"]

_PURPOSE = "an HTML report"


def require() -> None:
    """Raise what `render` would raise for lack of a library.

    Raises
    ------
    MissingExtra
        If jinja2 or plotly is not installed.
    """
    _environment()
    _plotly()


def render(template: str, view: Mapping[str, Any]) -> str:
    """Return the page that a template makes of a view.

    Parameters
    ----------
    template : str
        Its name in ``page/assets``.
    view : mapping
        Values by the names that the template uses; every string is escaped.

    Raises
    ------
    MissingExtra
        If jinja2 or plotly is not installed.
    """
    assets = files("discorank.report.page") / "assets"
    scripts = {
        "style": (assets / "page.css").read_text(encoding="utf-8"),
        "script": (assets / "page.js").read_text(encoding="utf-8"),
        "plotly": _plotly() if any(view["figures"].values()) else "",
    }
    page: str = _environment().get_template(template).render(**view, **scripts)
    return page


@cache
def _environment() -> Any:
    jinja2 = import_optional("jinja2", extra="report", purpose=_PURPOSE)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("discorank.report.page", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_encodable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Any character of any file name, in ASCII: U+2028 ends a line of a script.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": True, "allow_nan": False}
    return environment


def _encodable(value: Any) -> Any:
    """Escape what no encoding takes: surrogates, of names that are no valid Unicode."""
    if type(value) is not str:  # what is marked as safe is of a class of its own
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _plotly() -> str:
    offline = import_optional("plotly.offline", extra="report", purpose=_PURPOSE)
    script: str = offline.get_plotlyjs()
    return script
