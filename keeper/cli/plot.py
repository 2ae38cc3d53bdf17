"""Profit against size as a page of its own: one drawing, no script, nothing fetched."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keeper.planning.reasoning import Profile
    from keeper.telemetry.table import Labels

WIDTH, HEIGHT, MARGIN = 900, 480, 70
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")


def page(title: str, drawings: "Sequence[tuple[str, Sequence[Profile]]]", labels: "Labels") -> str:
    """Draw every offer with the curves of its best ways; amounts are labelled in whole tokens."""
    body = "".join(f"<h2>{escape(name)}</h2>\n{_drawing(profiles, labels)}" for name, profiles in drawings)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        "<style>body{font:15px sans-serif;margin:2em;max-width:60em}svg{border:1px solid #ccc;background:#fff}"
        "li span{display:inline-block;width:1em;height:1em;margin-right:.5em}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )


def _drawing(profiles: "Sequence[Profile]", labels: "Labels") -> str:
    from keeper.telemetry.table import symbol_of, token_text
    from keeper.types import to_checksum

    points = [point for profile in profiles for point in profile.points]
    if not points:
        return "<p>Nothing of it can be carried.</p>\n"

    token = to_checksum(profiles[0].offer.pay_token)
    most, best = max(x for x, _ in points), max(y for _, y in points)
    # A loss as large as the best profit is drawn; what is below is cut off.
    least = max(min(y for _, y in points), -abs(best) or -1)
    span = max(best - least, 1)

    def place(x: int, y: int) -> str:
        across = MARGIN + (WIDTH - 2 * MARGIN) * x // max(most, 1)
        down = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (max(y, least) - least) // span
        return f"{across},{down}"

    zero = place(0, max(0, least)).split(",")[1]
    lines = [
        f'<line x1="{MARGIN}" y1="{zero}" x2="{WIDTH - MARGIN}" y2="{zero}" stroke="#999"/>',
        _label(MARGIN, HEIGHT - MARGIN + 20, "0"),
        _label(WIDTH - MARGIN, HEIGHT - MARGIN + 20, token_text(most, token, labels), "end"),
        _label(WIDTH // 2, HEIGHT - 15, "repaid", "middle"),
        _label(MARGIN, MARGIN - 12, f"net profit, at most {token_text(best, token, labels)}"),
    ]
    rows: list[str] = []
    for colour, profile in zip(COLOURS, profiles, strict=False):
        path = " ".join(place(x, y) for x, y in profile.points)
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        across, down = place(profile.tried.repaid, profile.tried.net).split(",")
        lines.append(f'<circle cx="{across}" cy="{down}" r="5" fill="{colour}"/>')
        route = " → ".join(symbol_of(to_checksum(one), labels) for one in profile.tried.tokens)
        words = f"{route}, paid by {profile.tried.funding}: {token_text(profile.tried.net, token, labels)}"
        rows.append(f'<li><span style="background:{colour}"></span>{escape(words)}</li>')

    drawn = "\n".join(lines)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}">\n{drawn}\n</svg>\n<ul>{"".join(rows)}</ul>\n'


def _label(x: int, y: int, text: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="14">{escape(text)}</text>'
