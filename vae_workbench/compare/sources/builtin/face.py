"""A face as anime draws it, small in the picture: what VAEs differ in most is its eyes, its lashes and single hairs."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .canvas import Canvas, Mask, Point, curve, ellipse, mirrored, rgb, vertical

AXIS = 256.0
SKIN, SHADE, BLUSH, LINE = rgb("#fde3d2"), rgb("#eab9a5"), rgb("#f08f86"), rgb("#5b3038")
HAIR = (rgb("#8a5a86"), rgb("#6c4479"), rgb("#4a2f63"))
HAIR_SHADE, HAIR_LIGHT, HAIR_LINE = rgb("#3a2350"), rgb("#d9a8d0"), rgb("#2c1a3d")
IRIS = (rgb("#14385e"), rgb("#2a7fb8"), rgb("#8fe3e6"))


def face() -> Image.Image:
    """512×512: a girl with violet hair and blue eyes of 34 pixels, before a window at evening."""
    canvas = Canvas(vertical([rgb("#f6c9a8"), rgb("#f3dfc9"), rgb("#a9cfd6")], (512, 512)))
    _background(canvas)
    _hair_behind(canvas)
    _shoulders(canvas)
    skin = _head(canvas)
    for side in (False, True):
        _eye(canvas, side, skin)
    _nose_and_mouth(canvas)
    _fringe(canvas)
    _ribbon(canvas)
    return canvas.finished()


def _background(canvas: Canvas) -> None:
    rng = np.random.default_rng(3)
    for _ in range(34):
        x, y, size = rng.uniform(0, 512), rng.uniform(0, 512), rng.uniform(6, 34)
        warm = rgb("#fff3d6") if rng.random() < 0.6 else rgb("#d5f1f2")
        canvas.fill(ellipse(x, y, size, size), warm, opacity=rng.uniform(0.1, 0.4), blur=rng.uniform(0.5, 3))
    for x in (70.0, 442.0):
        canvas.stroke([(x, float(y)) for y in range(-20, 540, 8)], 7, rgb("#e9d3c0"), taper=(1, 1), opacity=0.8)


def _hair_behind(canvas: Canvas) -> None:
    outline: list[Point] = [(256, 66), (176, 84), (130, 150), (120, 240), (112, 340), (84, 446), (96, 524), (416, 524)]
    outline += [(430, 446), (400, 340), (392, 240), (382, 150), (336, 84)]
    hair = canvas.fill(curve(outline, closed=True), HAIR)
    rng = np.random.default_rng(5)
    for _ in range(90):
        x = rng.uniform(95, 417)
        bend = (x - AXIS) * 0.12 + rng.normal(0, 5)
        line = curve([(x * 0.7 + AXIS * 0.3, 120), (x, 300), (x + bend, 420), (x + bend * 2.4, 530)])
        light = rng.random() < 0.3
        canvas.stroke(
            line,
            rng.uniform(0.6, 2.2),
            HAIR_LIGHT if light else HAIR_SHADE,
            opacity=0.25 if light else 0.5,
            within=hair,
        )
    canvas.stroke(curve([(130, 150), (120, 240), (112, 340), (84, 446), (96, 524)]), 2, HAIR_LINE, taper=(0.3, 0.6))
    canvas.stroke(curve([(382, 150), (392, 240), (400, 340), (430, 446), (416, 524)]), 2, HAIR_LINE, taper=(0.3, 0.6))


def _shoulders(canvas: Canvas) -> None:
    neck = [(228.0, 330.0), (226, 392), (196, 420), (316, 420), (286, 392), (284, 330)]
    skin = canvas.fill(neck, SKIN)
    canvas.fill(curve([(222, 340), (256, 392), (290, 340), (290, 330), (222, 330)], closed=True), SHADE, within=skin)
    body = [
        (256.0, 428.0),
        (206, 404),
        (150, 428),
        (110, 470),
        (96, 530),
        (416, 530),
        (402, 470),
        (362, 428),
        (306, 404),
    ]
    canvas.fill(curve(body, closed=True), (rgb("#f7f5f2"), rgb("#dfe0ea")))
    collar = [(206.0, 402.0), (150, 430), (196, 486), (256, 520), (256, 452)]
    for points in (collar, mirrored(collar, AXIS)):
        cloth = canvas.fill(points, (rgb("#3d5a8c"), rgb("#27406b")))
        for inset in (0.84, 0.9):
            line = [
                (cx + (x - cx) * inset, cy + (y - cy) * inset)
                for x, y in points
                for cx, cy in [(228 if points is collar else 284, 446)]
            ]
            canvas.stroke(line[1:4], 1.6, rgb("#f4f2ee"), taper=(1, 1), within=cloth)
        canvas.stroke([*points, points[0]], 1.8, LINE, taper=(1, 1))
    canvas.fill(curve([(206, 402), (256, 452), (306, 402), (290, 392), (256, 400), (222, 392)], closed=True), SKIN)
    canvas.stroke(curve([(206, 402), (256, 452), (306, 402)]), 1.8, LINE, taper=(0.6, 0.6))


def _head(canvas: Canvas) -> Mask:
    side: list[Point] = [(170, 190), (172, 250), (186, 304), (214, 344), (240, 364)]
    outline = curve([(256, 110), (200, 126), *side, (256, 368), *mirrored(side, AXIS)[::-1], (312, 126)], closed=True)
    for ear in ([(168.0, 236.0), (154, 232), (154, 262), (168, 284), (178, 276)],):
        for points in (ear, mirrored(ear, AXIS)):
            canvas.fill(curve(points, closed=True), (SKIN, SHADE))
            canvas.stroke(curve(points[:4]), 1.4, LINE)
    skin = canvas.fill(outline, (rgb("#fbd9c6"), SKIN, SKIN))
    canvas.fill(
        curve([(166, 150), (346, 150), (350, 226), (300, 210), (256, 228), (212, 208), (162, 230)], closed=True),
        SHADE,
        opacity=0.75,
        blur=2,
        within=skin,
    )
    canvas.fill(
        curve([(340, 200), (326, 304), (270, 366), (330, 366), (352, 240)], closed=True),
        SHADE,
        opacity=0.35,
        blur=7,
        within=skin,
    )
    for x in (200.0, 312.0):
        canvas.fill(ellipse(x, 300, 21, 10), BLUSH, opacity=0.42, blur=6, within=skin)
        for step in range(4):
            start = x - 9 + 6 * step
            canvas.stroke([(start + 2.5, 295), (start + 1, 299), (start - 0.5, 303)], 0.9, rgb("#d9655f"), opacity=0.7)
    canvas.stroke(
        curve(
            [(172, 250), (186, 304), (214, 344), (240, 364), (256, 368), (272, 364), (298, 344), (326, 304), (340, 250)]
        ),
        2,
        LINE,
        taper=(0.2, 0.2),
    )
    return skin


def _eye(canvas: Canvas, right: bool, skin: Mask) -> None:
    def at(points: list[Point]) -> list[Point]:
        return mirrored(points, AXIS) if right else points

    white = at(
        curve(
            [(186, 262), (194, 248), (212, 243), (228, 250), (232, 264), (226, 279), (210, 284), (195, 279)],
            closed=True,
        )
    )
    eye = canvas.fill(white, (rgb("#d8cfd6"), rgb("#fffdfa"), rgb("#fffdfa")), within=skin)
    centre = 2 * AXIS - 210.5 if right else 210.5
    canvas.fill(ellipse(centre, 263, 14.5, 19), IRIS, within=eye)
    canvas.fill(ellipse(centre, 262, 6, 9), rgb("#0c2036"), within=eye)
    for angle in np.linspace(0, 2 * np.pi, 26, endpoint=False):
        inner, outer = (7.5, 13.0) if round(angle * 100) % 2 else (8.5, 12.0)
        ray = [(centre + r * np.cos(angle), 263 + 1.3 * r * np.sin(angle)) for r in (inner, (inner + outer) / 2, outer)]
        canvas.stroke([(float(x), float(y)) for x, y in ray], 0.7, rgb("#bff4f2"), opacity=0.55, within=eye)
    canvas.fill(ellipse(centre, 275, 9, 4.5), rgb("#c9fbf2"), opacity=0.6, blur=1, within=eye)
    canvas.stroke(ellipse(centre, 263, 14.5, 19), 1.3, rgb("#0c2036"), taper=(1, 1), within=eye)
    for x, y, width, height in ((-5.0, 254.0, 4.6, 5.2), (6, 271, 2.2, 2.6), (-8.5, 266, 1.1, 1.3)):
        canvas.fill(ellipse(centre + x, y, width, height), rgb("#ffffff"))
    canvas.fill(
        at(curve([(184, 258), (196, 246), (214, 241), (230, 248), (234, 258), (214, 250), (196, 254)], closed=True)),
        rgb("#6a4a63"),
        opacity=0.45,
        blur=1,
        within=eye,
    )
    lid = at(curve([(180, 268), (186, 255), (196, 246), (213, 240.5), (229, 247), (234, 259)]))
    canvas.stroke(lid, 5.4, HAIR_LINE, taper=(0.5, 0.25))
    for x, y, dx, dy in ((186.0, 255.0, -9.0, -4.0), (190, 251, -8, -8), (196, 246.5, -5, -9), (204, 243, -2.5, -8)):
        canvas.stroke(
            at(curve([(x, y), (x + dx * 0.6, y + dy * 0.45), (x + dx, y + dy)])), 1.7, HAIR_LINE, taper=(1, 0)
        )
    canvas.stroke(at(curve([(190, 277), (200, 284.5), (213, 286), (224, 282)])), 1.3, LINE, taper=(0.4, 0))
    for x, y, dx, dy in ((194.0, 280.0, -3.0, 4.0), (199, 283.5, -2, 4)):
        canvas.stroke(at([(x, y), (x + dx / 2, y + dy / 2), (x + dx, y + dy)]), 0.8, LINE)
    canvas.stroke(at(curve([(188, 243), (200, 234), (214, 231.5), (226, 235)])), 1.1, LINE, opacity=0.7)
    canvas.stroke(at(curve([(182, 226), (198, 216), (214, 214), (230, 219)])), 3, rgb("#5c3a68"), taper=(0.2, 0.5))


def _nose_and_mouth(canvas: Canvas) -> None:
    canvas.stroke(curve([(258, 292), (261, 301), (256, 305)]), 1.5, rgb("#b8705f"), taper=(0, 0.4))
    canvas.fill(ellipse(253.5, 297, 1.5, 2.5), rgb("#fff8f2"), blur=0.5)
    mouth = canvas.fill(
        curve(
            [(240, 327), (249, 328), (256, 326.5), (263, 328), (272, 327), (265, 338), (256, 341), (247, 338)],
            closed=True,
        ),
        (rgb("#8c2f38"), rgb("#c8545a")),
    )
    canvas.fill(ellipse(256, 339, 8, 4), rgb("#ef8f90"), within=mouth)
    canvas.fill([(245, 326), (267, 326), (264, 330), (248, 330)], rgb("#fffaf5"), within=mouth)
    canvas.stroke(curve([(237, 325.5), (248, 328), (256, 326.5), (264, 328), (275, 325.5)]), 1.7, LINE)
    canvas.stroke(curve([(250, 347), (256, 348.5), (262, 347)]), 1, SHADE)


FRINGE: tuple[tuple[Point, ...], ...] = (
    ((150, 300), (140, 236), (146, 160), (190, 100), (214, 112), (186, 166), (168, 226)),
    ((182, 238), (166, 200), (178, 140), (214, 92), (240, 108), (206, 160), (194, 206)),
    ((222, 246), (204, 206), (212, 140), (240, 88), (266, 96), (240, 150), (230, 206)),
    ((262, 232), (242, 196), (246, 130), (262, 84), (290, 96), (284, 140), (268, 196)),
    ((304, 244), (276, 200), (272, 130), (278, 84), (316, 98), (314, 150), (308, 206)),
    ((338, 236), (312, 196), (304, 140), (300, 90), (346, 118), (352, 170), (344, 210)),
    ((362, 300), (344, 226), (328, 160), (306, 94), (352, 108), (374, 160), (372, 236)),
)
"""Strands of hair before the forehead, each from its tip up and back."""


def _fringe(canvas: Canvas) -> None:
    crown = curve(
        [
            (140, 210),
            (136, 150),
            (170, 92),
            (220, 62),
            (256, 56),
            (292, 62),
            (342, 92),
            (376, 150),
            (372, 210),
            (340, 130),
            (256, 112),
            (172, 130),
        ],
        closed=True,
    )
    top = canvas.fill(crown, HAIR)
    rng = np.random.default_rng(7)
    for number, strand in enumerate((FRINGE[0], FRINGE[6], FRINGE[1], FRINGE[5], FRINGE[2], FRINGE[4], FRINGE[3])):
        outline = curve(strand, closed=True)
        hair = canvas.fill(outline, (HAIR[0], HAIR[1], HAIR[2] if number < 2 else HAIR[1]))
        tip, root = np.asarray(strand[0]), (np.asarray(strand[3]) + np.asarray(strand[4])) / 2
        for _ in range(13):
            start = root + rng.normal(0, 9, 2)
            middle = (
                (root + tip) / 2
                + rng.normal(0, 8, 2)
                + (np.asarray(strand[1]) - np.asarray(strand[6])) * rng.uniform(-0.3, 0.3)
            )
            line = curve([tuple(start), tuple(middle), tuple(tip + rng.normal(0, 1.5, 2))])
            canvas.stroke(line, rng.uniform(0.5, 1.6), HAIR_SHADE, opacity=rng.uniform(0.25, 0.6), within=hair)
        canvas.stroke(curve(strand[:3]), 1.7, HAIR_LINE, taper=(0.4, 0))
        canvas.stroke(curve((*strand[5:], strand[0])), 1.7, HAIR_LINE, taper=(0, 0.4))
    for x in np.linspace(168, 344, 64):
        y = 112 + 0.0021 * (x - AXIS) ** 2 + rng.normal(0, 2)
        length = rng.uniform(7, 21)
        lean = (x - AXIS) * 0.05
        canvas.stroke(
            [(x, y - length / 2), (x + lean / 2, y), (x + lean, y + length / 2)],
            rng.uniform(0.8, 2.4),
            HAIR_LIGHT,
            opacity=rng.uniform(0.3, 0.85),
        )
    for _ in range(46):
        x = rng.uniform(160, 352)
        line = curve([(256 + (x - 256) * 0.25, 58), (256 + (x - 256) * 0.8, 80), (x, 112)])
        canvas.stroke(line, rng.uniform(0.5, 1.4), HAIR_SHADE, opacity=0.5, within=top)
    canvas.stroke(
        curve([(140, 210), (136, 150), (170, 92), (220, 62), (256, 56), (292, 62), (342, 92), (376, 150), (372, 210)]),
        2,
        HAIR_LINE,
        taper=(0.3, 0.3),
    )
    for start, lean in ((176.0, -9.0), (214, -5), (268, 4), (300, 7), (338, 12)):  # single hairs that stand out
        y = 58 + 0.0042 * (start - AXIS) ** 2
        canvas.stroke(
            curve([(start - lean, y + 9), (start, y - 1), (start + lean, y - 4)]), 0.9, HAIR_LINE, taper=(0.6, 0)
        )


def _ribbon(canvas: Canvas) -> None:
    red = (rgb("#e8505b"), rgb("#b02a3c"))
    for points in (
        [(372.0, 118.0), (410, 88), (424, 118), (412, 142)],
        [(372.0, 120.0), (360, 78), (332, 74), (338, 104)],
    ):
        bow = canvas.fill(curve(points, closed=True), red)
        canvas.stroke(curve([points[0], points[1]]), 1.2, rgb("#7c1a2a"), within=bow)
        canvas.stroke(curve([*points, points[0]]), 1.6, LINE)
    canvas.fill(ellipse(372, 119, 8, 9), rgb("#d23c4a"))
    canvas.stroke(ellipse(372, 119, 8, 9), 1.6, LINE, taper=(1, 1))
    canvas.fill(ellipse(369, 115, 2, 2.5), rgb("#ffd9d6"))
