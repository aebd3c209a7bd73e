//! Pictures.

use eyechart::image::decode_file;

use super::projects::said;
use super::{Target, files, write};

pub(super) const PICTURE: Target = Target {
    name: "picture",
    seeds: || {
        let kinds = ["png", "jpg", "webp", "bmp"];
        let mut seeds: Vec<_> = kinds
            .iter()
            .flat_map(|kind| files(&format!("fixtures/oracle/pictures/*.{kind}")))
            .collect();
        // Large seeds only slow mutations down.
        seeds.retain(|seed| seed.len() < 20_000);
        seeds
    },
    run: |folder, input| {
        let path = folder.join("x.png");
        write(&path, input);
        said(decode_file(&path));
    },
};
