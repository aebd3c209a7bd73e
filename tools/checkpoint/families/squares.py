"""Pictures as the squares that the towers see, and what is in each patch of them.

The labels serve an auxiliary task of the training alone; no checkpoint holds anything of it.
"""

import numpy as np
from PIL import Image

from scenes import Scene
from words import COLOURS, KINDS

SIDE, PATCH = 168, 14
GRID = SIDE // PATCH
PATCHES = GRID * GRID
PIXELS = 3 * PATCH * PATCH
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
KIND_OF = {kind: i for i, kind in enumerate(KINDS)}
COLOUR_OF = {colour: i for i, colour in enumerate(COLOURS)}
NO_KIND, NO_COLOUR = len(KIND_OF), len(COLOUR_OF)
# The things from left to right that have labels of their own; the next number stands for none.
RANKS = 10
LABELS = 7


def padded(image: Image.Image) -> Image.Image:
    """haotian-liu/LLaVA `expand2square` with CLIP's mean colour."""
    width, height = image.size
    side = max(width, height)
    square = Image.new("RGB", (side, side), tuple(int(mean * 255) for mean in MEAN))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square


def patches_of(square: Image.Image) -> np.ndarray:
    """Bytes [PATCHES, PIXELS] of the resized picture, in the order of a convolution's kernel."""
    pixels = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return pixels.reshape(GRID, PATCH, GRID, PATCH, 3).transpose(0, 2, 4, 1, 3).reshape(PATCHES, PIXELS)


def labels_of(scene: Scene, pad: bool) -> tuple[np.ndarray, np.ndarray]:
    """Kind, colour, rank from the left and box (bytes of the square) of the thing at each patch [PATCHES, 7], and of
    each thing from left to right [RANKS, 7]."""
    width, height = scene.width, scene.height
    sides = (max(width, height),) * 2 if pad else (width, height)
    shift = ((sides[0] - width) // 2, (sides[1] - height) // 2)
    ranked = sorted(scene.things, key=lambda thing: thing.middle)
    nothing = (NO_KIND, NO_COLOUR, RANKS, 0, 0, 0, 0)
    at_patch = np.full((GRID, GRID, LABELS), nothing, np.uint8)
    of_thing = np.full((RANKS, LABELS), nothing, np.uint8)
    centre = (np.arange(GRID) + 0.5) / GRID
    order = sorted(range(len(ranked)), key=lambda i: -1 if ranked[i].kind == "sofa" else ranked[i].box[3])
    for i in order:
        thing = ranked[i]
        shares = [(value + shift[j % 2]) / sides[j % 2] for j, value in enumerate(thing.box)]
        row = (
            KIND_OF[thing.kind],
            COLOUR_OF.get(thing.colour, NO_COLOUR),
            min(i, RANKS),
            *(min(255, max(0, round(share * 255))) for share in shares),
        )
        inside = ((centre >= shares[1]) & (centre < shares[3]))[:, None] & ((centre >= shares[0]) & (centre < shares[2]))
        at_patch[inside] = row
        if i < RANKS:
            of_thing[i] = row
    return at_patch.reshape(PATCHES, LABELS), of_thing
