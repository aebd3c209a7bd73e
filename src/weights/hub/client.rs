/*!
Requests to the hub, and to wherever it sends a download.

The token goes to the hub's own scheme, host and port, and as long as no other has been passed
through. `hf-hub`'s client cannot be told so: after a redirect it sends the token along with its
questions about a file's size.
*/

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, Uri};
use ureq::{Agent, Body};

use super::settings::HubSettings;

/// Most redirects that are followed, as in ureq.
const MAX_REDIRECTS: usize = 10;

/// Longest answer about a repository, in bytes; one of 100,000 files has 7 MB.
const MAX_LIST: u64 = 32 << 20;

/// Why there is no answer to be used.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The hub refuses with this status.
    Status(u16),
    /// It was not reached, took too long or broke off.
    Connection(String),
    /// It says something that cannot be.
    Answer(String),
}

impl RequestError {
    /// Whether the same question may have another answer soon.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Self::Connection(_) => true,
            Self::Answer(_) => false,
        }
    }
}

/// An answer with what the hub said on the way to it.
pub(super) struct Reply {
    pub(super) response: Response<Body>,
    pub(super) said: HubHeaders,
}

/// What the hub's own answers said of a file; those of other hosts are not asked.
#[derive(Debug, Default)]
pub(super) struct HubHeaders {
    pub(super) commit: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) size: Option<u64>,
}

impl HubHeaders {
    /// Takes what is not known yet.
    fn learn(&mut self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let tag = |text: String| text.trim_start_matches("W/").trim_matches('"').to_owned();
        self.commit = self.commit.take().or_else(|| text("x-repo-commit"));
        let etag = text("x-linked-etag").or_else(|| text("etag")).map(tag);
        self.etag = self.etag.take().or(etag);
        self.size = self.size.or_else(|| text("x-linked-size")?.parse().ok());
    }
}

/// Where a request goes to.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn of(address: &Uri) -> Option<Self> {
        let scheme = address.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = address.host()?.to_ascii_lowercase();
        Some(Self { scheme, host, port: address.port_u16().unwrap_or(usual) })
    }
}

/// What the answer to a request is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// To know a file's size and sum.
    Metadata,
    /// To have its bytes from this one on.
    Bytes { from: u64 },
    /// To know what is in a repository.
    List,
}

impl Purpose {
    fn range(self) -> Option<String> {
        match self {
            Self::Metadata => Some("bytes=0-0".to_owned()),
            Self::Bytes { from } => Some(format!("bytes={from}-")),
            Self::List => None,
        }
    }
}

/// A client of one hub.
pub(super) struct Client<'a> {
    metadata: Agent,
    download: Agent,
    hub: Origin,
    token: Option<&'a str>,
}

impl<'a> Client<'a> {
    pub(super) fn new(settings: &'a HubSettings) -> Result<Self, String> {
        let endpoint = &settings.endpoint;
        let hub = endpoint.parse().ok().and_then(|address| Origin::of(&address));
        Ok(Self {
            metadata: agent(settings.timeouts.metadata),
            download: agent(settings.timeouts.download),
            hub: hub.ok_or_else(|| format!("{endpoint} is no address of a hub"))?,
            token: settings.token.to_send()?,
        })
    }

    /// The answer to one question, redirects followed.
    pub(super) fn get(&self, address: &str, purpose: Purpose) -> Result<Reply, RequestError> {
        let answer_error = |what: String| RequestError::Answer(what);
        let mut address: Uri =
            address.parse().map_err(|_| answer_error(format!("{address} is no address")))?;
        let (mut said, mut token) = (HubHeaders::default(), self.token);
        for _ in 0..=MAX_REDIRECTS {
            let origin = Origin::of(&address);
            let is_hub = origin.as_ref() == Some(&self.hub);
            if origin.is_none() {
                return Err(answer_error(format!("a redirect to {address}, which is no address")));
            }
            // Once another host had a say in where to go, the token stays here.
            token = token.filter(|_| is_hub);
            let response = self.call(&address, purpose, token)?;
            if is_hub {
                said.learn(response.headers());
            }
            let status = response.status();
            if !status.is_redirection() {
                return match status.is_success() {
                    true => Ok(Reply { response, said }),
                    false => Err(RequestError::Status(status.as_u16())),
                };
            }
            let location = response.headers().get("location");
            let location = location.and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| redirected(&address, location));
            address = next.ok_or_else(|| answer_error(format!("status {status} to nowhere")))?;
        }
        Err(answer_error(format!("more than {MAX_REDIRECTS} redirects")))
    }

    fn call(
        &self,
        address: &Uri,
        purpose: Purpose,
        token: Option<&str>,
    ) -> Result<Response<Body>, RequestError> {
        let agent = match purpose {
            Purpose::Metadata => &self.metadata,
            Purpose::Bytes { .. } | Purpose::List => &self.download,
        };
        let mut request = agent.get(address);
        if let Some(range) = purpose.range() {
            request = request.header("Range", range);
        }
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.call().map_err(|cause| RequestError::Connection(cause.to_string()))
    }

    /// The answer about a repository.
    pub(super) fn list<T: serde::de::DeserializeOwned>(
        &self,
        address: &str,
    ) -> Result<T, RequestError> {
        let body = self.get(address, Purpose::List)?.response.into_body();
        let mut bytes = Vec::new();
        let read = body.into_reader().take(MAX_LIST + 1).read_to_end(&mut bytes);
        read.map_err(|cause| RequestError::Connection(cause.to_string()))?;
        if bytes.len() as u64 > MAX_LIST {
            return Err(RequestError::Answer(format!("a list of more than {MAX_LIST} bytes")));
        }
        serde_json::from_slice(&bytes)
            .map_err(|cause| RequestError::Answer(format!("not a list of files: {cause}")))
    }
}

/// A client that follows no redirect by itself and does not wait forever.
fn agent(patience: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A packed body would have another length than the file.
        .accept_encoding("identity")
        .user_agent(concat!("eyechart/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience));
    config.build().into()
}

/// Where `location` leads from `base`, if it is a place of HTTP.
fn redirected(base: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let address = if let Some(host) = location.strip_prefix("//") {
        format!("{scheme}://{host}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let (folder, _) = base.path().rsplit_once('/')?;
        format!("{scheme}://{authority}{folder}/{location}")
    };
    // What stands behind `#` is for the client alone.
    let address = address.split_once('#').map_or(address.as_str(), |(address, _)| address);
    address.parse().ok().filter(|address| Origin::of(address).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hub = Origin::of(&uri("https://hub.example/a"));
        for same in ["https://HUB.example:443/b", "HTTPS://hub.example"] {
            assert_eq!(Origin::of(&uri(same)), hub, "{same}");
        }
        for other in [
            "http://hub.example",
            "https://hub.example:444",
            "https://hub.example.evil",
            "https://hub.example@evil/",
            "https://cdn.hub.example",
        ] {
            assert_ne!(Origin::of(&uri(other)), hub, "{other}");
        }
        assert_eq!(Origin::of(&uri("ftp://hub.example")), None);
    }

    /// RFC 3986, section 5.2, as far as hubs use it.
    #[test]
    fn redirects_lead_where_they_say() {
        let base = uri("https://hub:8443/owner/name/resolve/c/file?x=1");
        let to = |location: &str| redirected(&base, location).map(|uri| uri.to_string());
        assert_eq!(to("/a?b").as_deref(), Some("https://hub:8443/a?b"));
        assert_eq!(to("//cdn/a").as_deref(), Some("https://cdn/a"));
        assert_eq!(to("http://cdn/a#b").as_deref(), Some("http://cdn/a"));
        assert_eq!(to("b").as_deref(), Some("https://hub:8443/owner/name/resolve/c/b"));
        assert_eq!(to("file:///etc/passwd"), None);
    }
}
