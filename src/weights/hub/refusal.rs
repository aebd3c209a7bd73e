//! What to do about what the hub answers.

use hf_hub::api::sync::ApiError;

use super::HubSettings;

/// Why the repository could not be looked at.
pub(super) fn of_repository(cause: &ApiError, address: &str, settings: &HubSettings) -> String {
    match status(cause) {
        Some(404) => format!("{address}: no such repository or revision"),
        Some(status @ (401 | 403)) => refused(status, address, settings),
        _ => format!("cannot reach {}: {cause}", settings.endpoint),
    }
}

/// Why a file could not be downloaded.
pub(super) fn of_file(
    cause: &ApiError,
    name: &str,
    address: &str,
    settings: &HubSettings,
) -> String {
    match (status(cause), cause) {
        (Some(404), _) => format!("{address} has no {name}"),
        (Some(status @ (401 | 403)), _) => refused(status, address, settings),
        (_, ApiError::LockAcquisition(lock)) => {
            format!("{name}: another process downloads it ({})", lock.display())
        }
        _ => format!("{name}: the download broke off: {cause}"),
    }
}

/// Whether asking again would bring the same answer.
pub(super) fn is_final(cause: &ApiError) -> bool {
    let refused = status(cause).is_some_and(|status| (400..500).contains(&status));
    refused || matches!(cause, ApiError::LockAcquisition(_))
}

fn refused(status: u16, address: &str, settings: &HubSettings) -> String {
    match (&settings.token, status) {
        (None, _) => format!(
            "{address}: the hub wants a token (status {status}); the repository is gated, private \
             or misspelt. Accept its licence on that page, then set HF_TOKEN or run `hf auth login`"
        ),
        (Some(_), 401) => format!(
            "{address}: the hub does not know your token (status 401), or the repository is \
             misspelt; make a new token and set HF_TOKEN or run `hf auth login`"
        ),
        (Some(_), _) => format!(
            "{address}: your token may not read it (status {status}); ask for access on that page"
        ),
    }
}

fn status(cause: &ApiError) -> Option<u16> {
    match cause {
        ApiError::RequestError(cause) => match **cause {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}
