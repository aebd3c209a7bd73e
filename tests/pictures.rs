//! Pictures of every kind against what Pillow 12.0.0 makes of them (`tools/pictures/make.py`), and what they may
//! take.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyechart::image::{Viewing, open, size};
use serde::Deserialize;
use sha2::{Digest, Sha256};

const FIXTURES: &str = "fixtures/pictures";

/// What Pillow says of a picture; `stored` if it is another one before it is turned.
#[derive(Debug, Clone, Deserialize)]
struct Expected {
    size: (u32, u32),
    sha256: String,
    stored: Option<Box<Expected>>,
}

fn expectations() -> BTreeMap<String, Option<Expected>> {
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What is wrong with a picture that is viewed so.
fn difference(path: &Path, viewing: Viewing, expected: &Expected) -> Option<String> {
    let decoded = match open(path, viewing) {
        Ok(decoded) => decoded,
        Err(error) => return Some(error.to_string()),
    };
    let header = size(path, viewing).unwrap();
    let (width, height) = decoded.pixels.dimensions();
    let sum: String =
        Sha256::digest(decoded.pixels.as_raw()).iter().map(|b| format!("{b:02x}")).collect();
    let found = ((width, height), (header.width, header.height), sum);
    let wanted = (expected.size, expected.size, expected.sha256.clone());
    (found != wanted).then(|| format!("{}: {found:?}, Pillow has {wanted:?}", path.display()))
}

#[test]
fn pixels_equal_pillow() {
    let mut differences = Vec::new();
    let expectations = expectations();
    assert!(expectations.len() > 100);
    for (name, expected) in expectations {
        let path = Path::new(FIXTURES).join(&name);
        match expected {
            None => match open(&path, Viewing::Upright) {
                Ok(_) => differences.push(format!("{name} is decoded, Pillow refuses it")),
                Err(error) => assert!(error.to_string().contains(&name), "{error}"),
            },
            Some(expected) => {
                differences.extend(difference(&path, Viewing::Upright, &expected));
                let stored = expected.stored.as_deref().unwrap_or(&expected);
                differences.extend(difference(&path, Viewing::Stored, stored));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_place_where_a_file_ends_is_told() {
    let path = Path::new(FIXTURES).join("jpeg_cut_half.jpg");
    let length = path.metadata().unwrap().len();
    let error = open(&path, Viewing::Upright).unwrap_err().to_string();
    let told = format!(
        "{}: cannot decode the image: the file is truncated: it ends at byte {length}, in the picture's data",
        path.display()
    );
    assert_eq!(error, told);
}

/// Chunks of a PNG with the right lengths; decoders look at no more before they refuse.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), content].concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let sum = crc32fast::hash(&named).to_be_bytes();
    [length.as_slice(), &named, &sum].concat()
}

/// Zeros as stored blocks would be long; `zeros` are packed by a plain run of deflate.
fn png(width: u32, height: u32, depth: u8, kind: u8) -> Vec<u8> {
    let head =
        [&width.to_be_bytes(), &height.to_be_bytes(), [depth, kind, 0, 0, 0].as_slice()].concat();
    let row = (width as usize * usize::from(depth)).div_ceil(8) * if kind == 2 { 3 } else { 1 } + 1;
    let pixels = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; row * height as usize], 6);
    let chunks = [chunk(b"IHDR", &head), chunk(b"IDAT", &pixels), chunk(b"IEND", &[])].concat();
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks].concat()
}

/// A JPEG's frame and the beginning of its scan.
fn jpeg(width: u16, height: u16, marker: u8) -> Vec<u8> {
    let ([top, bottom], [left, right]) = (height.to_be_bytes(), width.to_be_bytes());
    let frame = [8, top, bottom, left, right, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    let scan = [3, 1, 0, 2, 0, 3, 0, 0, 0, 0];
    [
        [0xFF, 0xD8, 0xFF, marker, 0, 17].as_slice(),
        &frame,
        &[0xFF, 0xDA, 0, 12],
        &scan,
        &[0xFF, 0xD9],
    ]
    .concat()
}

/// A project with one case about a picture.
fn project(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    std::fs::create_dir(&cases).unwrap();
    std::fs::write(cases.join(name), bytes).unwrap();
    let case = format!("(images: [\"{name}\"], prompt: \"?\", expect: Exact(\"x\"))");
    std::fs::write(cases.join("one.ron"), case).unwrap();
    folder
}

/// The exit code and the problems of `eyechart check`, and the most memory that it had, in bytes.
fn checked(folder: &Path) -> (Option<i32>, String, u64) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_eyechart"));
    // The shell waits, so that what the kernel says of the child's memory can still be read.
    let script = "\"$0\" check & wait $!";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(&program)
        .current_dir(folder)
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    let code = loop {
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let running = std::fs::read_to_string(children).unwrap_or_default();
        for id in running.split_whitespace() {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes =
                line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
            most = most.max(1024 * kilobytes.unwrap_or(0_u64));
        }
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None => std::thread::sleep(std::time::Duration::from_millis(2)),
        }
    };
    let mut problems = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut problems).unwrap();
    (code, problems, most)
}

#[cfg(target_os = "linux")]
#[test]
fn bombs_are_refused_before_they_are_decoded() {
    let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bmp.extend([32_000_i32, 32_000].iter().flat_map(|side| side.to_le_bytes()));
    bmp.extend(b"\x01\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let bombs = [
        ("grey.png", png(32_768, 32_768, 1, 0), "32768x32768"),
        ("deep.png", png(9000, 9000, 1, 0), ""),
        ("wide.png", png(100_000, 1, 8, 2), "100000x1"),
        ("sequential.jpg", jpeg(32_000, 32_000, 0xC0), "32000x32000"),
        ("progressive.jpg", jpeg(65_500, 65_500, 0xC2), "65500x65500"),
        ("huge.bmp", bmp, "32000x32000"),
    ];
    for (name, bytes, size) in bombs {
        let folder = project(name, &bytes);
        let (code, problems, most) = checked(folder.path());
        let allowed = (256 << 20) + 256 * bytes.len() as u64 + (64 << 20);
        assert!(most < allowed, "{name} of {} bytes took {most}", bytes.len());
        if !size.is_empty() {
            assert_eq!(code, Some(1), "{name}: {problems}");
            assert!(problems.contains(name) && problems.contains(size), "{problems}");
            assert!(most < 64 << 20, "{name} took {most}");
        }
    }
}

#[test]
fn check_finds_what_is_cut_off() {
    for name in ["jpeg_cut_half.jpg", "jpeg_progressive_cut.jpg", "cut.png", "cut.webp", "cut.bmp"]
    {
        let bytes = std::fs::read(Path::new(FIXTURES).join(name)).unwrap();
        let folder = project(name, &bytes);
        let (code, problems, _) = checked(folder.path());
        assert_eq!(code, Some(1), "{name}");
        assert!(problems.contains(name), "{problems}");
    }
}

/// The picture is stored 6x4 and turned by a quarter: people see 4 columns and 6 rows.
#[test]
fn boxes_are_in_the_frame_that_people_see() {
    let bytes = std::fs::read(Path::new(FIXTURES).join("exif_6.png")).unwrap();
    let folder = project("phone.png", &bytes);
    let case = |field: &str, xyxy: &str| {
        let expect = format!("Boxes(truth: [(label: \"bar\", xyxy: {xyxy})])");
        let text = format!("(images: [\"phone.png\"], {field}prompt: \"?\", expect: {expect})");
        std::fs::write(folder.path().join("cases/one.ron"), text).unwrap();
        checked(folder.path())
    };
    assert_eq!(case("", "(0, 0, 4, 6)").0, Some(0));
    let (code, problems, _) = case("", "(0, 0, 6, 4)");
    assert_eq!(code, Some(1));
    assert!(problems.contains("4x6"), "{problems}");
    assert_eq!(case("orientation: Stored, ", "(0, 0, 6, 4)").0, Some(0));
    assert_eq!(case("orientation: Stored, ", "(0, 0, 4, 6)").0, Some(1));
    std::fs::write(folder.path().join("cases/defaults.ron"), "(orientation: Stored)").unwrap();
    assert_eq!(case("", "(0, 0, 6, 4)").0, Some(0));
    assert_eq!(case("orientation: Upright, ", "(0, 0, 4, 6)").0, Some(0));
}
