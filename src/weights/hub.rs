/*!
Checkpoints from the Hugging Face hub, kept in its standard cache (feature `hub`).

What a checkpoint needs is downloaded file by file, resumed where it was cut off, and checked: its
length, its checksum where the hub gives one, the commit that it belongs to. The layout of the cache
and of the hub's answers is `hf-hub`'s; requests are ours (`client`), because the token must not
follow a redirect. Pin a commit: a branch may move between two runs, and only a commit needs no
question to the hub.
*/

mod client;
mod download;
mod incoming;
mod progress;
mod refusal;
mod settings;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use hf_hub::api::RepoInfo;
use hf_hub::{Cache, Repo, RepoType};

use super::WeightsError;
use super::folder::{CheckpointFolder, stays_inside};
use super::hub_cache::{is_commit, noted_commit};
use client::{Client, RequestError};
use download::Download;
pub use settings::{HubSettings, HubToken, Network, Timeouts};

/// Downloads what is missing of `repository` (`owner/name`) at `revision` and returns the folder
/// of the snapshot. A commit whose files are all there is not asked for again. Nothing is written
/// if nothing is missing, so a cache may be read-only.
///
/// # Errors
/// The hub refuses, does not know the repository, or sends something else than it announced; or
/// files are missing and the network is forbidden.
pub fn fetch(
    repository: &str,
    revision: &str,
    settings: &HubSettings,
) -> Result<PathBuf, WeightsError> {
    let cached = settings.cache.snapshot(repository, revision);
    let complete = cached.clone().filter(|folder| is_complete(folder));
    let found = match (complete, settings.network) {
        (Some(folder), Network::Forbidden(_)) => Ok(folder),
        (Some(folder), _) if is_commit(revision) => Ok(folder),
        (None, Network::Forbidden(variable)) => {
            let state = if cached.is_some() { "not all of it is" } else { "it is not" };
            let cache = settings.cache.folder().display();
            Err(format!("{state} in {cache}, and {variable} forbids to download it"))
        }
        (complete, _) => match ask(repository, revision, settings) {
            Err(refusal) => instead(refusal, complete, revision, settings),
            Ok(folder) => Ok(folder),
        },
    };
    found.map_err(|message| WeightsError::Hub {
        repository: repository.to_owned(),
        revision: revision.to_owned(),
        message,
    })
}

/// Why the hub gave nothing.
struct Refusal {
    message: String,
    /// Whether the hub was not there rather than against it.
    hub_is_down: bool,
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self { message, hub_is_down: false }
    }
}

/// The cached copy in place of what the hub did not give, where the user lets us.
fn instead(
    refusal: Refusal,
    complete: Option<PathBuf>,
    revision: &str,
    settings: &HubSettings,
) -> Result<PathBuf, String> {
    let Refusal { message, hub_is_down } = refusal;
    let Some(folder) = complete else { return Err(message) };
    let commit = folder.file_name().unwrap_or_default().display();
    if hub_is_down && settings.network == Network::Preferred {
        warn(&format!("{message}; going on with the cached copy of {revision}, commit {commit}"));
        return Ok(folder);
    }
    Err(format!(
        "{message}. A copy of {revision}, commit {commit}, is cached; EYECHART_OFFLINE=1 takes it"
    ))
}

/// Asks the hub for the commit and its files, and downloads what is missing.
fn ask(repository: &str, revision: &str, settings: &HubSettings) -> Result<PathBuf, Refusal> {
    if !stays_inside(repository) || !stays_inside(revision) {
        return Err("neither repository nor revision may lead out of the cache".to_owned().into());
    }
    let client = Client::new(settings)?;
    let repo = Repo::with_revision(repository.to_owned(), RepoType::Model, revision.to_owned());
    let address = format!("{}/api/{}", settings.endpoint, repo.api_url());
    let info: RepoInfo = client.list(&address).map_err(|cause: RequestError| Refusal {
        hub_is_down: cause.is_passing(),
        message: refusal::of_repository(
            &cause,
            &format!("{}/{repository}", settings.endpoint),
            settings,
        ),
    })?;
    check_commit(revision, &info.sha)?;
    let names = info.siblings.into_iter().map(|file| file.rfilename);
    let is_plain = |name: &String| stays_inside(name) && !name.contains(char::is_control);
    let names: Vec<String> = names.filter(is_plain).collect();
    let download =
        Download { settings, client: &client, repository, commit: &info.sha, names: &names };
    let folder = download.run()?;
    if info.sha != revision {
        remember(repo, &info.sha, settings);
    }
    Ok(folder)
}

/// The hub, or whoever answers for it, has the last word on a branch, but none on a commit.
fn check_commit(revision: &str, found: &str) -> Result<(), String> {
    if !is_commit(found) {
        return Err(format!("the hub names a commit that is none: {found:?}"));
    }
    match is_commit(revision) && !found.eq_ignore_ascii_case(revision) {
        true => Err(format!(
            "eyechart.ron pins this commit, but the hub answers with {found}; nothing was taken. \
             If HF_ENDPOINT names a mirror, it is not to be trusted"
        )),
        false => Ok(()),
    }
}

/// Writes down which commit a branch stands for, unless that is known; of use when offline.
fn remember(repo: Repo, commit: &str, settings: &HubSettings) {
    let known = settings.cache.repository(repo.url().as_str()).join("refs").join(repo.revision());
    let branch = repo.revision().to_owned();
    let noted = match noted_commit(&known) {
        Ok(known) if known == commit => return,
        // What is no file must not be opened for writing either.
        Err(cause) if cause.kind() == ErrorKind::InvalidInput => Err(cause),
        _ => Cache::new(settings.cache.folder().to_owned()).repo(repo).create_ref(commit),
    };
    if let Err(cause) = noted {
        warn(&format!("cannot note in the cache that {branch} is {commit}: {cause}"));
    }
}

fn is_complete(folder: &Path) -> bool {
    CheckpointFolder::open(folder).is_ok_and(|folder| folder.weight_files().is_ok())
}

/// Says on stderr what no error says. Whoever closed that wants to hear nothing.
fn warn(text: &str) {
    let plain = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    let text: String = text.chars().map(plain).collect();
    let _ = writeln!(std::io::stderr().lock(), "warning: {text}");
}
