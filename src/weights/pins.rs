//! Checksums that a user expects files to have.

use std::path::Path;

use super::WeightsError;
use crate::checksum;

/// Checks that each file of `folder` has the SHA-256 (64 hexadecimal digits) given for it. Reads the
/// files to their ends.
///
/// # Errors
/// A file is missing, cannot be read, or differs.
pub fn check_pins(folder: &Path, pins: &[(String, String)]) -> Result<(), WeightsError> {
    for (name, expected) in pins {
        let path = folder.join(name);
        if !path.is_file() {
            let hint = "eyechart.ron gives its sha256".to_owned();
            return Err(WeightsError::MissingFile { path, hint });
        }
        let found = sha256(&path)?;
        if !found.eq_ignore_ascii_case(expected) {
            let expected = expected.clone();
            return Err(WeightsError::Checksum { path, found, expected });
        }
    }
    Ok(())
}

/// The SHA-256 of a file in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String, WeightsError> {
    checksum::of_file(path).map_err(|source| WeightsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example: the sum of "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_pin_holds_or_says_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "abc").unwrap();
        let check =
            |name: &str, sum: &str| check_pins(folder.path(), &[(name.to_owned(), sum.to_owned())]);
        check("a", ABC).unwrap();
        check("a", &ABC.to_uppercase()).unwrap();
        let wrong = "0".repeat(64);
        let message = check("a", &wrong).unwrap_err().to_string();
        for part in ["a: ", ABC, &wrong] {
            assert!(message.contains(part), "{message}");
        }
        assert!(matches!(check("b", ABC), Err(WeightsError::MissingFile { .. })));
    }
}
