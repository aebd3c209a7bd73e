/*!
Checkpoints from the Hugging Face hub, kept in its standard cache (feature `hub`).

What a checkpoint needs is downloaded file by file through `hf-hub`, which resumes what was cut off.
What it does not look at is looked at here: the length of what arrived, its checksum where the hub
gives one, names that would lead out of the cache, `HF_TOKEN`, and being offline. Pin a commit: a
branch may move between two runs, and only a commit needs no question to the hub.
*/

mod progress;
mod refusal;

use std::path::{Component, Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use super::WeightsError;
use super::folder::{CONFIG, CheckpointFolder};
use super::hub_cache::{HubCache, hub_home, variable};
use super::pins::sha256;
use progress::ShownProgress;

const ENDPOINT: &str = "https://huggingface.co";
const OFFLINE_VARIABLES: [&str; 2] = ["EYECHART_OFFLINE", "HF_HUB_OFFLINE"];
const TOKEN_VARIABLES: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/// How often a file is begun or resumed before the connection is given up.
const ATTEMPTS: usize = 4;

/// What the hub is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// The hub's address.
    pub endpoint: String,
    /// Where downloads are kept.
    pub cache: HubCache,
    /// The user's token, for gated and private repositories.
    pub token: Option<String>,
    /// The variable that forbids the network, if one does.
    pub offline: Option<&'static str>,
}

impl HubSettings {
    /// As the environment says: `HF_ENDPOINT`; `HF_HUB_CACHE` or `HF_HOME`; `HF_TOKEN`, or the file
    /// that `hf auth login` writes (`HF_TOKEN_PATH`, or `token` in `HF_HOME`); `EYECHART_OFFLINE` or
    /// `HF_HUB_OFFLINE`, set to anything but `0`.
    pub fn from_env() -> Self {
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        let is_set = |name: &&&str| variable(name).is_some_and(|value| value != "0");
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: HubCache::from_env(),
            token: TOKEN_VARIABLES.into_iter().find_map(text).or_else(token_of_file),
            offline: OFFLINE_VARIABLES.iter().find(is_set).copied(),
        }
    }
}

fn token_of_file() -> Option<String> {
    let path = variable("HF_TOKEN_PATH").map_or_else(|| hub_home().join("token"), PathBuf::from);
    let token = std::fs::read_to_string(path).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Downloads what is missing of `repository` (`owner/name`) at `revision` and returns the folder
/// of the snapshot. A commit whose files are all there is not asked for again.
///
/// # Errors
/// The hub refuses, does not know the repository, or sends something else than it announced; or
/// files are missing and the network is forbidden.
pub fn fetch(
    repository: &str,
    revision: &str,
    settings: &HubSettings,
) -> Result<PathBuf, WeightsError> {
    let error = |message: String| WeightsError::Hub {
        repository: repository.to_owned(),
        revision: revision.to_owned(),
        message,
    };
    let cached = settings.cache.snapshot(repository, revision);
    let complete = cached.as_ref().filter(|folder| is_complete(folder));
    if let Some(folder) = complete.filter(|_| is_commit(revision) || settings.offline.is_some()) {
        return Ok(folder.clone());
    }
    if let Some(variable) = settings.offline {
        let state = if cached.is_some() { "not all of it is" } else { "it is not" };
        let cache = settings.cache.folder().display();
        return Err(error(format!("{state} in {cache}, and {variable} forbids to download it")));
    }
    Download::start(repository, revision, settings)
        .and_then(|download| download.run())
        .map_err(error)
}

fn is_complete(folder: &Path) -> bool {
    CheckpointFolder::open(folder).is_ok_and(|folder| folder.weight_files().is_ok())
}

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One repository at one commit. Its errors are messages for [`WeightsError::Hub`].
struct Download<'a> {
    settings: &'a HubSettings,
    api: hf_hub::api::sync::Api,
    files: ApiRepo,
    cache: hf_hub::CacheRepo,
    commit: String,
    /// The snapshot's folder.
    folder: PathBuf,
    /// The repository's files.
    names: Vec<String>,
    address: String,
}

impl<'a> Download<'a> {
    /// Asks for the commit and the list of files.
    fn start(repository: &str, revision: &str, settings: &'a HubSettings) -> Result<Self, String> {
        let cache = Cache::new(settings.cache.folder().to_owned());
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(settings.endpoint.clone())
            .with_token(settings.token.clone())
            .build()
            .map_err(|cause| format!("cannot set up the client: {cause}"))?;
        let repo = |revision: &str| {
            Repo::with_revision(repository.to_owned(), RepoType::Model, revision.to_owned())
        };
        let address = format!("{}/{repository}", settings.endpoint);
        let info = api.repo(repo(revision)).info();
        let info = info.map_err(|cause| refusal::of_repository(&cause, &address, settings))?;
        let commit = info.sha;
        if !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("the hub names a commit that is none: {commit:?}"));
        }
        if commit != revision {
            let refer = cache.repo(repo(revision)).create_ref(&commit);
            refer.map_err(|cause| format!("cannot write to the cache: {cause}"))?;
        }
        let names = info.siblings.into_iter().map(|file| file.rfilename);
        let cache = cache.repo(repo(&commit));
        Ok(Self {
            settings,
            files: api.repo(repo(&commit)),
            api,
            folder: cache.pointer_path(&commit),
            cache,
            commit,
            names: names.filter(|name| stays_inside(name)).collect(),
            address,
        })
    }

    /// Downloads what is missing; returns the snapshot's folder.
    fn run(self) -> Result<PathBuf, String> {
        if !self.names.iter().any(|name| name == CONFIG) {
            return Err(format!("{} has no {CONFIG}; it is no checkpoint", self.address));
        }
        for name in self.names.iter().filter(|name| is_small(name)) {
            self.file(name)?;
        }
        for name in self.weights()? {
            self.file(&name)?;
        }
        Ok(self.folder)
    }

    /// The names of the files of weights; their index is already there.
    fn weights(&self) -> Result<Vec<String>, String> {
        let folder = CheckpointFolder::open(&self.folder).map_err(|error| error.to_string())?;
        let holds = |name: &str| self.names.iter().any(|known| known == name);
        let wanted = folder.wanted_weights(holds).map_err(|error| error.to_string())?;
        match wanted.iter().find(|name| !holds(name)) {
            Some(missing) => Err(format!("{} has no {missing}", self.address)),
            None => Ok(wanted),
        }
    }

    /// Downloads one file, unless it is there.
    fn file(&self, name: &str) -> Result<(), String> {
        if self.folder.join(name).exists() {
            return Ok(());
        }
        let refused =
            |cause: &ApiError| refusal::of_file(cause, name, &self.address, self.settings);
        let metadata = self.api.metadata(&self.files.url(name)).map_err(|cause| refused(&cause))?;
        let (etag, size) = (metadata.etag(), metadata.size() as u64);
        if metadata.commit_hash() != self.commit || !is_plain(etag) {
            return Err(format!("{name}: the hub's answer belongs to another commit"));
        }
        let blob = self.cache.blob_path(etag);
        let part = blob.with_extension("part");
        // A whole part was not moved to its place; asked for more, the hub would refuse.
        if part.metadata().is_ok_and(|part| part.len() >= size) {
            remove(&part)?;
        }
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.files.download_with_progress(name, ShownProgress::new()) {
                Ok(_) => return self.check(name, &blob, etag, size),
                Err(cause) if refusal::is_final(&cause) => return Err(refused(&cause)),
                Err(cause) => last = Some(cause),
            }
        }
        let cause = last.map(|cause| refused(&cause)).unwrap_or_default();
        Err(format!("{cause}; run again to go on where it stopped"))
    }

    /// Checks what arrived, and forgets it if it is not what was announced.
    fn check(&self, name: &str, blob: &Path, etag: &str, size: u64) -> Result<(), String> {
        let found = blob.metadata().map_err(|cause| format!("{name}: {cause}"))?.len();
        let problem = if found != size {
            Some(format!("{name}: {found} bytes arrived, expected {size}; try again"))
        } else if etag.len() == 64 {
            // Of large files, the hub's tag is the SHA-256.
            let found = sha256(blob).map_err(|error| error.to_string())?;
            (found != etag)
                .then(|| format!("{name}: sha256 is {found}, expected {etag}; try again"))
        } else {
            None
        };
        match problem {
            None => Ok(()),
            Some(problem) => {
                remove(&self.folder.join(name))?;
                remove(blob)?;
                Err(problem)
            }
        }
    }
}

fn remove(path: &Path) -> Result<(), String> {
    std::fs::remove_file(path).map_err(|cause| format!("cannot remove {}: {cause}", path.display()))
}

/// Whether a name can be one of a file in the cache.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a path leads to a file below the folder it is joined to.
fn stays_inside(name: &str) -> bool {
    let mut components = Path::new(name).components();
    !name.is_empty() && components.all(|component| matches!(component, Component::Normal(_)))
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
    fn names_that_leave_the_cache_are_not_followed() {
        assert!(stays_inside("qformer_tokenizer/vocab.txt"));
        for name in ["../config.json", "/etc/config.json", "a/../../b.json", ""] {
            assert!(!stays_inside(name), "{name}");
        }
        assert!(is_plain("0a1b-2") && !is_plain("../blob") && !is_plain(""));
    }
}
