"""Writes small pictures of every kind, and what Pillow 12.0.0 makes of each."""

import hashlib
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

assert Image.__version__ == "12.0.0", Image.__version__
OUT = Path(sys.argv[1])
RANDOM = np.random.default_rng(7)


def picture(width, height, mode="RGB"):
    """Waves, noise and a hard edge: all frequencies, and levels at both ends."""
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 90 * np.sin(x / (3 + c) + y / 7) + 60 * np.cos(y / (4 + c)) for c in range(channels)]
    levels = np.stack(planes, axis=-1) + RANDOM.normal(0, 20, (height, width, channels))
    levels[height // 3 : height // 2, width // 4 : width // 2] = [255, 0, 30, 60][:channels]
    levels = np.clip(levels, 0, 255).astype(np.uint8)
    return Image.fromarray(levels[..., 0] if channels == 1 else levels, mode)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(value, order="<", kind=3, count=1):
    mark = b"II" if order == "<" else b"MM"
    field = struct.pack(order + ("H" if kind in (3, 8) else "I"), value).ljust(4, b"\0")
    return mark + struct.pack(order + "HIHHHI", 42, 8, 1, 274, kind, count) + field + bytes(4)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_chunk(png, name, content, behind_pixels=False):
    """A PNG with one more chunk, in front of its pixels or behind them."""
    place = png.index(b"IEND") - 4 if behind_pixels else 33
    return png[:place] + chunk(name, content) + png[place:]


def with_app1(jpeg, content):
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def profile(block):
    """As ImageMagick writes EXIF into a PNG's text."""
    digits = block.hex()
    lines = [digits[i : i + 72] for i in range(0, len(digits), 72)]
    return "\nexif\n{:8}\n{}\n".format(len(block), "\n".join(lines)).encode()


def xmp(value):
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{value}"/></x:xmpmeta>'.encode()


def jpegs():
    for width, height in [(1, 1), (5, 7), (17, 9), (33, 64), (3, 40)]:
        for name, options in {
            "444": dict(subsampling=0),
            "422": dict(subsampling=1, quality=50),
            "420": dict(subsampling=2, quality=95),
            "progressive": dict(progressive=True, subsampling=2, quality=85),
            "restarts": dict(restart_marker_blocks=2, subsampling=1, quality=10),
        }.items():
            yield f"jpeg_{name}_{width}x{height}.jpg", saved(picture(width, height), "JPEG", **options)
    yield "jpeg_grey.jpg", saved(picture(21, 19, "L"), "JPEG", quality=100)
    yield "jpeg_grey_progressive.jpg", saved(picture(21, 19, "L"), "JPEG", progressive=True)
    yield "jpeg_rgb.jpg", saved(picture(21, 19), "JPEG", keep_rgb=True)
    cmyk = saved(picture(21, 19, "CMYK"), "JPEG", quality=90)
    yield "jpeg_cmyk.jpg", cmyk
    # The same numbers read as YCCK: only Adobe's mark says which they are.
    place = cmyk.index(b"Adobe") + 11
    yield "jpeg_ycck.jpg", cmyk[:place] + b"\x02" + cmyk[place + 1 :]
    # 4:2:2 turned by a quarter is 4:4:0.
    tall = bytearray(saved(picture(24, 24), "JPEG", subsampling=1))
    place = tall.index(b"\xff\xc0") + 11
    assert tall[place] == 0x21
    tall[place] = 0x12
    yield "jpeg_440.jpg", bytes(tall)
    whole = saved(picture(64, 48), "JPEG", quality=90)
    yield "jpeg_whole_rubbish_behind.jpg", whole + b"rubbish \xff\xd8\xff"
    yield "jpeg_cut_half.jpg", whole[: len(whole) // 2]
    yield "jpeg_cut_header.jpg", whole[:100]
    yield "jpeg_cut_zeros.jpg", whole[: len(whole) // 2] + bytes(len(whole) // 2)
    for length in range(24):
        # Whether one without its end marker is whole depends on how far libjpeg reads ahead.
        ended = saved(picture(32, 24), "JPEG", quality=60 + length)
        yield f"jpeg_no_end_{length}.jpg", ended[:-2]
    yield "jpeg_early_end.jpg", whole[: len(whole) // 2] + b"\xff\xd9"
    progressive = saved(picture(64, 48), "JPEG", progressive=True)
    yield "jpeg_progressive_cut.jpg", progressive[: len(progressive) // 3]
    yield "jpeg_progressive_no_end.jpg", progressive[:-2]


def oriented():
    image = picture(6, 4)
    png, jpeg = saved(image, "PNG"), saved(picture(24, 16), "JPEG", subsampling=0)
    for value in range(10):
        yield f"exif_{value}.png", with_chunk(png, b"eXIf", exif(value))
        yield f"exif_{value}.jpg", with_app1(jpeg, b"Exif\0\0" + exif(value, ">"))
        block = b"Exif\0\0" + exif(value, ">")
        yield f"exif_{value}.webp", saved(image, "WEBP", lossless=True, exif=block)
    yield "exif_behind_pixels.png", with_chunk(png, b"eXIf", exif(6, ">"), behind_pixels=True)
    yield "exif_long.png", with_chunk(png, b"eXIf", exif(8, kind=4))
    yield "exif_bytes.png", with_chunk(png, b"eXIf", exif(6, kind=1))
    yield "exif_prefixed_twice.jpg", with_app1(jpeg, b"Exif\0\0Exif\0\0" + exif(5))
    yield "exif_cut.jpg", with_app1(jpeg, b"Exif\0\0" + exif(6)[:20])
    yield "profile.png", with_chunk(png, b"tEXt", b"Raw profile type exif\0" + profile(exif(7)))
    packed = b"Raw profile type exif\0\0" + zlib.compress(profile(b"Exif\0\0" + exif(3)))
    yield "profile_packed.png", with_chunk(png, b"zTXt", packed)
    yield "xmp.png", with_chunk(png, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6))
    yield "xmp.jpg", with_app1(jpeg, b"http://ns.adobe.com/xap/1.0/\0" + xmp(8))
    yield "xmp.webp", saved(image, "WEBP", lossless=True, xmp=xmp(2))


def kinds():
    """One of each family of pixels."""
    image = picture(13, 11)
    yield "rgba.png", saved(picture(13, 11, "RGBA"), "PNG")
    yield "grey_alpha.png", saved(picture(13, 11, "LA"), "PNG")
    yield "grey.png", saved(picture(13, 11, "L"), "PNG")
    yield "palette.png", saved(image.quantize(16), "PNG")
    yield "palette_transparent.png", saved(image.quantize(8), "PNG", transparency=3)
    yield "rgb_transparent.png", saved(image, "PNG", transparency=(255, 0, 30))
    yield "one_bit.png", saved(image.convert("1"), "PNG")
    wide = RANDOM.integers(0, 1 << 16, (5, 4, 4), dtype=np.uint16)
    wide[0, 0], wide[0, 1] = 255, 256
    for name, kind, channels in [("grey16", 0, 1), ("grey_alpha16", 4, 2), ("rgb16", 2, 3), ("rgba16", 6, 4)]:
        rows = b"".join(b"\0" + row[:, :channels].astype(">u2").tobytes() for row in wide)
        head = struct.pack(">IIBBBBB", 4, 5, 16, kind, 0, 0, 0)
        body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        yield f"{name}.png", b"\x89PNG\r\n\x1a\n" + body
    yield "rgb.bmp", saved(image, "BMP")
    yield "palette.bmp", saved(image.quantize(16), "BMP")
    yield "grey.bmp", saved(picture(13, 11, "L"), "BMP")
    yield "one_bit.bmp", saved(image.convert("1"), "BMP")
    yield "lossless.webp", saved(image, "WEBP", lossless=True)
    yield "lossless_alpha.webp", saved(picture(13, 11, "RGBA"), "WEBP", lossless=True, exact=True)
    for name, data in [("png", saved(image, "PNG")), ("bmp", saved(image, "BMP")), ("webp", saved(image, "WEBP", lossless=True))]:
        yield f"cut.{name}", data[: len(data) * 2 // 3]
        yield f"rubbish_behind.{name}", data + b"rubbish"


def digest(image):
    rgb = image.convert("RGB")
    return {"size": list(rgb.size), "sha256": hashlib.sha256(rgb.tobytes()).hexdigest()}


def expected(data):
    try:
        stored = digest(Image.open(io.BytesIO(data)))
        shown = digest(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    except Exception:
        return None
    return shown if shown == stored else {**shown, "stored": stored}


OUT.mkdir(parents=True, exist_ok=True)
told = {}
for name, data in [*jpegs(), *oriented(), *kinds()]:
    (OUT / name).write_bytes(data)
    told[name] = expected(data)
(OUT / "expected.json").write_text(json.dumps(told, indent=1) + "\n")
refused = [name for name, value in told.items() if value is None]
print(len(told), "pictures, refused by Pillow:", *refused)
