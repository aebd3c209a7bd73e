/*!
The orientation that a file of any format carries, where Pillow's `Image.getexif` looks for it.

EXIF comes first: JPEG's APP1, PNG's `eXIf` (behind the pixels too) or its text `Raw profile type exif`, WebP's
`EXIF`. Without an orientation there, XMP's `tiff:Orientation` counts. A block that cannot be read is none: it
does not break the picture. Compressed text is inflated up to a limit.
*/

use ::image::ImageFormat;

use super::orientation::Orientation;
use super::tiff;

/// The most that a PNG's compressed text may become, in bytes (`MAX_TEXT_CHUNK` of Pillow).
const MAX_TEXT_BYTES: usize = 1 << 20;
const XMP_NAMESPACE: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PNG_PROFILE: &[u8] = b"Raw profile type exif";
const PNG_XMP: &[u8] = b"XML:com.adobe.xmp";

/// Blocks of a file that may have an orientation.
#[derive(Debug, Default)]
struct Blocks {
    exif: Option<Vec<u8>>,
    /// EXIF as hexadecimal text, which counts where there is no `exif`.
    profile: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

/// How the picture is to be turned; none if it is not.
pub(super) fn orientation(bytes: &[u8], format: ImageFormat) -> Option<Orientation> {
    let blocks = match format {
        ImageFormat::Jpeg => jpeg_blocks(bytes),
        ImageFormat::Png => png_blocks(bytes),
        ImageFormat::WebP => webp_blocks(bytes),
        _ => Blocks::default(),
    };
    let exif = blocks.exif.or_else(|| blocks.profile.as_deref().and_then(from_profile));
    let value = exif.as_deref().and_then(tiff::orientation);
    let value = value.or_else(|| blocks.xmp.as_deref().and_then(xmp_orientation))?;
    u8::try_from(value).ok()?.try_into().ok()
}

/// The digit behind `tiff:Orientation="` or `tiff:Orientation>`.
fn xmp_orientation(xmp: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"tiff:Orientation";
    let places = xmp.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    let digit = |(place, _): (usize, &[u8])| {
        let rest = &xmp[place + NAME.len()..];
        let rest = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?;
        rest.first().filter(|byte| byte.is_ascii_digit()).map(|digit| u32::from(digit - b'0'))
    };
    places.filter_map(digit).next()
}

/// The bytes of a `Raw profile`: three lines of heading, then hexadecimal digits.
fn from_profile(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.split(|byte| *byte == b'\n').skip(3).flatten().copied().collect();
    let digits: Vec<u8> = digits.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks_exact(2).map(pair).collect())?
}

fn jpeg_blocks(bytes: &[u8]) -> Blocks {
    let mut blocks = Blocks::default();
    let mut place = 2;
    while let Some(marker) = bytes.get(place..place + 2) {
        match marker {
            [0xFF, 0xDA | 0xD9] => break,
            [0xFF, 0xFF] => place += 1,
            [0xFF, 0x00 | 0x01 | 0xD0..=0xD8] => place += 2,
            [0xFF, code] => {
                let Some(segment) = jpeg_segment(bytes, place + 2) else { break };
                if *code == 0xE1 {
                    blocks.add_app1(segment);
                }
                place += 4 + segment.len();
            }
            _ => place += 1,
        }
    }
    blocks
}

fn jpeg_segment(bytes: &[u8], place: usize) -> Option<&[u8]> {
    let length = bytes.get(place..place + 2)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    bytes.get(place + 2..place + length)
}

impl Blocks {
    fn add_app1(&mut self, segment: &[u8]) {
        if let Some(rest) = segment.strip_prefix(b"Exif\0\0") {
            // A block that is too long for one segment goes on in the next.
            self.exif.get_or_insert_default().extend(rest);
        } else if let Some(xmp) = segment.strip_prefix(XMP_NAMESPACE) {
            self.xmp = Some(xmp.to_vec());
        }
    }

    fn add_text(&mut self, keyword: &[u8], text: Vec<u8>) {
        match keyword {
            PNG_PROFILE => self.profile = Some(text),
            PNG_XMP => self.xmp = Some(text),
            _ => {}
        }
    }
}

/// Name and content of each chunk of a PNG.
fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    const SIGNATURE: usize = 8;
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (name, after) = after.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let content = after.get(..length)?;
        // Its checksum follows.
        rest = after.get(length + 4..).unwrap_or_default();
        Some((*name, content))
    })
}

fn png_blocks(bytes: &[u8]) -> Blocks {
    let mut blocks = Blocks::default();
    for (name, content) in png_chunks(bytes) {
        match &name {
            b"eXIf" => blocks.exif = Some(content.to_vec()),
            b"tEXt" => {
                if let Some((keyword, text)) = split_at_zero(content) {
                    blocks.add_text(keyword, text.to_vec());
                }
            }
            b"zTXt" => {
                let Some((keyword, [0, packed @ ..])) = split_at_zero(content) else { continue };
                // What nobody asks for is not unpacked.
                if matches!(keyword, PNG_PROFILE | PNG_XMP) {
                    blocks.add_text(keyword, inflated(packed));
                }
            }
            b"iTXt" => blocks.add_international(content),
            _ => {}
        }
    }
    blocks
}

impl Blocks {
    /// Text of an `iTXt`: keyword, whether it is packed and how, language, translated keyword, text.
    fn add_international(&mut self, content: &[u8]) {
        let Some((keyword, [packed, _, rest @ ..])) = split_at_zero(content) else { return };
        let text = split_at_zero(rest).and_then(|(_language, rest)| split_at_zero(rest));
        let Some((_translated, text)) = text else { return };
        match (keyword, packed) {
            (PNG_PROFILE | PNG_XMP, 0) => self.add_text(keyword, text.to_vec()),
            (PNG_PROFILE | PNG_XMP, _) => self.add_text(keyword, inflated(text)),
            _ => {}
        }
    }
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..place], &bytes[place + 1..]))
}

/// The unpacked text; nothing if it is damaged or too long.
fn inflated(packed: &[u8]) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, MAX_TEXT_BYTES)
        .unwrap_or_default()
}

fn webp_blocks(bytes: &[u8]) -> Blocks {
    const HEADER: usize = 12;
    /// Flags of the extended header (RFC 9649, 2.7): libwebp passes over blocks without theirs.
    const XMP_FLAG: u8 = 1 << 2;
    const EXIF_FLAG: u8 = 1 << 3;
    let mut blocks = Blocks::default();
    let mut flags = 0;
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(content) = after.get(..length) else { break };
        match &head[..4] {
            b"VP8X" => flags = content.first().copied().unwrap_or(0),
            b"EXIF" if flags & EXIF_FLAG != 0 && blocks.exif.is_none() => {
                blocks.exif = Some(content.to_vec());
            }
            b"XMP " if flags & XMP_FLAG != 0 && blocks.xmp.is_none() => {
                blocks.xmp = Some(content.to_vec());
            }
            _ => {}
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    blocks
}
