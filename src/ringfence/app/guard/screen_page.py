"""The screen of an incident as one self-contained HTML file: no script, no request, light or dark, printable.

Its content security policy forbids all but its own style. Every text is escaped: names come from attackers.
"""

from collections.abc import Iterator
from html import escape

from ringfence.app.guard.screen import Screen
from ringfence.app.guard.screen_parts import Part, Row, moment, parts, setup

_MOST = 200
_STYLE = """
:root { color-scheme: light dark; --ink: #16181d; --dim: #5b6270; --line: #d5d9e0; --back: #fff; --box: #f4f6f9;
  --bad: #b3261e; --waits: #8a5a00; --good: #146c2e; --over: #5b6270; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --dim: #a2a9b6; --line: #363b45; --back: #14161a;
  --box: #1d2026; --bad: #ff8a80; --waits: #ffc555; --good: #6fdc8c; --over: #a2a9b6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 62rem; background: var(--back); color: var(--ink);
  font: 16px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.15rem; font-weight: 600; margin: 0; }
h1 code { color: var(--dim); font-weight: 400; }
.head { display: flex; gap: 1rem; justify-content: space-between; align-items: baseline; flex-wrap: wrap; }
.says { margin: .7rem 0 1.1rem; padding: .7rem 1rem; border-left: .5rem solid; background: var(--box);
  font-size: 1.35rem; font-weight: 700; }
h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .07em; margin: .8rem 0 .2rem; color: var(--dim); }
h2 small { text-transform: none; letter-spacing: 0; font-weight: 400; font-size: .85rem; margin-left: .6rem; }
dl { display: grid; grid-template-columns: 6.5rem 1fr; margin: 0; border-top: 1px solid var(--line); }
dt, dd { margin: 0; padding: .15rem 0; }
dt { font-weight: 700; font-variant-numeric: tabular-nums; }
dd small { display: block; color: var(--dim); font-size: .85rem; }
.bad { color: var(--bad); } .waits { color: var(--waits); } .good { color: var(--good); } .over { color: var(--over); }
.press { border: 2px solid var(--ink); padding: .6rem 1rem 1rem; margin-top: 1.4rem; break-inside: avoid; }
.press h2 { margin-top: .2rem; color: var(--ink); }
.press dl { grid-template-columns: 12.5rem 1fr; border: 0; }
.press dt, .press dd { padding: .15rem 0; }
.press dt { font-weight: 400; }
pre { margin: 0; padding: .3rem .6rem; background: var(--box); white-space: pre-wrap; user-select: all;
  font: 14px/1.4 ui-monospace, monospace; }
.dim { color: var(--dim); }
@media (max-width: 34rem) { dl { grid-template-columns: 5rem 1fr; } .press dl { grid-template-columns: 1fr; } }
@media print { body { font-size: 11pt; max-width: none; padding: 0; } section { break-inside: avoid; } }
"""


def page(screen: Screen) -> bytes:
    """The whole file, UTF-8."""
    return "\n".join(_lines(screen)).encode()


def _lines(screen: Screen) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(screen.incident)}: {escape(screen.title)}</title><style>{_STYLE}</style></head><body>"
    yield f'<div class="head"><h1><code>{escape(screen.incident)}</code> {escape(screen.title)}</h1>'
    told = f"severity {screen.severity} of 100 · {screen.state} · as of {moment(screen.now, 0)}"
    yield f'<span class="dim">{escape(told)}</span></div>'
    yield f'<p class="says {screen.mood}">{escape(screen.says)}</p>'
    for one in parts(screen, _MOST):
        yield from _part(one)
    yield '<section class="press"><h2>What to press</h2><dl>'
    yield f'<dt class="dim">once in this shell</dt><dd><pre>{escape(setup(screen))}</pre></dd>'
    for press in screen.press:
        yield f"<dt>{escape(press.what)}</dt><dd><pre>{escape(press.command)}</pre></dd>"
    yield "</dl></section></body></html>\n"


def _part(part: Part) -> Iterator[str]:
    aside = f"<small>{escape(part.aside)}</small>" if part.aside else ""
    yield f"<section><h2>{escape(part.title)}{aside}</h2>"
    if part.rows:
        yield f"<dl>{''.join(map(_row, part.rows))}</dl>"
    yield "</section>"


def _row(row: Row) -> str:
    small = "".join(f"<small>{escape(one)}</small>" for one in row.more)
    mood = f' class="{row.mood}"' if row.mood else ""
    inner = f"<span{mood}>{escape(row.text)}</span>" if mood and not row.mark else escape(row.text)
    return f"<dt{mood}>{escape(row.mark)}</dt><dd>{inner}{small}</dd>"
