"""Cartoon sprites: one drawing function a kind, each on a unit square, cropped to what it covered.

A sprite's box in a scene is exactly the extent of its visible pixels, so the truth for grounding needs no
estimate. `variant` changes shades and details, and mirrors half of the sprites.
"""

import functools
import random

from PIL import Image, ImageOps

from pen import GLASS, METAL, OUTLINE, SKIN, WOOD, Pen, darker, shade
from words import COLOURS, UNSEEN_COLOURS


def draw_car(pen, body, detail):
    pen.poly([(0.2, 0.5), (0.33, 0.27), (0.66, 0.27), (0.83, 0.5)], body)
    pen.poly([(0.29, 0.48), (0.37, 0.33), (0.48, 0.33), (0.48, 0.48)], GLASS, 2)
    pen.poly([(0.53, 0.48), (0.53, 0.33), (0.63, 0.33), (0.73, 0.48)], GLASS, 2)
    pen.box(0.03, 0.47, 0.97, 0.72, body, 0.08)
    for x in (0.25, 0.75):
        pen.oval(x - 0.11, 0.6, x + 0.11, 0.82, (25, 25, 25))
        pen.oval(x - 0.05, 0.66, x + 0.05, 0.76, (170, 170, 175), 2)
    pen.oval(0.9, 0.52, 0.96, 0.58, (255, 240, 150), 2)


def draw_bus(pen, body, detail):
    pen.box(0.02, 0.2, 0.98, 0.76, body, 0.05)
    for i in range(4):
        pen.box(0.08 + i * 0.2, 0.28, 0.24 + i * 0.2, 0.46, GLASS, 0.01, 2)
    pen.box(0.87, 0.3, 0.96, 0.7, GLASS, 0.01, 2)
    for x in (0.24, 0.72):
        pen.oval(x - 0.1, 0.65, x + 0.1, 0.85, (25, 25, 25))
        pen.oval(x - 0.04, 0.71, x + 0.04, 0.79, (170, 170, 175), 2)


def draw_boat(pen, body, detail):
    pen.line([(0.5, 0.06), (0.5, 0.7)], WOOD, 7)
    pen.poly([(0.54, 0.1), (0.54, 0.6), (0.88, 0.6)], (250, 250, 245))
    pen.poly([(0.46, 0.2), (0.46, 0.6), (0.2, 0.6)], (235, 235, 230))
    pen.poly([(0.04, 0.66), (0.96, 0.66), (0.8, 0.92), (0.2, 0.92)], body)


def draw_ball(pen, body, detail):
    pen.oval(0.04, 0.04, 0.96, 0.96, body)
    stripe = (250, 250, 250) if sum(body) < 660 else (190, 200, 215)
    pen.oval(0.36, 0.05, 0.64, 0.95, stripe, 3)


def draw_cup(pen, body, detail):
    pen.oval(0.62, 0.32, 0.95, 0.68, darker(body))
    pen.oval(0.7, 0.4, 0.87, 0.6, (225, 225, 225), 3)
    pen.poly([(0.1, 0.18), (0.76, 0.18), (0.68, 0.9), (0.18, 0.9)], body)
    pen.oval(0.1, 0.1, 0.76, 0.27, darker(body, 0.85))


def draw_house(pen, body, detail):
    pen.box(0.14, 0.44, 0.86, 0.94, body)
    pen.poly([(0.04, 0.46), (0.5, 0.06), (0.96, 0.46)], detail)
    pen.box(0.42, 0.62, 0.6, 0.94, WOOD, 0.01)
    pen.box(0.21, 0.54, 0.35, 0.7, GLASS, 0.01, 3)
    pen.box(0.66, 0.54, 0.8, 0.7, GLASS, 0.01, 3)


def draw_flower(pen, body, detail):
    pen.line([(0.5, 0.5), (0.5, 0.97)], (50, 130, 50), 8)
    pen.oval(0.52, 0.68, 0.76, 0.82, (60, 150, 60), 3)
    for dx, dy in ((0, -0.2), (0.19, -0.07), (0.12, 0.15), (-0.12, 0.15), (-0.19, -0.07)):
        pen.oval(0.5 + dx - 0.15, 0.32 + dy - 0.15, 0.5 + dx + 0.15, 0.32 + dy + 0.15, body)
    middle = (125, 75, 35) if sum(body) > 480 else (250, 220, 80)
    pen.oval(0.4, 0.22, 0.6, 0.42, middle, 3)


def draw_bird(pen, body, detail):
    pen.poly([(0.24, 0.55), (0.02, 0.42), (0.06, 0.68)], darker(body))
    pen.oval(0.14, 0.36, 0.76, 0.82, body)
    pen.oval(0.56, 0.16, 0.9, 0.5, body)
    pen.poly([(0.87, 0.28), (0.99, 0.35), (0.87, 0.41)], (245, 165, 40), 3)
    pen.oval(0.72, 0.25, 0.79, 0.32, (255, 255, 255) if sum(body) < 250 else (20, 20, 20), 2)
    pen.oval(0.26, 0.46, 0.58, 0.7, darker(body))
    for x in (0.4, 0.52):
        pen.line([(x, 0.8), (x, 0.95)], (215, 140, 40), 6)


def draw_fish(pen, body, detail):
    pen.poly([(0.28, 0.5), (0.03, 0.28), (0.03, 0.72)], darker(body))
    pen.poly([(0.45, 0.32), (0.6, 0.14), (0.7, 0.34)], darker(body))
    pen.oval(0.18, 0.26, 0.97, 0.76, body)
    pen.oval(0.76, 0.4, 0.85, 0.49, (255, 255, 255), 3)
    pen.arc(0.5, 0.34, 0.7, 0.68, 270, 90, darker(body, 0.6), 5)


def draw_umbrella(pen, body, detail):
    pen.line([(0.5, 0.1), (0.5, 0.86)], METAL, 7)
    pen.arc(0.34, 0.76, 0.5, 0.96, 0, 180, METAL, 7)
    pen.half(0.03, 0.08, 0.97, 1.0, body)
    for x in (0.27, 0.5, 0.73):
        pen.line([(0.5, 0.09), (x, 0.54)], darker(body, 0.6), 3)


def draw_chair(pen, body, detail):
    pen.box(0.2, 0.04, 0.32, 0.95, body, 0.02)
    pen.box(0.2, 0.1, 0.3, 0.5, darker(body), 0.02)
    pen.box(0.72, 0.55, 0.82, 0.95, body, 0.02)
    pen.box(0.18, 0.48, 0.86, 0.62, body, 0.03)


def draw_hat(pen, body, detail):
    pen.half(0.2, 0.1, 0.8, 1.16, body)
    pen.poly([(0.2, 0.52), (0.8, 0.52), (0.8, 0.64), (0.2, 0.64)], detail, 2)
    pen.oval(0.02, 0.58, 0.98, 0.8, body)


def draw_pet_face(pen, body, cx, cy, r, species, asleep):
    """The head, whose ears tell a cat from a dog."""
    if species == "cat":
        for side in (-1, 1):
            pen.poly(
                [
                    (cx + side * r * 0.95, cy - r * 1.35),
                    (cx + side * r * 0.15, cy - r * 0.75),
                    (cx + side * r * 0.98, cy - r * 0.1),
                ],
                body,
            )
    pen.oval(cx - r, cy - r, cx + r, cy + r, body)
    dark = sum(body) < 250
    ink = (245, 245, 245) if dark else (20, 20, 20)
    for side in (-1, 1):
        ex, ey = cx + side * r * 0.4, cy - r * 0.1
        if asleep:
            pen.arc(ex - 0.05, ey - 0.05, ex + 0.05, ey + 0.04, 0, 180, ink, 4)
        else:
            pen.oval(
                ex - 0.035, ey - 0.045, ex + 0.035, ey + 0.045, (120, 200, 90) if species == "cat" else (90, 60, 30), 3
            )
    pen.oval(
        cx - 0.035,
        cy + r * 0.25,
        cx + 0.035,
        cy + r * 0.25 + 0.05,
        (235, 130, 140) if species == "cat" else (25, 25, 25),
        2,
    )
    if species == "cat":
        for side in (-1, 1):
            for dy in (0.3, 0.5):
                pen.line([(cx + side * r * 0.3, cy + r * dy), (cx + side * r * 1.1, cy + r * (dy * 1.3 - 0.1))], ink, 2)
    else:
        for side in (-1, 1):
            pen.oval(
                cx + side * r * 0.95 - 0.075,
                cy - r * 0.8,
                cx + side * r * 0.95 + 0.075,
                cy + r * 0.7,
                darker(body, 0.6) if not dark else (90, 90, 95),
            )


def draw_sitting(pen, body, species):
    pen.arc(0.6, 0.4, 0.95, 0.95, 260, 100, OUTLINE, 20)
    pen.arc(0.615, 0.415, 0.935, 0.935, 262, 98, body, 14)
    pen.oval(0.22, 0.4, 0.78, 0.98, body)
    for x in (0.36, 0.64):
        pen.oval(x - 0.09, 0.84, x + 0.09, 0.99, body)
    draw_pet_face(pen, body, 0.5, 0.3, 0.22, species, False)


def draw_lying(pen, body, species):
    pen.arc(0.7, 0.3, 1.0, 0.8, 200, 60, OUTLINE, 18)
    pen.arc(0.713, 0.313, 0.987, 0.787, 202, 58, body, 12)
    pen.oval(0.22, 0.4, 0.93, 0.86, body)
    pen.oval(0.12, 0.72, 0.42, 0.88, body)
    draw_pet_face(pen, body, 0.26, 0.52, 0.2, species, True)


def draw_cat(pen, body, detail):
    draw_sitting(pen, body, "cat")


def draw_dog(pen, body, detail):
    draw_sitting(pen, body, "dog")


def draw_resting_cat(pen, body, detail):
    draw_lying(pen, body, "cat")


def draw_resting_dog(pen, body, detail):
    draw_lying(pen, body, "dog")


def draw_tree(pen, body, detail):
    pen.box(0.43, 0.55, 0.57, 0.98, WOOD)
    green = shade((60, 140, 60), pen.rng, 22)
    if pen.rng.random() < 0.5:
        for x0, y0, x1, y1 in ((0.12, 0.25, 0.55, 0.68), (0.45, 0.25, 0.88, 0.68), (0.24, 0.03, 0.76, 0.5)):
            pen.oval(x0, y0, x1, y1, green)
        pen.oval(0.3, 0.22, 0.7, 0.6, green, 0)
    else:
        for top, wide in ((0.4, 0.38), (0.2, 0.3), (0.03, 0.22)):
            pen.poly([(0.5, top), (0.5 + wide, top + 0.34), (0.5 - wide, top + 0.34)], green)


def draw_child(pen, shirt, girl, action):
    """A child in side view: kicking a ball or holding up one arm."""
    skin = pen.rng.choice(SKIN)
    hair = pen.rng.choice(((40, 30, 25), (110, 70, 35), (215, 170, 80)))
    trousers = pen.rng.choice(((70, 80, 110), (95, 80, 65), (60, 60, 60)))
    if girl:
        pen.oval(0.25, 0.04, 0.62, 0.42, hair)
    if action == "football":
        pen.line([(0.46, 0.64), (0.4, 0.93)], OUTLINE, 20)
        pen.line([(0.46, 0.64), (0.4, 0.93)], skin if girl else trousers, 13)
        pen.line([(0.5, 0.64), (0.72, 0.84)], OUTLINE, 20)
        pen.line([(0.5, 0.64), (0.72, 0.84)], skin if girl else trousers, 13)
        pen.oval(0.28, 0.9, 0.44, 0.98, (60, 60, 70), 3)
        pen.oval(0.68, 0.79, 0.83, 0.88, (60, 60, 70), 3)
        arms = ([(0.42, 0.42), (0.24, 0.56)], [(0.54, 0.42), (0.72, 0.54)])
    else:
        for x in (0.41, 0.53):
            pen.line([(x, 0.64), (x, 0.93)], OUTLINE, 20)
            pen.line([(x, 0.64), (x, 0.93)], skin if girl else trousers, 13)
            pen.oval(x - 0.08, 0.9, x + 0.08, 0.98, (60, 60, 70), 3)
        arms = ([(0.42, 0.42), (0.26, 0.58)], [(0.54, 0.42), (0.78, 0.26)])
    for arm in arms:
        pen.line(arm, OUTLINE, 16)
        pen.line(arm, skin, 10)
    if girl:
        pen.poly([(0.4, 0.36), (0.58, 0.36), (0.7, 0.74), (0.28, 0.74)], shirt)
    else:
        pen.box(0.36, 0.36, 0.61, 0.68, shirt, 0.04)
    pen.oval(0.34, 0.08, 0.62, 0.38, skin)
    pen.half(0.33, 0.06, 0.63, 0.34, hair, 2)
    pen.oval(0.53, 0.22, 0.57, 0.27, (20, 20, 20), 0)


def draw_boy_football(pen, body, detail):
    draw_child(pen, body, False, "football")


def draw_girl_football(pen, body, detail):
    draw_child(pen, body, True, "football")


def draw_boy_kite(pen, body, detail):
    draw_child(pen, body, False, "kite")


def draw_girl_kite(pen, body, detail):
    draw_child(pen, body, True, "kite")


def draw_football(pen, body, detail):
    pen.oval(0.04, 0.04, 0.96, 0.96, (250, 250, 250), 8)
    pen.poly([(0.5, 0.32), (0.67, 0.45), (0.6, 0.65), (0.4, 0.65), (0.33, 0.45)], (25, 25, 25))
    for points in (
        [(0.5, 0.05), (0.5, 0.32)],
        [(0.67, 0.45), (0.93, 0.38)],
        [(0.6, 0.65), (0.76, 0.86)],
        [(0.4, 0.65), (0.24, 0.86)],
        [(0.33, 0.45), (0.07, 0.38)],
    ):
        pen.line(points, (25, 25, 25), 12)


def draw_kite(pen, body, detail):
    pen.line([(0.5, 0.66), (0.42, 0.78), (0.56, 0.86), (0.48, 0.97)], detail, 6)
    pen.poly([(0.5, 0.03), (0.82, 0.3), (0.5, 0.68), (0.18, 0.3)], body)
    pen.line([(0.5, 0.05), (0.5, 0.66)], darker(body, 0.6), 4)
    pen.line([(0.2, 0.3), (0.8, 0.3)], darker(body, 0.6), 4)


def draw_slide(pen, body, detail):
    for x in (0.1, 0.28):
        pen.line([(x, 0.12), (x, 0.97)], METAL, 8)
    for y in (0.3, 0.48, 0.66, 0.84):
        pen.line([(0.1, y), (0.28, y)], METAL, 6)
    pen.poly([(0.08, 0.18), (0.34, 0.18), (0.95, 0.86), (0.95, 0.96), (0.82, 0.96), (0.26, 0.3), (0.08, 0.3)], body)


def draw_swing(pen, body, detail):
    for points in (
        [(0.18, 0.06), (0.06, 0.97)],
        [(0.18, 0.06), (0.3, 0.97)],
        [(0.82, 0.06), (0.7, 0.97)],
        [(0.82, 0.06), (0.94, 0.97)],
        [(0.16, 0.07), (0.84, 0.07)],
    ):
        pen.line(points, body, 10)
    for x in (0.4, 0.6):
        pen.line([(x, 0.08), (x, 0.64)], OUTLINE, 4)
    pen.box(0.35, 0.62, 0.65, 0.7, detail, 0.01, 3)


def draw_sofa(pen, body, detail):
    pen.box(0.08, 0.28, 0.92, 0.7, body, 0.07)
    pen.box(0.12, 0.54, 0.88, 0.76, darker(body, 0.88), 0.04)
    for x in (0.02, 0.84):
        pen.box(x, 0.44, x + 0.14, 0.8, body, 0.05)
    for x in (0.08, 0.84):
        pen.box(x, 0.79, x + 0.07, 0.87, WOOD, 0.01, 3)


def draw_bowl(pen, body, detail, species, full):
    """A pet's bowl; the sign on it says whose it is: a fish for a cat, a bone for a dog."""
    if full:
        food = (150, 95, 45) if species == "dog" else (185, 120, 60)
        for i in range(9):
            x, y = 0.2 + 0.068 * i, 0.26 - 0.14 * (1 - abs(i - 4) / 4.5)
            pen.oval(x - 0.06, y, x + 0.1, y + 0.17, shade(food, pen.rng, 14), 3)
    pen.oval(0.05, 0.24, 0.95, 0.48, darker(body, 0.8))
    if full:
        pen.oval(0.12, 0.2, 0.88, 0.42, (165, 105, 52), 3)
        for i in range(8):
            x = 0.18 + 0.078 * i
            y = 0.19 + 0.05 * (i % 2)
            pen.oval(x, y, x + 0.1, y + 0.13, shade((175, 112, 58), pen.rng, 14), 3)
    else:
        pen.oval(0.13, 0.28, 0.87, 0.45, (225, 228, 232), 3)
    pen.poly(
        [
            (0.05, 0.38),
            (0.16, 0.44),
            (0.34, 0.475),
            (0.5, 0.48),
            (0.66, 0.475),
            (0.84, 0.44),
            (0.95, 0.38),
            (0.8, 0.84),
            (0.2, 0.84),
        ],
        body,
    )
    sign = (250, 250, 250) if sum(body) < 560 else (60, 60, 70)
    if species == "cat":
        pen.poly([(0.42, 0.66), (0.31, 0.58), (0.31, 0.74)], sign, 2)
        pen.oval(0.38, 0.57, 0.69, 0.75, sign, 2)
    else:
        pen.line([(0.37, 0.66), (0.63, 0.66)], sign, 14)
        for x in (0.35, 0.65):
            for y in (0.615, 0.705):
                pen.oval(x - 0.05, y - 0.045, x + 0.05, y + 0.045, sign, 0)


def bowl_drawer(species, full):
    return lambda pen, body, detail: draw_bowl(pen, body, detail, species, full)


DRAWERS = {name[5:]: function for name, function in list(globals().items()) if name.startswith("draw_")}
for _species in ("cat", "dog"):
    for _full in (True, False):
        DRAWERS[f"{'full' if _full else 'empty'}_{_species}_bowl"] = bowl_drawer(_species, _full)

# Kinds whose mirror image would be wrong or pointless; children choose their side in the scene.
UNMIRRORED = {"football", "boy_football", "girl_football", "boy_kite", "girl_kite", "hat", "tree", "swing"}


@functools.lru_cache(maxsize=4096)
def sprite(name: str, colour: str | None, variant: int) -> Image.Image:
    """The sprite `name` in `colour`, cropped to its visible pixels."""
    rng = random.Random(f"{name}/{colour}/{variant}")
    pen = Pen(rng)
    base = (COLOURS.get(colour) or UNSEEN_COLOURS.get(colour) or (None, (180, 180, 180)))[1]
    detail = shade(rng.choice(((150, 75, 55), (90, 90, 100), (110, 80, 60), (70, 90, 120))), rng)
    DRAWERS[name](pen, shade(base, rng), detail)
    image = pen.image
    if name not in UNMIRRORED and rng.random() < 0.5:
        image = ImageOps.mirror(image)
    return image.crop(image.getchannel("A").getbbox())
