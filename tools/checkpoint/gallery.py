"""The pictures of the starter suite: held-out scenes, each the first of its own seeds whose truth fits."""

from more_questions import make_pair
from questions import in_order, matching, outermost
from scenes import Scene, make_scene
from words import COLOURED_KINDS

FIRST_SEED = 2_000_000
RANGE = 10_000


class Gallery:
    """The pictures of the suite by file name."""

    def __init__(self):
        self.scenes: dict[str, Scene] = {}

    def first(self, name: str, theme: str, fits=lambda scene: True, **wants) -> Scene:
        """The first fitting scene of a range of seeds that belongs to this picture alone."""
        start = FIRST_SEED + RANGE * len(self.scenes)
        scene = next(
            s
            for s in (make_scene(seed, theme, **wants) for seed in range(start, start + RANGE))
            if s.things and fits(s)
        )
        self.scenes[f"{name}.png"] = scene
        return scene

    def pair(self, names, relation: str, fits) -> tuple[Scene, Scene]:
        start = FIRST_SEED + RANGE * len(self.scenes)
        scenes = next(
            p
            for p in (make_pair(seed, relation) for seed in range(start, start + RANGE))
            if all(s.things for s in p) and fits(*p)
        )
        self.scenes.update(zip((f"{name}.png" for name in names), scenes))
        return scenes


def clear(scene: Scene, count: int | None = None) -> bool:
    """Whether the order from left to right is plain, of `count` things if given."""
    things = in_order(scene)
    return things is not None and (count is None or len(things) == count)


def unique(scene: Scene):
    """The coloured things that are the only ones of their kind."""
    return [t for t in scene.things if t.kind in COLOURED_KINDS and len(matching(scene, t.kind)) == 1]


def two_red_cars(scene: Scene) -> bool:
    red, cars = matching(scene, "car", "red"), matching(scene, "car")
    return len(red) == 2 and len(cars) == 3 and outermost(scene, red, "left") is not None
