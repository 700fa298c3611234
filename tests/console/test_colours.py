"""The colours of the style sheet: readable on every ground, apart from each other for every kind of sight."""

import itertools
import math
import re

import pytest

from stateward.console.assets import Assets
from stateward.statuses import STATUSES

STYLE = Assets().text("style.css")
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)", STYLE)
}
FILLED = [name for name in STATUSES if name != "None"]
THEMES = [pytest.param(0, 12.3, id="light"), pytest.param(1, 17.5, id="dark")]
TEXT, EDGE = 4.5, 3.0
SIGHTS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear light."""


def linear(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour):
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(colour, sight):
    seen = [
        min(1, max(0, sum(weight * part for weight, part in zip(row, linear(colour), strict=True))))
        for row in SIGHTS[sight]
    ]
    x, y, z = (
        sum(weight * part for weight, part in zip(row, seen, strict=True)) / white
        for row, white in (
            ((0.4124564, 0.3575761, 0.1804375), 0.95047),
            ((0.2126729, 0.7151522, 0.0721750), 1.0),
            ((0.0193339, 0.1191920, 0.9503041), 1.08883),
        )
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def delta_e_2000(one, other):
    """CIEDE2000 (Sharma, Wu, Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    c1, c2 = math.hypot(a1 * (1 + g), b1), math.hypot(a2 * (1 + g), b2)
    h1, h2 = (math.degrees(math.atan2(b, a * (1 + g))) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    mean_h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * math.cos(math.radians(mean_h - 30))
        + 0.24 * math.cos(math.radians(2 * mean_h))
        + 0.32 * math.cos(math.radians(3 * mean_h + 6))
        - 0.20 * math.cos(math.radians(4 * mean_h - 63))
    )
    sl = 1 + 0.015 * (lightness - 50) ** 2 / math.sqrt(20 + (lightness - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    bend = 30 * math.exp(-(((mean_h - 275) / 25) ** 2))
    rt = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * math.sin(math.radians(2 * bend))
    dl, dc = (l2 - l1) / sl, (c2 - c1) / sc
    return math.sqrt(dl**2 + dc**2 + (dh / sh) ** 2 + rt * dc * dh / sh)


def test_the_distance_is_the_published_one():
    assert delta_e_2000((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert delta_e_2000((50.0, 2.5, 0.0), (73.0, 25.0, -18.0)) == pytest.approx(27.1492, abs=1e-4)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "surface"])
@pytest.mark.parametrize("name", [*STATUSES, "text", "quiet", "link"])
def test_every_text_is_readable_on_every_ground(name, ground, theme):
    assert contrast(COLOURS[name][theme], COLOURS[ground][theme]) >= TEXT


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_edges_of_fields_and_buttons_can_be_seen(theme):
    assert contrast(COLOURS["edge"][theme], COLOURS["page"][theme]) >= EDGE
    assert contrast(COLOURS["on-link"][theme], COLOURS["link"][theme]) >= TEXT


@pytest.mark.parametrize(("theme", "least"), THEMES)
def test_statuses_are_apart_for_every_kind_of_sight(theme, least):
    nearest = min(
        (delta_e_2000(lab(COLOURS[one][theme], sight), lab(COLOURS[other][theme], sight)), one, other, sight)
        for one, other in itertools.combinations(FILLED, 2)
        for sight in SIGHTS
    )
    assert nearest[0] >= least - 0.5, nearest


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_failed_stands_out_of_the_filled_cells(theme):
    filled = [name for name in FILLED if name not in ("Pending", "Skipped")]
    if theme == 0:
        assert min(filled, key=lambda name: luminance(COLOURS[name][0])) in ("Failed", "TimedOut")
    chroma = {name: math.hypot(*lab(COLOURS[name][1], "normal")[1:]) for name in filled}
    assert max(chroma, key=chroma.__getitem__) == "Failed"
