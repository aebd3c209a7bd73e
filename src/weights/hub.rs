/*!
Checkpoints from the Hugging Face hub, kept in its standard cache (feature `hub`).

With `EYECHART_OFFLINE` or `HF_HUB_OFFLINE` set to anything but `0` or nothing, only the cache is
looked at. Pin a commit: a branch may move between two runs.
*/

use std::path::PathBuf;

use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use super::WeightsError;

const OFFLINE_VARIABLES: [&str; 2] = ["EYECHART_OFFLINE", "HF_HUB_OFFLINE"];

/// Downloads what is missing of `repository` (`owner/name`) at `revision` and returns the folder
/// of the snapshot.
pub fn fetch(repository: &str, revision: &str) -> Result<PathBuf, WeightsError> {
    let error = |message: String| WeightsError::Hub {
        repository: repository.to_owned(),
        revision: revision.to_owned(),
        message,
    };
    let repo = Repo::with_revision(repository.to_owned(), RepoType::Model, revision.to_owned());
    if let Some(variable) = OFFLINE_VARIABLES.into_iter().find(|name| is_set(name)) {
        return cached(&repo).ok_or_else(|| {
            error(format!("not in the cache, and {variable} forbids to download it"))
        });
    }
    let api = ApiBuilder::from_env().with_progress(false).build();
    let api = api.map_err(|cause| error(format!("cannot set up the client: {cause}")))?;
    download(&api.repo(repo)).map_err(|cause| error(format!("cannot download: {cause}")))
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0")
}

fn cached(repo: &Repo) -> Option<PathBuf> {
    let config = Cache::from_env().repo(repo.clone()).get("config.json")?;
    config.parent().map(PathBuf::from)
}

fn download(repo: &ApiRepo) -> Result<PathBuf, hf_hub::api::sync::ApiError> {
    let files = repo.info()?.siblings.into_iter().map(|file| file.rfilename);
    let mut folder = PathBuf::new();
    for name in files.filter(|name| is_needed(name)) {
        folder = repo.get(&name)?.parent().map(PathBuf::from).unwrap_or_default();
    }
    Ok(folder)
}

/// Configuration, tokenizer, template and weights of the top folder.
fn is_needed(name: &str) -> bool {
    let ends = [".json", ".jinja", ".safetensors"];
    !name.contains('/') && ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_of_the_weights_are_left_out() {
        assert!(is_needed("model-00001-of-00002.safetensors"));
        assert!(!is_needed("pytorch_model.bin"));
        assert!(!is_needed("onnx/config.json"));
    }
}
