//! What to do about what the hub answers.

use super::client::RequestError;
use super::settings::{HubSettings, HubToken};

/// Why the repository could not be looked at.
pub(super) fn of_repository(cause: &RequestError, address: &str, settings: &HubSettings) -> String {
    let endpoint = &settings.endpoint;
    match cause {
        RequestError::Status(404) => format!("{address}: no such repository or revision"),
        RequestError::Status(status @ (401 | 403)) => refused(*status, address, &settings.token),
        RequestError::Status(status) => format!("cannot reach {endpoint}: http status: {status}"),
        RequestError::Connection(what) => format!("cannot reach {endpoint}: {what}"),
        RequestError::Answer(what) => format!("{endpoint} does not answer as a hub: {what}"),
    }
}

/// Why a file could not be downloaded.
pub(super) fn of_file(
    cause: &RequestError,
    name: &str,
    address: &str,
    settings: &HubSettings,
) -> String {
    match cause {
        RequestError::Status(404) => format!("{address} has no {name}"),
        RequestError::Status(status @ (401 | 403)) => refused(*status, address, &settings.token),
        RequestError::Status(status) => {
            format!("{name}: the download broke off: http status: {status}")
        }
        RequestError::Connection(what) => format!("{name}: the download broke off: {what}"),
        RequestError::Answer(what) => format!("{name}: the hub's answer is of no use: {what}"),
    }
}

fn refused(status: u16, address: &str, token: &HubToken) -> String {
    match (token, status) {
        (HubToken::Withheld(variable), _) => format!(
            "{address}: the hub wants a token (status {status}), and {variable} forbids to send one"
        ),
        (HubToken::None, _) => format!(
            "{address}: the hub wants a token (status {status}); the repository is gated, private \
             or misspelt. Accept its licence on that page, then set HF_TOKEN or run `hf auth login`"
        ),
        (HubToken::Sent { .. }, 401) => format!(
            "{address}: the hub does not know your token (status 401), or the repository is \
             misspelt; make a new token and set HF_TOKEN or run `hf auth login`"
        ),
        (HubToken::Sent { .. }, _) => format!(
            "{address}: your token may not read it (status {status}); ask for access on that page"
        ),
    }
}
