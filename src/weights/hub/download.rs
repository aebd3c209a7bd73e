//! The files of one commit, from the hub into the cache.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::api::Progress;
use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::client::{Client, Purpose, RequestError};
use super::incoming::{Incoming, IncomingError};
use super::progress::ShownProgress;
use super::refusal;
use super::settings::HubSettings;
use crate::weights::folder::{CONFIG, CheckpointFolder};
use crate::weights::pins::sha256;

/// How often a file is begun or resumed before the connection is given up.
const ATTEMPTS: u32 = 4;

/// Time before the second attempt; before the third, twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// Bytes that are taken at a time.
const CHUNK: usize = 1 << 16;

/// One repository at one commit. Its errors are messages for [`WeightsError::Hub`].
///
/// [`WeightsError::Hub`]: crate::weights::WeightsError::Hub
pub(super) struct Download<'a> {
    pub(super) settings: &'a HubSettings,
    pub(super) client: &'a Client<'a>,
    pub(super) repository: &'a str,
    pub(super) commit: &'a str,
    /// The repository's files, all of them below its folder.
    pub(super) names: &'a [String],
}

/// What the hub says of a file.
struct Announced {
    etag: String,
    bytes: u64,
}

/// Why a file is not there.
enum Failure {
    Request(RequestError),
    Place(IncomingError),
}

impl From<RequestError> for Failure {
    fn from(cause: RequestError) -> Self {
        Self::Request(cause)
    }
}

impl From<IncomingError> for Failure {
    fn from(cause: IncomingError) -> Self {
        Self::Place(cause)
    }
}

impl Download<'_> {
    /// Downloads what is missing; returns the snapshot's folder.
    pub(super) fn run(&self) -> Result<PathBuf, String> {
        if !self.holds(CONFIG) {
            return Err(format!("{} has no {CONFIG}; it is no checkpoint", self.address()));
        }
        for name in self.names.iter().filter(|name| is_small(name)) {
            self.file(name)?;
        }
        for name in self.weights()? {
            self.file(&name)?;
        }
        Ok(self.folder())
    }

    /// The names of the files of weights; their index is already there.
    fn weights(&self) -> Result<Vec<String>, String> {
        let folder = CheckpointFolder::open(&self.folder()).map_err(|error| error.to_string())?;
        let wanted = folder.wanted_weights(|name| self.holds(name));
        let wanted = wanted.map_err(|error| error.to_string())?;
        match wanted.iter().find(|name| !self.holds(name)) {
            Some(missing) => Err(format!("{} has no {missing}", self.address())),
            None => Ok(wanted),
        }
    }

    fn holds(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    fn address(&self) -> String {
        format!("{}/{}", self.settings.endpoint, self.repository)
    }

    fn cache(&self) -> CacheRepo {
        let (repository, commit) = (self.repository.to_owned(), self.commit.to_owned());
        let repo = Repo::with_revision(repository, RepoType::Model, commit);
        Cache::new(self.settings.cache.folder().to_owned()).repo(repo)
    }

    fn folder(&self) -> PathBuf {
        self.cache().pointer_path(self.commit)
    }

    /// Downloads one file, unless it is there.
    fn file(&self, name: &str) -> Result<(), String> {
        if self.folder().join(name).exists() {
            return Ok(());
        }
        let refused = |failure: Failure| match failure {
            Failure::Request(cause) => {
                refusal::of_file(&cause, name, &self.address(), self.settings)
            }
            Failure::Place(cause) => format!("{name}: {cause}"),
        };
        let address = format!("{}/resolve/{}/{}", self.address(), self.commit, escaped(name));
        let announced = with_attempts(|| self.announced(&address));
        let Announced { etag, bytes } = announced.map_err(&refused)?;
        let blob = self.cache().blob_path(&etag);
        if !blob.is_file() {
            let incoming = Incoming::open(&blob, &self.lock(&etag));
            let mut incoming = incoming.map_err(|cause| refused(cause.into()))?;
            let taken = with_attempts(|| self.take(&address, name, bytes, &mut incoming));
            taken.map_err(|failure| {
                let goes_on = matches!(&failure, Failure::Request(cause) if cause.is_passing());
                let hint = if goes_on { "; run again to go on where it stopped" } else { "" };
                refused(failure) + hint
            })?;
            place(incoming, &etag, bytes).map_err(|problem| format!("{name}: {problem}"))?;
        }
        link(&blob, &self.folder(), name)
            .map_err(|cause| format!("{name}: cannot write to the cache: {cause}"))
    }

    /// The lock of Python's client: `huggingface_hub` ee0a451 `file_download.py`.
    fn lock(&self, etag: &str) -> PathBuf {
        let cache = &self.settings.cache;
        let repository = cache.repository(self.repository);
        let name = repository.file_name().unwrap_or_default();
        cache.folder().join(".locks").join(name).join(format!("{etag}.lock"))
    }

    fn announced(&self, address: &str) -> Result<Announced, Failure> {
        let reply = self.client.get(address, Purpose::Metadata)?;
        let useless = |what: &str| Failure::Request(RequestError::Answer(what.to_owned()));
        if reply.said.commit.as_deref() != Some(self.commit) {
            return Err(useless("it belongs to another commit"));
        }
        let etag = reply.said.etag.filter(|etag| is_plain(etag));
        let etag = etag.ok_or_else(|| useless("it has no ETag that can name a file"))?;
        let headers = reply.response.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let of_range =
            text("content-range").and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let whole = reply.response.status() == 200;
        let length = text("content-length").filter(|_| whole).and_then(|text| text.parse().ok());
        let bytes = reply.said.size.or(of_range).or(length);
        let bytes = bytes.ok_or_else(|| useless("it does not say how long the file is"))?;
        Ok(Announced { etag, bytes })
    }

    /// Takes the bytes that are missing.
    fn take(
        &self,
        address: &str,
        name: &str,
        bytes: u64,
        incoming: &mut Incoming,
    ) -> Result<(), Failure> {
        if incoming.length()? > bytes {
            incoming.start_again()?;
        }
        let mut from = incoming.length()?;
        if from == bytes {
            return Ok(());
        }
        let reply = self.client.get(address, Purpose::Bytes { from })?;
        if reply.response.status() == 200 && from > 0 {
            // It sends all of it.
            incoming.start_again()?;
            from = 0;
        }
        let mut progress = ShownProgress::new();
        progress.init(usize::try_from(bytes).unwrap_or(usize::MAX), name);
        progress.update(usize::try_from(from).unwrap_or(usize::MAX));
        // One byte more than announced is enough to know.
        let mut body = reply.response.into_body().into_reader().take(bytes - from + 1);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = body.read(&mut chunk);
            let read = read.map_err(|cause| RequestError::Connection(cause.to_string()))?;
            if read == 0 {
                break;
            }
            incoming.append(&chunk[..read])?;
            progress.update(read);
        }
        progress.finish();
        Ok(())
    }
}

/// Tries again what may pass.
fn with_attempts<T>(mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(Failure::Request(cause)) if cause.is_passing() => std::thread::sleep(pause),
            ended => return ended,
        }
        pause += PAUSE;
    }
    attempt()
}

/// Puts what arrived among the blobs, or forgets it if it is not what was announced.
fn place(incoming: Incoming, etag: &str, bytes: u64) -> Result<(), String> {
    match problem(&incoming, etag, bytes)? {
        None => incoming.finish().map_err(|cause| cause.to_string()),
        Some(problem) => {
            incoming.discard().map_err(|cause| cause.to_string())?;
            Err(problem)
        }
    }
}

fn problem(incoming: &Incoming, etag: &str, bytes: u64) -> Result<Option<String>, String> {
    let found = incoming.length().map_err(|cause| cause.to_string())?;
    if found != bytes {
        let more = if found > bytes { " or more" } else { "" };
        return Ok(Some(format!("{found}{more} bytes arrived, expected {bytes}; try again")));
    }
    if etag.len() != 64 {
        return Ok(None);
    }
    // Of large files, the hub's tag is the SHA-256.
    let sum = sha256(incoming.path()).map_err(|error| error.to_string())?;
    Ok((sum != etag).then(|| format!("sha256 is {sum}, expected {etag}; try again")))
}

/// Makes `name` in the snapshot's folder stand for the blob, as Python's client does.
fn link(blob: &Path, folder: &Path, name: &str) -> std::io::Result<()> {
    let pointer = folder.join(name);
    if let Some(parent) = pointer.parent() {
        fs::create_dir_all(parent)?;
    }
    let up = "../".repeat(Path::new(name).components().count() + 1);
    let target = PathBuf::from(up).join("blobs").join(blob.file_name().unwrap_or_default());
    match symlink(&target, &pointer) {
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists && pointer.exists() => {
            Ok(())
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            // Its blob is gone.
            fs::remove_file(&pointer).and_then(|()| symlink(&target, &pointer)).map_err(|_| cause)
        }
        // A file system without links.
        Err(_) if !cfg!(unix) => fs::copy(blob, &pointer).map(drop),
        done => done,
    }
}

#[cfg(unix)]
fn symlink(target: &Path, pointer: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, pointer)
}

#[cfg(windows)]
fn symlink(target: &Path, pointer: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, pointer)
}

/// Whether a name can be one of a file in the cache.
fn is_plain(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A file's name as a part of an address (RFC 3986, section 2.3).
fn escaped(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escape = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

/// Configuration, tokenizer and template: of the top folder, of BLIP's second tokenizer, and of the
/// pooling of an encoder of sentences.
fn is_small(name: &str) -> bool {
    let folders = ["qformer_tokenizer/", "1_Pooling/"];
    let name = folders.iter().find_map(|folder| name.strip_prefix(folder)).unwrap_or(name);
    let ends = [".json", ".jinja", ".txt", ".model"];
    !name.contains('/') && ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_checkpoint_needs_is_small() {
        for name in [
            "config.json",
            "merges.txt",
            "chat_template.jinja",
            "qformer_tokenizer/vocab.txt",
            "1_Pooling/config.json",
        ] {
            assert!(is_small(name), "{name}");
        }
        for name in ["model.safetensors", "pytorch_model.bin", "onnx/config.json", "README.md"] {
            assert!(!is_small(name), "{name}");
        }
    }

    #[test]
    fn names_of_blobs_and_addresses_are_plain() {
        assert!(is_plain("0a1b-2") && !is_plain("../blob") && !is_plain(""));
        assert_eq!(escaped("a/b-1.json"), "a/b-1.json");
        assert_eq!(escaped("a b?#%ä"), "a%20b%3F%23%25%C3%A4");
    }
}
