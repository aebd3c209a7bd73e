/*!
Answers kept between runs: a question that was answered once is not computed again.

A folder that processes can share. An answer is found by the SHA-256 of everything that it depends on
([`Key`]); a changed byte in any of that misses. Files are written beside their place and renamed, so
that a reader sees all of one or nothing. What cannot be read back is damage: it is told, and counts
as a miss. Knows nothing of cases or of how answers are judged.

| file | what it holds |
|---|---|
| `answers/<2 digits>/<key>.json` | the SHA-256 of the second line, and there the answer and where it was computed |
| `checksums/<digits>.json` | the SHA-256 of a file of a checkpoint, as long as that is unchanged, see [`checkpoint`] |
*/

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::checksum;
use crate::journal::Place;
use crate::whole_file::{self, Durability};

pub mod checkpoint;
mod key;

pub use checkpoint::{CheckpointFile, UnreadableFile};
pub use key::{Key, Parts};

/// Most bytes that are read of an answer's file. The longest answer has some megabytes.
const MOST_BYTES: u64 = 64 << 20;

/// A folder of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCache {
    folder: PathBuf,
}

/// An answer and where it was computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CachedAnswer {
    /// The answer, with times and memory of then.
    pub answer: Answer,
    /// Where it was computed.
    pub place: Place,
}

/// What came of looking for an answer.
#[derive(Debug)]
pub enum Lookup {
    /// It is there.
    Hit(Box<CachedAnswer>),
    /// It is not.
    Miss,
    /// Something is in its place.
    Damaged(Damage),
}

/// A file of the cache that does not hold what it should.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}; the answer is computed again", path.display())]
pub struct Damage {
    path: PathBuf,
    reason: String,
}

/// An answer cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {source}; choose another folder with EYECHART_CACHE", path.display())]
pub struct Unwritable {
    path: PathBuf,
    source: io::Error,
}

impl AnswerCache {
    /// The cache in a folder, which is made when something is first kept.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The answer to a question of this key.
    pub fn find(&self, key: &Key) -> Lookup {
        let path = self.path(key);
        let damaged = |reason| Lookup::Damaged(Damage { path: path.clone(), reason });
        match read(&path) {
            Ok(text) => match parse(&text) {
                Ok(found) => Lookup::Hit(Box::new(found)),
                Err(reason) => damaged(reason),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Lookup::Miss,
            Err(error) => damaged(format!("cannot be read: {error}")),
        }
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, key: &Key, answer: &CachedAnswer) -> Result<(), Unwritable> {
        let path = self.path(key);
        let kept = serde_json::to_string(answer).map_err(io::Error::from).and_then(|json| {
            let sum = checksum::of_bytes(json.as_bytes());
            replace(&path, &format!("{sum}\n{json}\n"))
        });
        kept.map_err(|source| Unwritable { path, source })
    }

    fn path(&self, key: &Key) -> PathBuf {
        let digits = key.digits();
        self.folder.join("answers").join(&digits[..2]).join(format!("{digits}.json"))
    }
}

fn parse(text: &str) -> Result<CachedAnswer, String> {
    let (sum, json) = text.split_once('\n').ok_or("is cut off in its first line")?;
    let json = json.strip_suffix('\n').ok_or("is cut off")?;
    if checksum::of_bytes(json.as_bytes()) != sum {
        return Err("its answer has another checksum than its first line says".to_owned());
    }
    serde_json::from_str(json).map_err(|error| format!("is no answer: {error}"))
}

/// Puts a text in a file's place at once, whoever else writes there. What a power cut tears has another
/// sum.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    whole_file::write(path, text.as_bytes(), Durability::Kill)
}

/// Reads a file that this cache has written, and nothing that has no end.
fn read(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST_BYTES {
        true => Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes"))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests;
