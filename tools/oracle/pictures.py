"""Test pictures, and what Pillow makes of them: RGB pixels and bicubic resizes."""

import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw

from paths import ORACLE, PICTURES, write_json

# Name of a picture, and the sizes to resize it to: enlarged, shrunk, one axis only, far apart.
RESIZES = {
    "square.png": [(64, 64), (96, 48), (31, 64), (64, 31), (7, 5), (1, 1)],
    "tall.png": [(64, 96), (13, 200), (200, 13)],
    "wide.png": [(256, 16), (64, 64), (320, 12)],
    "edges.png": [(40, 40), (11, 11), (17, 90)],
}


def scene(width: int, height: int, seed: int) -> Image.Image:
    """Shapes on a gradient, with some noise so that no two values are alike for long."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    levels = np.stack([x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)], axis=-1)
    image = Image.fromarray((levels + random.integers(-9, 9, levels.shape)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        x0, y0 = random.integers(0, width), random.integers(0, height)
        colour = tuple(int(level) for level in random.integers(0, 256, 3))
        draw.ellipse([x0, y0, x0 + width // 4, y0 + height // 4], fill=colour)
    return image


def edges(size: int) -> Image.Image:
    """Black and white squares: bicubic overshoots at every edge and must clamp."""
    y, x = np.mgrid[0:size, 0:size]
    return Image.fromarray((((x // 3 + y // 5) % 2) * 255).astype(np.uint8)).convert("RGB")


def rgb16(path, width: int, height: int) -> None:
    """A PNG with 16 bits per channel, which Pillow reads but does not write."""
    levels = np.random.default_rng(5).integers(0, 65536, (height, width, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"".join(struct.pack(">I", len(c)) + t + c + struct.pack(">I", zlib.crc32(t + c)) for t, c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def draw_all() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    square, tall = scene(64, 64, 1), scene(40, 90, 2)
    square.save(PICTURES / "square.png")
    tall.save(PICTURES / "tall.png")
    scene(300, 12, 3).save(PICTURES / "wide.png")
    edges(30).save(PICTURES / "edges.png")
    scene(3, 5, 4).save(PICTURES / "speck.png")
    scene(48, 32, 6).save(PICTURES / "small.bmp")
    scene(48, 32, 7).save(PICTURES / "lossless.webp", lossless=True)
    palette = square.quantize(17)
    palette.save(PICTURES / "palette.png", transparency=3)
    tall.convert("L").save(PICTURES / "grey.png")
    tall.convert("1").save(PICTURES / "one_bit.png")
    grey_alpha = Image.merge("LA", (tall.convert("L"), tall.getchannel(0)))
    grey_alpha.save(PICTURES / "grey_alpha.png")
    alpha = square.copy()
    alpha.putalpha(square.getchannel(1))
    alpha.save(PICTURES / "alpha.png")
    grey16 = np.random.default_rng(8).integers(0, 600, (9, 11)).astype(np.uint16)
    Image.fromarray(grey16).save(PICTURES / "grey16.png")
    rgb16(PICTURES / "rgb16.png", 10, 6)
    smooth = scene(12, 10, 9).resize((96, 80), Image.BICUBIC)
    smooth.save(PICTURES / "photo.jpg", quality=92)
    smooth.convert("L").save(PICTURES / "grey.jpg", quality=92)
    smooth.save(PICTURES / "progressive.jpg", quality=92, progressive=True, subsampling=0)


def decode_all() -> None:
    folder = ORACLE / "decoded"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(PICTURES.iterdir()):
        Image.open(path).convert("RGB").save(folder / f"{path.name}.png", optimize=True)


def resize_all() -> None:
    folder = ORACLE / "resized"
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, sizes in RESIZES.items():
        for width, height in sizes:
            result = f"{name.removesuffix('.png')}_{width}x{height}.png"
            Image.open(PICTURES / name).convert("RGB").resize((width, height), Image.BICUBIC).save(folder / result, optimize=True)
            entries.append({"picture": name, "width": width, "height": height, "result": result})
    write_json(folder / "index.json", entries)


def main() -> None:
    draw_all()
    decode_all()
    resize_all()
