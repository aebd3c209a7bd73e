/*!
Variables of the Hugging Face hub that say where things lie, read as Python's client reads them
(huggingface/huggingface_hub ee0a451 `src/huggingface_hub/constants.py`).

One difference: a variable that is set to nothing counts as not set, where Python takes the current
folder for `HF_HOME=""`.
*/

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where variables are looked up.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl<'a> Environment<'a> {
    pub(super) fn new(look_up: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self(look_up)
    }

    /// A variable that is set to something.
    pub(super) fn variable(self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The text of a variable that is set to something; what is no UTF-8 in it becomes U+FFFD.
    #[cfg(feature = "hub")]
    pub(super) fn text(self, name: &str) -> Option<String> {
        self.variable(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// The path of a variable, `~` and `$NAME` expanded.
    pub(super) fn path(self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(|value| match value.to_str() {
            Some(text) => self.expanded(text),
            None => value.into(),
        })
    }

    /// `HF_HOME`, or `huggingface` in `XDG_CACHE_HOME`, or `~/.cache/huggingface`.
    pub(super) fn hub_home(self) -> PathBuf {
        self.path("HF_HOME").unwrap_or_else(|| {
            let cache = self.path("XDG_CACHE_HOME");
            let cache = cache.or_else(|| self.home().map(|home| home.join(".cache")));
            cache.unwrap_or_default().join("huggingface")
        })
    }

    /// `HF_HUB_CACHE`, its old name, or `hub` in the hub's home folder.
    pub(super) fn hub_cache(self) -> PathBuf {
        let named = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].into_iter();
        named
            .into_iter()
            .find_map(|name| self.path(name))
            .unwrap_or_else(|| self.hub_home().join("hub"))
    }

    fn home(self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from).or_else(std::env::home_dir)
    }

    /// Python's `expandvars(expanduser(text))`, but for the homes of other users.
    fn expanded(self, text: &str) -> PathBuf {
        let rest = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = match (rest, self.home()) {
            (Some(rest), Some(home)) => home.join(Path::new(rest.trim_start_matches('/'))),
            _ => text.into(),
        };
        match path.to_str() {
            Some(text) => self.with_variables(text).into(),
            None => path,
        }
    }

    /// `$NAME` and `${NAME}` replaced by what they are set to; a name that is not set stays.
    fn with_variables(self, text: &str) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let (name, length) = variable_name(after);
            match (self.0)(name).filter(|_| length > 0) {
                Some(value) => expanded.push_str(&value.to_string_lossy()),
                None => expanded.push_str(&rest[before.len()..][..=length]),
            }
            rest = &after[length..];
        }
        expanded + rest
    }
}

/// The name of a variable at the start of what follows a `$`, and the bytes it takes there.
fn variable_name(text: &str) -> (&str, usize) {
    if let Some((name, _)) = text.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        return (name, name.len() + 2);
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let length = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    (&text[..length], length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_of(variables: &[(&str, &str)]) -> String {
        let look_up = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Environment::new(&look_up).hub_cache().display().to_string()
    }

    /// Expected paths are those that `huggingface_hub.constants.HF_HUB_CACHE` has by reading.
    #[test]
    fn the_cache_lies_where_python_has_it() {
        let home = ("HOME", "/home/me");
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")], "/h/hub"),
            (&[("HF_HOME", "~/h")], "/home/me/h/hub"),
            (&[("HF_HOME", "~")], "/home/me/hub"),
            (&[("HF_HOME", "$SCRATCH/hf"), ("SCRATCH", "/s")], "/s/hf/hub"),
            (&[("HF_HOME", "${SCRATCH}x"), ("SCRATCH", "/s")], "/sx/hub"),
            (&[("HF_HOME", "/a/$NONE/b$")], "/a/$NONE/b$/hub"),
            (&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "~/new")], "/home/me/new"),
            (&[("HF_HUB_CACHE", ""), ("HF_HOME", "")], "/home/me/.cache/huggingface/hub"),
        ];
        for (variables, expected) in cases {
            let variables: Vec<_> = variables.iter().copied().chain([home]).collect();
            assert_eq!(cache_of(&variables), *expected, "{variables:?}");
        }
    }
}
