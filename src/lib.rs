/*!
**eyechart** makes the evaluation of vision-language models a part of `cargo test`.
*/

pub mod answer;
pub mod answer_cache;
pub mod asked;
mod bounded_file;
pub mod case;
pub mod checksum;
pub mod compare;
pub mod dataset;
pub mod decode;
pub mod engine;
pub mod extract;
pub mod foreign;
pub mod geometry;
pub mod harness;
pub mod image;
pub mod inventory;
pub mod journal;
pub mod model;
pub mod nn;
pub mod offline;
pub mod opinion;
mod ordered_map;
pub mod preset;
pub mod registry;
pub mod report;
pub mod request;
pub mod score;
pub mod scorer;
pub mod snapshot;
pub mod stats;
pub mod weights;
mod whole_file;

/// Names that [`main!`] needs in the user's crate.
#[doc(hidden)]
pub mod __private {
    pub use insta;
}

/// Makes a test target (with `harness = false`) the eval suite of its crate.
///
/// ```ignore
/// // tests/eval.rs
/// eyechart::main!();
/// ```
///
/// The macro holds no logic. It is one because insta stores a snapshot beside the file in which
/// its own macro expands, which must be the user's.
#[macro_export]
macro_rules! main {
    () => {
        fn main() -> ::std::process::ExitCode {
            fn assert_snapshot(name: &str, text: &str, expression: &str) {
                $crate::__private::insta::assert_snapshot!(name, text, expression)
            }
            $crate::harness::main($crate::harness::Site {
                manifest_dir: env!("CARGO_MANIFEST_DIR"),
                target_tmpdir: option_env!("CARGO_TARGET_TMPDIR"),
                package: option_env!("CARGO_PKG_NAME").unwrap_or_default(),
                target: option_env!("CARGO_CRATE_NAME").unwrap_or_default(),
                assert_snapshot,
                insta_workspace: || $crate::__private::insta::_get_workspace_root!().to_path_buf(),
            })
        }
    };
}
