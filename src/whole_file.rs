/*!
Files that stand in their place whole or not at all.

Whatever is written goes into a new file beside its place, which then takes the place in one step:
a reader sees the old file or the new one, and so does whoever looks after a kill or on a full disk. The
name beside is drawn at random and must be free, so that nobody can lay a link there; a link in the
place itself is replaced and not followed.
*/

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the name of a file begins that has not taken its place yet.
const BESIDE_PREFIX: &str = ".eyechart-";
/// How it ends.
const BESIDE_SUFFIX: &str = ".tmp";

/// No write takes longer: an older file beside was left by a process that was killed.
pub(crate) const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// What a file outlasts once it is in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A kill of the process. A power cut may take its content, which the system writes later.
    Kill,
    /// A power cut too: the disk has it before it takes its place.
    PowerCut,
}

/// A file that is being written beside its place; dropped unfinished, it is removed.
#[derive(Debug)]
pub(crate) struct WholeFile {
    path: PathBuf,
    beside: Option<PathBuf>,
    out: BufWriter<File>,
}

impl WholeFile {
    /// Begins the file that is to stand at `path`, whose folder must be there.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let beside = beside(path);
        let file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        Ok(Self { path: path.to_owned(), beside: Some(beside), out: BufWriter::new(file) })
    }

    /// Ends the file and puts it in its place.
    ///
    /// # Errors
    /// It cannot be written to its end, or not take its place; then the old file stays.
    pub(crate) fn put_in_place(mut self, durability: Durability) -> io::Result<()> {
        self.out.flush()?;
        if durability == Durability::PowerCut {
            self.out.get_ref().sync_data()?;
        }
        if let Some(beside) = &self.beside {
            fs::rename(beside, &self.path)?;
        }
        self.beside = None;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // The error that is told is the one that kept it from its place.
            let _ = fs::remove_file(beside);
        }
    }
}

/// Puts a file with this content in its place.
///
/// # Errors
/// As of [`WholeFile`].
pub(crate) fn write(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(content)?;
    file.put_in_place(durability)
}

/// Removes what processes left in `folder` that were killed while they wrote: whatever is older than
/// this.
pub(crate) fn remove_abandoned(folder: &Path, older_than: Duration) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(BESIDE_PREFIX)
            && name.ends_with(BESIDE_SUFFIX)
            && age(&entry).is_ok_and(|age| age >= older_than)
        {
            // What cannot be removed is in nobody's way.
            let _ = match entry.file_type() {
                Ok(found) if found.is_dir() => fs::remove_dir_all(entry.path()),
                _ => fs::remove_file(entry.path()),
            };
        }
    }
}

fn age(entry: &fs::DirEntry) -> io::Result<Duration> {
    Ok(entry.metadata()?.modified()?.elapsed().unwrap_or_default())
}

/// Refuses a link in the place of a file that is written to where it is.
///
/// # Errors
/// There is a link, or something else that is no file.
pub(crate) fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_symlink() => {
            Err(io::Error::other("it is a link, which is not written through; remove it"))
        }
        Ok(_) => Err(io::Error::other("it is no file; remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A free name in the same folder, short whatever the file is called, that nobody can guess: keys of
/// a [`RandomState`] come from the system.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let drawn = RandomState::new().build_hasher().finish();
    path.with_file_name(format!("{BESIDE_PREFIX}{drawn:016x}{BESIDE_SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(255));
        write(&path, b"old", Durability::Kill).unwrap();
        let mut new = WholeFile::create(&path).unwrap();
        new.write_all(b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"old".to_vec(), 2));
        new.put_in_place(Durability::PowerCut).unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"new".to_vec(), 1));
        drop(WholeFile::create(&path).unwrap());
        assert_eq!(names(folder.path()).len(), 1, "what was given up is removed");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [far, near] = ["far", "near"].map(|name| folder.path().join(name));
        fs::write(&far, "mine").unwrap();
        std::os::unix::fs::symlink(&far, &near).unwrap();
        assert!(refuse_link(&near).unwrap_err().to_string().starts_with("it is a link"));
        write(&near, b"ours", Durability::Kill).unwrap();
        assert_eq!(fs::read_to_string(&far).unwrap(), "mine");
        assert_eq!(fs::read_to_string(&near).unwrap(), "ours");
        refuse_link(&near).unwrap();
        refuse_link(&folder.path().join("none")).unwrap();
    }

    #[test]
    fn only_what_was_left_long_ago_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - 2 * ABANDONED_AFTER;
        for (name, time) in
            [(".eyechart-1.tmp", Some(old)), (".eyechart-2.tmp", None), ("mine.tmp", Some(old))]
        {
            let file = File::create(folder.path().join(name)).unwrap();
            time.iter().for_each(|time| file.set_modified(*time).unwrap());
        }
        remove_abandoned(folder.path(), ABANDONED_AFTER);
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, [".eyechart-2.tmp", "mine.tmp"]);
    }
}
