"""A drawing board in unit coordinates, with the outline and the colours that all sprites share."""

import random

from PIL import Image, ImageDraw

SIDE = 192
OUTLINE = (30, 30, 35)
SKIN = ((250, 214, 180), (226, 172, 128), (150, 100, 70))
GLASS = (190, 225, 245)
WOOD = (130, 88, 50)
METAL = (120, 125, 135)


class Pen:
    """Draws in unit coordinates with the dark outline that all sprites share."""

    def __init__(self, rng: random.Random):
        self.image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)
        self.rng = rng

    def _scale(self, points):
        return [(x * SIDE, y * SIDE) for x, y in points]

    def oval(self, x0, y0, x1, y1, fill, width=4):
        self.draw.ellipse(self._scale([(x0, y0), (x1, y1)]), fill=fill, outline=OUTLINE, width=width)

    def box(self, x0, y0, x1, y1, fill, radius=0.0, width=4):
        corners = self._scale([(x0, y0), (x1, y1)])
        self.draw.rounded_rectangle(corners, radius * SIDE, fill=fill, outline=OUTLINE, width=width)

    def poly(self, points, fill, width=4):
        self.draw.polygon(self._scale(points), fill=fill, outline=OUTLINE, width=width)

    def line(self, points, fill=OUTLINE, width=5):
        self.draw.line(self._scale(points), fill=fill, width=width, joint="curve")

    def arc(self, x0, y0, x1, y1, start, end, fill=OUTLINE, width=5):
        self.draw.arc(self._scale([(x0, y0), (x1, y1)]), start, end, fill=fill, width=width)

    def half(self, x0, y0, x1, y1, fill, width=4):
        """The upper half of an ellipse."""
        self.draw.pieslice(self._scale([(x0, y0), (x1, y1)]), 180, 360, fill=fill, outline=OUTLINE, width=width)


def shade(colour, rng: random.Random, spread: int = 16):
    """A lighter or darker colour whose hue hardly moves, so that its name stays beyond doubt."""
    light = rng.randint(-spread, spread)
    return tuple(max(0, min(255, c + light + rng.randint(-6, 6))) for c in colour)


def darker(colour, factor=0.72):
    return tuple(int(c * factor) for c in colour)
