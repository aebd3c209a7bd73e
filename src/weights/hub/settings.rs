//! What the hub is asked with, as the environment says
//! (huggingface/huggingface_hub ee0a451 `constants.py` and `utils/_auth.py`).

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use crate::weights::environment::Environment;
use crate::weights::{HubCache, WeightsError};

const ENDPOINT: &str = "https://huggingface.co";

/// Takes no more than the cache, whatever the hub's own variables say.
const OWN_OFFLINE: &str = "EYECHART_OFFLINE";

/// The first that is set decides, as in Python.
const OFFLINE: [&str; 2] = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"];
const TOKENS: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
const NO_TOKEN: &str = "HF_HUB_DISABLE_IMPLICIT_TOKEN";

/// The only values that Python's clients take for true, in any case.
const TRUE: [&str; 4] = ["1", "on", "yes", "true"];
const FALSE: [&str; 4] = ["0", "off", "no", "false"];

/// `DEFAULT_ETAG_TIMEOUT` and `DEFAULT_DOWNLOAD_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the hub is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
    /// Where downloads are kept.
    pub cache: HubCache,
    /// The user's token, for gated and private repositories.
    pub token: HubToken,
    /// Whether the hub may be asked.
    pub network: Network,
    /// How long answers may take.
    pub timeouts: Timeouts,
}

/// Whether the hub may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Yes; a branch that is cached is taken, with a warning, while the hub is down.
    #[default]
    Preferred,
    /// Yes, says a variable, such as `HF_HUB_OFFLINE=false`; a hub that is down is an error.
    Required,
    /// This variable forbids it.
    Forbidden(&'static str),
}

/// How long the hub may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To say what a file is.
    pub metadata: Duration,
    /// Until the next bytes of an answer.
    pub download: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { metadata: TIMEOUT, download: TIMEOUT }
    }
}

/// The user's token.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum HubToken {
    /// There is none.
    #[default]
    None,
    /// This variable says that it is not to be sent.
    Withheld(&'static str),
    /// Sent to the hub.
    Sent {
        /// The token.
        text: String,
        /// The variable or file that it comes from.
        source: String,
    },
}

/// Never shows the token.
impl fmt::Debug for HubToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(formatter, "None"),
            Self::Withheld(variable) => write!(formatter, "Withheld({variable})"),
            Self::Sent { source, .. } => write!(formatter, "Sent(from {source})"),
        }
    }
}

impl HubToken {
    /// A token that a variable or file holds: line ends are taken out, white space at its ends too.
    pub fn new(text: &str, source: impl Into<String>) -> Self {
        let text: String = text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
        match text.trim() {
            "" => Self::None,
            text => Self::Sent { text: text.to_owned(), source: source.into() },
        }
    }

    /// What is sent to the hub, if it can be.
    ///
    /// # Errors
    /// The token holds what no token has.
    pub(super) fn to_send(&self) -> Result<Option<&str>, String> {
        let Self::Sent { text, source } = self else { return Ok(None) };
        let is_odd = |letter: &char| !letter.is_ascii_graphic() || matches!(letter, '"' | '\'');
        match text.chars().find(is_odd) {
            None => Ok(Some(text)),
            Some(letter) => Err(format!(
                "the token of {source} holds {letter:?}, which no token has; it was not sent. \
                 Set it anew, without quotation marks or spaces"
            )),
        }
    }

    fn of(environment: Environment<'_>) -> Self {
        if environment.text(NO_TOKEN).is_some_and(|value| is_true(&value)) {
            return Self::Withheld(NO_TOKEN);
        }
        let set = TOKENS.into_iter().find_map(|name| Some((name, environment.text(name)?)));
        // A variable of white space is no token, and the file counts.
        match set.map(|(name, text)| Self::new(&text, name)) {
            None | Some(Self::None) => Self::of_file(environment),
            Some(token) => token,
        }
    }

    fn of_file(environment: Environment<'_>) -> Self {
        let named = environment.path("HF_TOKEN_PATH");
        let path: PathBuf = named.unwrap_or_else(|| environment.hub_home().join("token"));
        match std::fs::read(&path) {
            Ok(bytes) => Self::new(&String::from_utf8_lossy(&bytes), path.display().to_string()),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Self::None,
            Err(cause) => {
                let path = path.display();
                super::warn(&format!("{path}: cannot read the token, going on without: {cause}"));
                Self::None
            }
        }
    }
}

impl HubSettings {
    /// As the environment says. `docs/hub.md` lists the variables.
    ///
    /// # Errors
    /// A variable has a value that means nothing.
    pub fn from_env() -> Result<Self, WeightsError> {
        Self::of(&|name| std::env::var_os(name))
    }

    fn of(look_up: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, WeightsError> {
        let environment = Environment::new(look_up);
        Ok(Self {
            endpoint: endpoint(environment)?,
            cache: HubCache::new(environment.hub_cache()),
            token: HubToken::of(environment),
            network: network(environment)?,
            timeouts: Timeouts {
                metadata: timeout(environment, "HF_HUB_ETAG_TIMEOUT")?,
                download: timeout(environment, "HF_HUB_DOWNLOAD_TIMEOUT")?,
            },
        })
    }
}

fn is_true(value: &str) -> bool {
    TRUE.contains(&value.to_ascii_lowercase().as_str())
}

fn endpoint(environment: Environment<'_>) -> Result<String, WeightsError> {
    const NAME: &str = "HF_ENDPOINT";
    let Some(found) = environment.text(NAME) else { return Ok(ENDPOINT.to_owned()) };
    let address = found.trim().trim_end_matches('/');
    let host = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    let is_address = |rest: &str| !rest.is_empty() && !rest.contains(char::is_whitespace);
    match host.is_some_and(is_address) {
        true => Ok(address.to_owned()),
        false => Err(setting(NAME, &found, "an address that begins with https:// or http://")),
    }
}

fn network(environment: Environment<'_>) -> Result<Network, WeightsError> {
    let own = environment.text(OWN_OFFLINE);
    if let Some(value) = &own {
        if is_true(value) {
            return Ok(Network::Forbidden(OWN_OFFLINE));
        }
        if !FALSE.contains(&value.to_ascii_lowercase().as_str()) {
            return Err(setting(OWN_OFFLINE, value, "1 or 0"));
        }
    }
    let set = OFFLINE.into_iter().find_map(|name| Some((name, environment.text(name)?)));
    Ok(match (set, own) {
        (Some((name, value)), _) if is_true(&value) => Network::Forbidden(name),
        (Some(_), _) | (None, Some(_)) => Network::Required,
        (None, None) => Network::Preferred,
    })
}

/// Whole seconds; none for 0, as in Python.
fn timeout(environment: Environment<'_>, name: &'static str) -> Result<Duration, WeightsError> {
    let Some(found) = environment.text(name) else { return Ok(TIMEOUT) };
    match found.trim().parse::<u32>() {
        Ok(0) => Ok(TIMEOUT),
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => Err(setting(name, &found, "a whole number of seconds")),
    }
}

fn setting(variable: &'static str, found: &str, expected: &'static str) -> WeightsError {
    WeightsError::Setting { variable, found: found.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<HubSettings, WeightsError> {
        let variables: Vec<_> = variables.iter().copied().chain([("HOME", "/nobody")]).collect();
        HubSettings::of(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    /// Python: `_is_true(HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE)`, with `_is_true` of `1`, `ON`,
    /// `YES` and `TRUE` alone.
    #[test]
    fn only_what_python_takes_for_true_is_offline() {
        let of = |variables: &[(&str, &str)]| settings(variables).unwrap().network;
        for value in ["1", "ON", "on", "Yes", "TRUE", "true"] {
            for name in OFFLINE {
                assert_eq!(of(&[(name, value)]), Network::Forbidden(name), "{name}={value}");
            }
            let own = Network::Forbidden(OWN_OFFLINE);
            assert_eq!(of(&[(OWN_OFFLINE, value), ("HF_HUB_OFFLINE", "0")]), own);
        }
        for value in ["0", "false", "no", "off", "y", "t", "2", "1 ", "enabled"] {
            assert_eq!(of(&[("HF_HUB_OFFLINE", value)]), Network::Required, "{value}");
            let both = [("HF_HUB_OFFLINE", value), ("TRANSFORMERS_OFFLINE", "1")];
            assert_eq!(of(&both), Network::Required, "{value}");
        }
        let empty = [("HF_HUB_OFFLINE", ""), ("TRANSFORMERS_OFFLINE", "1")];
        assert_eq!(of(&empty), Network::Forbidden("TRANSFORMERS_OFFLINE"));
        assert_eq!(of(&[]), Network::Preferred);
        assert_eq!(of(&[(OWN_OFFLINE, "")]), Network::Preferred);
        let unclear = settings(&[(OWN_OFFLINE, "y")]).unwrap_err().to_string();
        assert_eq!(unclear, "EYECHART_OFFLINE is \"y\", expected 1 or 0");
    }

    /// Python: `token.replace("\r", "").replace("\n", "").strip() or None`.
    #[test]
    fn a_token_is_cleaned_as_in_python_and_refused_by_name() {
        let sent = |value: &str| {
            let token = settings(&[("HF_TOKEN", value)]).unwrap().token;
            token.to_send().map(|token| token.map(str::to_owned))
        };
        for value in ["hf_abc", "hf_abc\n", "hf_abc\r\n", " hf_abc\t", "\nhf_\nabc"] {
            assert_eq!(sent(value), Ok(Some("hf_abc".into())), "{value:?}");
        }
        for value in ["", " ", "\n"] {
            assert_eq!(sent(value), Ok(None), "{value:?}");
        }
        for value in ["\"hf_abc\"", "'hf_abc'", "hf abc", "hf_\u{1b}abc", "hf_äbc"] {
            let message = sent(value).unwrap_err();
            assert!(message.contains("the token of HF_TOKEN holds"), "{message}");
            assert!(!message.contains("abc"), "{message}");
        }
    }

    #[test]
    fn tokens_are_looked_for_in_pythons_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "of_file\n").unwrap();
        let file = ("HF_TOKEN_PATH", path.to_str().unwrap());
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        let sent = |variables: &[(&str, &str)]| match settings(variables).unwrap().token {
            HubToken::Sent { text, .. } => text,
            other => format!("{other:?}"),
        };
        assert_eq!(sent(&[file]), "of_file");
        assert_eq!(sent(&[home]), "of_file");
        assert_eq!(sent(&[file, ("HUGGING_FACE_HUB_TOKEN", "old")]), "old");
        assert_eq!(sent(&[("HF_TOKEN", "new"), ("HUGGING_FACE_HUB_TOKEN", "old")]), "new");
        assert_eq!(sent(&[file, ("HF_TOKEN", "\n")]), "of_file");
        assert_eq!(sent(&[home, ("HF_TOKEN_PATH", "/nobody/none")]), "None");
        let withheld = [("HF_TOKEN", "new"), (NO_TOKEN, "true"), file];
        assert_eq!(sent(&withheld), format!("Withheld({NO_TOKEN})"));
        assert_eq!(sent(&[("HF_TOKEN", "new"), (NO_TOKEN, "0")]), "new");
        let shown = format!("{:?}", settings(&[("HF_TOKEN", "secret")]).unwrap());
        assert!(!shown.contains("secret") && shown.contains("Sent(from HF_TOKEN)"), "{shown}");
    }

    #[test]
    fn addresses_and_times_mean_something_or_are_refused() {
        let address = |value: &str| settings(&[("HF_ENDPOINT", value)]).map(|all| all.endpoint);
        assert_eq!(address("").unwrap(), ENDPOINT);
        assert_eq!(address("https://mirror/").unwrap(), "https://mirror");
        assert_eq!(address("http://mirror:81/hf//\n").unwrap(), "http://mirror:81/hf");
        for value in ["mirror.example", "ftp://mirror", "https://", "https://a b"] {
            let message = address(value).unwrap_err().to_string();
            assert!(message.starts_with("HF_ENDPOINT is "), "{message}");
        }
        let times = |value: &str| settings(&[("HF_HUB_ETAG_TIMEOUT", value)]);
        assert_eq!(times("30").unwrap().timeouts.metadata, Duration::from_secs(30));
        assert_eq!(times("0").unwrap().timeouts, Timeouts::default());
        assert!(times("soon").unwrap_err().to_string().contains("a whole number of seconds"));
        assert!(settings(&[("HF_HUB_DOWNLOAD_TIMEOUT", "-1")]).is_err());
    }
}
