"""Procedural scenes: a picture and the exact truth about it, both determined by one seed.

A scene is composed of sprites whose boxes are known to the pixel. This file knows nothing of questions,
languages or models. Seeds below `HELD_OUT_SEEDS` are never used in training.
"""

import random
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

import sprites
from pen import darker, shade
from words import COLOURED_KINDS, COLOURS, PET_COLOURS, PET_KINDS, PLACES

HELD_OUT_SEEDS = 1 << 32
THEMES = {"mixed": 0.36, "count": 0.26, "traffic": 0.14, "park": 0.12, "pet": 0.06, "bowl": 0.06}
MAX_COUNT = 6
NATURAL_KINDS = ("tree", "football")


@dataclass
class Thing:
    """One object: `box` is (x0, y0, x1, y1) in pixels of the picture, exclusive at the right and bottom."""

    kind: str
    colour: str | None
    box: tuple[int, int, int, int]
    sprite: str
    variant: int
    mirrored: bool = False

    @property
    def middle(self) -> float:
        return (self.box[0] + self.box[2]) / 2


@dataclass
class Scene:
    theme: str
    width: int
    height: int
    place: str | None
    things: list[Thing] = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    backdrop_seed: int = 0

    def render(self) -> Image.Image:
        rng = random.Random(self.backdrop_seed)
        image = backdrop(rng, self.width, self.height, self.theme, self.place)
        for thing in sorted(self.things, key=lambda t: -1 if t.kind == "sofa" else t.box[3]):
            x0, y0, x1, y1 = thing.box
            picture = sprites.sprite(thing.sprite, thing.colour, thing.variant)
            if thing.mirrored:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            picture = picture.resize(
                (x1 - x0, y1 - y0), Image.Resampling.BOX if x1 - x0 < 96 else Image.Resampling.BICUBIC
            )
            image.paste(picture, (x0, y0), picture)
        return image


# The picture behind the things.


def tone(rng: random.Random, *choices):
    return shade(rng.choice(choices), rng, 12)


def gradient(width: int, height: int, top, bottom) -> Image.Image:
    column = Image.new("RGB", (1, 2))
    column.putpixel((0, 0), top)
    column.putpixel((0, 1), bottom)
    return column.resize((width, height), Image.Resampling.BILINEAR)


def horizon(rng: random.Random, place: str) -> float:
    """Where the ground begins, as a share of the height."""
    return {"grass": 0.42, "road": 0.4, "floor": 0.6, "sand": 0.45, "table": 0.55}[place] + rng.uniform(-0.1, 0.08)


def backdrop(rng, width, height, theme, place) -> Image.Image:
    if place is None:
        top = tone(
            rng, (245, 238, 225), (215, 228, 240), (228, 218, 235), (200, 222, 205), (190, 190, 198), (160, 175, 190)
        )
        return gradient(width, height, top, shade(top, rng, 20))
    y = int(height * horizon(rng, place))
    if place in ("floor", "table"):
        return indoors(rng, width, height, y, place)
    return outdoors(rng, width, height, y, place)


def outdoors(rng, width, height, y, place) -> Image.Image:
    image = gradient(width, height, tone(rng, (150, 200, 240), (170, 212, 245), (190, 200, 220)), (225, 238, 248))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.4:
        x, r = rng.uniform(0.1, 0.9) * width, 0.06 * min(width, height)
        draw.ellipse((x - r, r, x + r, 3 * r), fill=(255, 232, 120))
    for _ in range(rng.randint(0, 3)):
        x, top, w = rng.uniform(0, 0.9) * width, rng.uniform(0.03, 0.2) * height, rng.uniform(0.1, 0.22) * width
        draw.ellipse((x, top, x + w, top + w * 0.35), fill=(250, 250, 252))
    ground = {
        "grass": ((130, 195, 95), (112, 182, 100), (150, 205, 110)),
        "sand": ((238, 216, 160), (228, 205, 150)),
        "road": ((142, 190, 118), (168, 168, 160)),
    }[place]
    draw.rectangle((0, y, width, height), fill=tone(rng, *ground))
    if place == "sand":
        draw.rectangle((0, int(y * 0.72), width, y), fill=tone(rng, (95, 175, 215), (80, 160, 200)))
    if place == "road":
        draw_road(rng, draw, width, height, y)
    if place == "grass":
        for _ in range(rng.randint(4, 14)):
            x, base = rng.uniform(0, width), rng.uniform(y + 4, height)
            draw.line((x, base, x + 2, base - 5, x + 4, base), fill=(80, 150, 65), width=1)
    return image


def draw_road(rng, draw, width, height, y):
    top = y + int(height * rng.uniform(0.04, 0.12))
    draw.rectangle((0, top, width, height), fill=tone(rng, (120, 122, 128), (100, 102, 108), (135, 135, 138)))
    lane = (top + height) // 2
    for x in range(rng.randint(-20, 0), width, 34):
        draw.rectangle((x, lane - 1, x + 18, lane + 1), fill=(235, 232, 215))


def indoors(rng, width, height, y, place) -> Image.Image:
    wall = tone(rng, (240, 225, 205), (210, 222, 232), (222, 214, 230), (214, 226, 208), (235, 235, 230))
    image = gradient(width, height, wall, darker(wall, 0.93))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.4:
        x, w, h = rng.uniform(0.05, 0.75) * width, 0.2 * width, 0.22 * height
        draw.rectangle(
            (x, 0.06 * height, x + w, 0.06 * height + h),
            fill=tone(rng, (185, 215, 235), (250, 245, 230)),
            outline=(110, 90, 70),
            width=2,
        )
    base = tone(rng, (190, 150, 108), (168, 128, 90), (205, 190, 170))
    draw.rectangle((0, y, width, height), fill=base)
    if place == "floor":
        for i in range(1, 4):
            level = y + (height - y) * i // 4
            draw.line((0, level, width, level), fill=darker(base, 0.88), width=1)
    else:
        draw.rectangle((0, y, width, y + max(3, height // 40)), fill=darker(base, 0.8))
    return image


# Where things stand.


def overlap(a, b) -> float:
    """The shared area as a part of the smaller box."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


class Layout:
    """Places sprites at free spots of one scene."""

    def __init__(self, rng: random.Random, scene: Scene):
        self.rng, self.scene = rng, scene

    def size(self, sprite, colour, variant, height_share):
        picture = sprites.sprite(sprite, colour, variant)
        w, h = self.scene.width, self.scene.height
        # The share is that of a square sprite of equal area, so that a bus is no giant and a kite no dwarf.
        side = height_share * (w * h) ** 0.5
        ratio = (picture.width / picture.height) ** 0.5
        return max(4, min(w - 2, round(side * ratio))), max(4, min(h - 2, round(side / ratio)))

    def put(self, kind, colour, size, area=(0, 0, 1, 1), sprite=None, gap=0.0, touching=0.15) -> Thing | None:
        """A new thing of `size` inside `area` (shares of the picture), or None where no spot is free."""
        rng, scene = self.rng, self.scene
        sprite, variant, mirrored = sprite or kind, rng.randrange(12), False
        width, height = self.size(sprite, colour, variant, size)
        left, right = area[0] * scene.width, area[2] * scene.width - width
        top, bottom = area[1] * scene.height, area[3] * scene.height - height
        if right < left or bottom < top:
            return None
        for _ in range(30):
            x, y = round(rng.uniform(left, right)), round(rng.uniform(top, bottom))
            box = (x, y, min(x + width, scene.width), min(y + height, scene.height))
            if self.free(box, gap, touching):
                thing = Thing(kind, colour, box, sprite, variant, mirrored)
                scene.things.append(thing)
                return thing
        return None

    def free(self, box, gap, touching) -> bool:
        middle = (box[0] + box[2]) / 2
        return all(
            overlap(box, thing.box) <= touching and abs(thing.middle - middle) >= gap * self.scene.width
            for thing in self.scene.things
        )


def random_size(rng: random.Random) -> tuple[int, int]:
    """Width and height; most are no multiples of 32, so that the model's smart resize has work to do."""
    long = rng.randint(200, 330)
    short = max(150, round(long * rng.uniform(0.6, 1.0)))
    if rng.random() < 0.06:
        long, short = round(long * 0.7), round(short * 0.7)
    if rng.random() < 0.15:
        long, short = (long + 16) // 32 * 32, (short + 16) // 32 * 32
    return (long, short) if rng.random() < 0.6 else (short, long)


def random_colour(rng, kind):
    if kind in PET_KINDS:
        return rng.choice(PET_COLOURS)
    return None if kind in NATURAL_KINDS else rng.choice(tuple(COLOURS))


def random_kind(rng):
    return rng.choice(COLOURED_KINDS + PET_KINDS + ("tree",))


def fill_mixed(rng, scene, wants):
    """One to four things with clear places from left to right; colours and kinds often repeat."""
    layout = Layout(rng, scene)
    specs = list(wants.get("specs", ()))
    for _ in range(max(0, rng.choice((1, 2, 2, 3, 3, 3, 4, 4, 5)) - len(specs))):
        kind = rng.choice(specs)[0] if specs and rng.random() < 0.25 else random_kind(rng)
        if kind in wants.get("without", ()):
            continue
        specs.append((kind, random_colour(rng, kind)))
    rng.shuffle(specs)
    big = 0.46 if len(specs) <= 2 else 0.36
    for kind, colour in specs:
        layout.put(kind, colour, rng.uniform(0.17, big), gap=0.07)


def fill_count(rng, scene, wants):
    """Zero to six things of one kind in at most three colours, and a few others."""
    layout = Layout(rng, scene)
    kind = wants.get("kind") or random_kind(rng)
    count = wants["count"] if "count" in wants else rng.randint(2, MAX_COUNT)
    palette = [wants["colour"]] if "colour" in wants else [random_colour(rng, kind) for _ in range(rng.randint(1, 3))]
    size = rng.uniform(0.15, 0.3 - 0.015 * count)
    for _ in range(count):
        layout.put(kind, rng.choice(palette), size * rng.uniform(0.85, 1.15), touching=0.08)
    for _ in range(rng.randint(0, 3)):
        other = random_kind(rng)
        if other != kind and other not in wants.get("without", ()):
            layout.put(other, random_colour(rng, other), rng.uniform(0.15, 0.26), touching=0.08)


def fill_traffic(rng, scene, wants):
    """Two to four cars or buses on a road, two of one colour more often than not."""
    layout = Layout(rng, scene)
    ground = 0.45
    colours = [random_colour(rng, "car") for _ in range(3)]
    for _ in range(rng.randint(0, 3)):
        kind = rng.choice(("tree", "tree", "house"))
        layout.put(kind, random_colour(rng, kind), rng.uniform(0.18, 0.28), (0, 0.08, 1, 0.62), touching=0.1)
    for _ in range(rng.randint(2, 4)):
        kind = "bus" if rng.random() < 0.15 else "car"
        layout.put(kind, rng.choice(colours), rng.uniform(0.2, 0.34), (0, ground, 1, 1), gap=0.08)


def fill_park(rng, scene, wants):
    """A child who plays football or flies a kite, with or without trees and play equipment behind."""
    layout = Layout(rng, scene)
    child, action = rng.choice(("boy", "girl")), wants.get("action") or rng.choice(("football", "kite"))
    trees, equipment = wants.get("behind") or rng.choice(((0, 0), (1, 0), (0, 1), (1, 1), (1, 1)))
    person = layout.put(
        child, random_colour(rng, child), rng.uniform(0.34, 0.46), (0.08, 0.3, 0.92, 1), sprite=f"{child}_{action}"
    )
    if person is None:
        return
    person.mirrored = rng.random() < 0.5
    put_toy(rng, layout, person, action)
    trees = trees and bool(
        [layout.put("tree", None, rng.uniform(0.24, 0.36), (0, 0.05, 1, 0.75)) for _ in range(rng.randint(1, 3))]
    )
    if equipment:
        kind = rng.choice(("slide", "swing"))
        equipment = layout.put(kind, random_colour(rng, kind), rng.uniform(0.24, 0.34), (0, 0.1, 1, 0.85)) is not None
    trees = any(thing.kind == "tree" for thing in scene.things)
    scene.facts.update(child=child, action=action, shirt=person.colour, trees=trees, equipment=bool(equipment))


def put_toy(rng, layout, person, action):
    """The ball before the kicking foot, or the kite above the raised hand."""
    x0, y0, x1, y1 = person.box
    width = x1 - x0
    forward = -1 if person.mirrored else 1
    kind = action
    colour = random_colour(rng, kind)
    variant = rng.randrange(12)
    share = rng.uniform(0.1, 0.14) if kind == "football" else rng.uniform(0.17, 0.24)
    w, h = layout.size(kind, colour, variant, share)
    hand = (x0 + x1) / 2 + forward * width * (0.5 if kind == "football" else rng.uniform(0.4, 0.9))
    left = hand if forward > 0 else hand - w
    top = y1 - h if kind == "football" else y0 - h * rng.uniform(0.5, 0.9)
    x = min(max(0, round(left)), layout.scene.width - w)
    y = min(max(0, round(top)), layout.scene.height - h)
    layout.scene.things.append(Thing(kind, colour, (x, y, x + w, y + h), kind, variant))


def fill_pet(rng, scene, wants):
    """A cat or a dog that rests or sits on a sofa."""
    layout = Layout(rng, scene)
    species, pose = (
        wants.get("species") or rng.choice(PET_KINDS),
        wants.get("pose") or rng.choice(("resting", "sitting")),
    )
    sofa = layout.put("sofa", random_colour(rng, "sofa"), rng.uniform(0.55, 0.75), (0, 0.3, 1, 1))
    if sofa is None:
        return
    x0, y0, x1, y1 = sofa.box
    sprite = f"resting_{species}" if pose == "resting" else species
    colour, variant = rng.choice([c for c in PET_COLOURS if c != sofa.colour]), rng.randrange(12)
    w, h = layout.size(sprite, colour, variant, rng.uniform(0.25, 0.34))
    x = round(rng.uniform(x0 + 0.1 * (x1 - x0), max(x0 + 0.1 * (x1 - x0), x1 - 0.1 * (x1 - x0) - w)))
    y = max(0, round(y0 + 0.72 * (y1 - y0) - h))
    scene.things.append(Thing(species, colour, (x, y, x + w, y + h), sprite, variant))
    scene.facts.update(species=species, pose=pose, sofa=sofa.colour, pet_colour=colour)


def fill_bowl(rng, scene, wants):
    """A cat's or a dog's bowl on the floor, full or empty."""
    layout = Layout(rng, scene)
    species = wants.get("species") or rng.choice(PET_KINDS)
    full = wants["full"] if "full" in wants else rng.random() < 0.5
    sprite = f"{'full' if full else 'empty'}_{species}_bowl"
    bowl = layout.put("bowl", random_colour(rng, "bowl"), rng.uniform(0.32, 0.52), (0, 0.3, 1, 1), sprite=sprite)
    scene.facts.update(species=species, full=full, bowl=bowl.colour)


FILLERS = {
    "mixed": fill_mixed,
    "count": fill_count,
    "traffic": fill_traffic,
    "park": fill_park,
    "pet": fill_pet,
    "bowl": fill_bowl,
}
THEME_PLACES = {"traffic": ("road",), "park": ("grass",), "pet": ("floor",), "bowl": ("floor",)}


def make_scene(seed: int, theme: str | None = None, **wants) -> Scene:
    """The scene of `seed`; `theme` and `wants` narrow what may be in it."""
    rng = random.Random(f"scene/{seed}")
    drawn = rng.choices(tuple(THEMES), tuple(THEMES.values()))[0]
    theme = theme or drawn
    width, height = random_size(rng)
    place = rng.choice(THEME_PLACES.get(theme, tuple(PLACES) + (None,)))
    scene = Scene(theme, width, height, place, backdrop_seed=rng.getrandbits(40))
    FILLERS[theme](rng, scene, wants)
    return scene
