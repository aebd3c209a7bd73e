/*!
Downloads from a small hub on loopback, which speaks the real one's layout and also fails in the
usual ways. No other network is touched.
*/

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candle_core::Device;
use eyechart::weights::hub::{HubSettings, HubToken, Network, Timeouts, fetch};
use eyechart::weights::{HubCache, check_pins};
use tempfile::TempDir;

const REPOSITORY: &str = "owner/tiny";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// SHA-256 of "abc" (FIPS 180-4), which the hub gives as the tag of a large file.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Long for a hub on loopback.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the hub misbehaves about one file, or about the repository (`""`).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Answers with this status.
    Status(u16),
    /// As long as no token is sent.
    StatusWithoutToken(u16),
    /// Announces all and closes after so many bytes, each time.
    CutAfter(usize),
    /// The same, once.
    CutOnceAfter(usize),
    /// Announces more than it has.
    TooLong(usize),
    /// Names this as the SHA-256.
    Tag(&'static str),
    /// Sends all of it whatever part was asked for.
    IgnoresRanges,
    /// Says nothing for so long.
    Silent(Duration),
    /// Leads to itself.
    Loop,
}

/// What the hub holds and what it was asked.
#[derive(Default)]
struct Content {
    files: BTreeMap<String, Vec<u8>>,
    /// Files that are served from elsewhere, by a redirect, with their SHA-256 as tag.
    large: HashSet<String>,
    faults: BTreeMap<String, Fault>,
    /// Where large files are served from; here, if it is empty.
    elsewhere: String,
    /// The commit that it says to have.
    commit: String,
    /// Paths of requests that carried a token.
    trusted: Vec<String>,
    /// Method-less request lines with their ranges.
    asked: Vec<String>,
}

/// A hub and an empty cache.
struct Hub {
    content: Arc<Mutex<Content>>,
    home: TempDir,
    settings: HubSettings,
}

impl Hub {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
        let commit = COMMIT.to_owned();
        let content = Content { files: files.collect(), commit, ..Content::default() };
        let content = Arc::new(Mutex::new(content));
        let shared = Arc::clone(&content);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that went away is none of the hub's business.
                let _ = serve(stream, &shared);
            }
        });
        let home = tempfile::tempdir().unwrap();
        let settings = HubSettings {
            endpoint: format!("http://{address}"),
            cache: HubCache::new(home.path().join("hub")),
            token: HubToken::None,
            network: Network::Preferred,
            timeouts: Timeouts { metadata: PATIENCE, download: PATIENCE },
        };
        Self { content, home, settings }
    }

    /// A repository of the least that counts as a checkpoint.
    fn tiny() -> Self {
        Self::new(&[
            ("config.json", b"{}"),
            ("tokenizer.json", b"{}"),
            ("README.md", b"# tiny"),
            ("model.safetensors", &(0..=255).cycle().take(5000).collect::<Vec<u8>>()),
            ("pytorch_model.bin", b"the same again"),
        ])
    }

    fn fault(self, file: &str, fault: Fault) -> Self {
        self.content.lock().unwrap().faults.insert(file.to_owned(), fault);
        self
    }

    fn heal(&self) {
        self.content.lock().unwrap().faults.clear();
    }

    fn fetch(&self, revision: &str) -> Result<PathBuf, String> {
        fetch(REPOSITORY, revision, &self.settings).map_err(|error| {
            // The port is another one each time.
            error.to_string().replace(&self.settings.endpoint, "http://hub")
        })
    }

    fn error(&self) -> String {
        self.fetch(COMMIT).unwrap_err()
    }

    /// What was asked since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.content.lock().unwrap().asked)
    }

    fn holds(&self, folder: &Path, name: &str) -> bool {
        std::fs::read(folder.join(name)).ok().as_ref()
            == self.content.lock().unwrap().files.get(name)
    }
}

/// Answers one request and closes.
fn serve(mut stream: TcpStream, content: &Mutex<Content>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let mut range = None;
    let mut token = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.trim().to_owned()),
            "authorization" => token = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let fault = content.lock().unwrap().faults.get("").copied();
    if let Some(Fault::Silent(time)) = fault {
        std::thread::sleep(time);
    }
    if token.is_some() {
        content.lock().unwrap().trusted.push(path.clone());
    }
    let answer = content.lock().unwrap().answer(&path, range.as_deref(), token.as_deref());
    stream.write_all(&answer)
}

impl Content {
    fn answer(&mut self, path: &str, range: Option<&str>, token: Option<&str>) -> Vec<u8> {
        self.asked.push(format!("{path} {}", range.unwrap_or("-")).trim_end().to_owned());
        if path.starts_with(&format!("/api/models/{REPOSITORY}/revision/")) {
            if self.faults.get("") == Some(&Fault::Loop) {
                return plain(307, &[("Location", path)], b"");
            }
            return match self.refusal("", token) {
                Some(status) => plain(status, &[], b""),
                None => plain(200, &[("Content-Type", "application/json")], self.list().as_bytes()),
            };
        }
        let resolved = path.strip_prefix(&format!("/{REPOSITORY}/resolve/{}/", self.commit));
        let (name, is_resolved) = match (resolved, path.strip_prefix("/cdn/")) {
            (Some(name), _) => (name.to_owned(), true),
            (None, Some(name)) => (name.to_owned(), false),
            (None, None) => return plain(404, &[], b""),
        };
        if let Some(status) = self.refusal(&name, token) {
            return plain(status, &[], b"");
        }
        let Some(bytes) = self.files.get(&name).cloned() else { return plain(404, &[], b"") };
        let tag = match self.faults.get(&name) {
            Some(Fault::Tag(tag)) => (*tag).to_owned(),
            _ if bytes == b"abc" => ABC.to_owned(),
            _ => format!("{:040x}", name.len() * 1000 + bytes.len()),
        };
        let headers = [("X-Repo-Commit", self.commit.clone()), ("ETag", format!("\"{tag}\""))];
        if is_resolved && self.large.contains(&name) {
            let more =
                [("Location", format!("{}/cdn/{name}", self.elsewhere)), ("X-Linked-Etag", tag)];
            let headers: Vec<_> = headers.into_iter().chain(more).collect();
            return answer_with(302, &headers, 0, b"");
        }
        self.part(&name, &bytes, range, &headers)
    }

    /// The part of a file that was asked for, or less.
    fn part(
        &mut self,
        name: &str,
        bytes: &[u8],
        range: Option<&str>,
        headers: &[(&'static str, String)],
    ) -> Vec<u8> {
        let asked = range.and_then(|range| range.strip_prefix("bytes=")).unwrap_or("0-");
        let (start, end) = asked.split_once('-').unwrap();
        let start: usize = start.parse().unwrap();
        if start > 0 && start >= bytes.len() {
            return plain(416, &[], b"");
        }
        let end = end.parse().map_or(bytes.len(), |end: usize| (end + 1).min(bytes.len()));
        let is_probe = asked == "0-0";
        let fault = self.faults.get(name).copied();
        let total = match fault {
            Some(Fault::TooLong(more)) => bytes.len() + more,
            _ => bytes.len(),
        };
        let mut headers = headers.to_vec();
        headers.push(("Content-Range", format!("bytes {start}-{}/{total}", end.max(1) - 1)));
        let body = match fault {
            Some(Fault::IgnoresRanges) if !is_probe => bytes,
            _ => &bytes[start..end],
        };
        let sent = match fault {
            Some(Fault::CutAfter(count)) if !is_probe => &body[..count.min(body.len())],
            Some(Fault::CutOnceAfter(count)) if !is_probe => {
                self.faults.remove(name);
                &body[..count.min(body.len())]
            }
            _ => body,
        };
        answer_with(206, &headers, body.len(), sent)
    }

    fn refusal(&self, name: &str, token: Option<&str>) -> Option<u16> {
        match self.faults.get(name) {
            Some(Fault::Status(status)) => Some(*status),
            Some(Fault::StatusWithoutToken(status)) if token != Some("Bearer secret") => {
                Some(*status)
            }
            _ => None,
        }
    }

    fn list(&self) -> String {
        let names: Vec<String> =
            self.files.keys().map(|name| format!("{{\"rfilename\": \"{name}\"}}")).collect();
        format!("{{\"sha\": \"{}\", \"siblings\": [{}]}}", self.commit, names.join(", "))
    }
}

fn plain(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    answer_with(status, &headers, body.len(), body)
}

fn answer_with(
    status: u16,
    headers: &[(&'static str, String)],
    announced: usize,
    body: &[u8],
) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} as said\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        answer.extend(format!("{name}: {value}\r\n").bytes());
    }
    answer.extend(format!("Content-Length: {announced}\r\n\r\n").bytes());
    answer.extend(body);
    answer
}

#[test]
fn what_a_checkpoint_needs_is_fetched_once() {
    let hub = Hub::tiny();
    let folder = hub.fetch(COMMIT).unwrap();
    assert!(folder.ends_with(format!("models--owner--tiny/snapshots/{COMMIT}")));
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        assert!(hub.holds(&folder, name), "{name}");
    }
    assert!(!folder.join("README.md").exists() && !folder.join("pytorch_model.bin").exists());
    hub.asked();
    assert_eq!(hub.fetch(COMMIT).unwrap(), folder);
    assert_eq!(hub.asked(), Vec::<String>::new());
}

#[test]
fn a_branch_is_asked_for_and_then_known_offline() {
    let mut hub = Hub::tiny();
    let folder = hub.fetch("main").unwrap();
    assert!(folder.ends_with(COMMIT));
    hub.asked();
    assert_eq!(hub.fetch("main").unwrap(), folder);
    assert_eq!(hub.asked(), ["/api/models/owner/tiny/revision/main -"]);
    hub.settings.network = Network::Forbidden("HF_HUB_OFFLINE");
    assert_eq!(hub.fetch("main").unwrap(), folder);
    assert_eq!(hub.asked(), Vec::<String>::new());
}

/// Python's client writes no reference for a commit.
#[test]
fn a_snapshot_of_another_client_is_used() {
    let hub = Hub::tiny();
    let snapshot = hub.home.path().join(format!("hub/models--owner--tiny/snapshots/{COMMIT}"));
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(snapshot.join("config.json"), "{}").unwrap();
    std::fs::write(snapshot.join("pytorch_model.bin"), "weights").unwrap();
    assert_eq!(hub.fetch(COMMIT).unwrap(), snapshot);
    assert_eq!(hub.asked(), Vec::<String>::new());
}

#[test]
fn an_index_decides_which_shards_are_fetched() {
    let index = br#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    let hub = Hub::new(&[
        ("config.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("model-1.safetensors", b"one"),
        ("model-2.safetensors", b"and two"),
        ("model-3.safetensors", b"of another time"),
        ("qformer_tokenizer/vocab.txt", b"[PAD]"),
        ("onnx/config.json", b"{}"),
    ]);
    let folder = hub.fetch(COMMIT).unwrap();
    for name in ["model-1.safetensors", "model-2.safetensors", "qformer_tokenizer/vocab.txt"] {
        assert!(hub.holds(&folder, name), "{name}");
    }
    assert!(!folder.join("model-3.safetensors").exists() && !folder.join("onnx").exists());
    // A shard that went missing is fetched again.
    std::fs::remove_file(folder.join("model-2.safetensors")).unwrap();
    hub.fetch(COMMIT).unwrap();
    assert!(hub.holds(&folder, "model-2.safetensors"));
}

#[test]
fn pickles_are_fetched_where_there_is_nothing_else() {
    let hub = Hub::new(&[("config.json", b"{}"), ("pytorch_model.bin", b"weights")]);
    let folder = hub.fetch(COMMIT).unwrap();
    assert!(hub.holds(&folder, "pytorch_model.bin"));
}

#[test]
fn a_shard_that_is_not_there_or_leads_out_of_the_cache_is_an_error() {
    for (shard, expected) in [
        ("model-9.safetensors", "has no model-9"),
        ("../x", "it names the file \"../x\", which is not below its folder"),
    ] {
        let index = format!(r#"{{"weight_map": {{"a": "{shard}"}}}}"#);
        let hub = Hub::new(&[
            ("config.json", b"{}"),
            ("model.safetensors.index.json", index.as_bytes()),
            ("../x", b"evil"),
        ]);
        let error = hub.error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_large_file_comes_by_redirect_and_its_sum_is_checked() {
    let files: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("model.safetensors", b"abc")];
    let hub = Hub::new(&files);
    hub.content.lock().unwrap().large.insert("model.safetensors".to_owned());
    let folder = hub.fetch(COMMIT).unwrap();
    assert!(hub.holds(&folder, "model.safetensors"));
    assert!(hub.asked().iter().any(|asked| asked.starts_with("/cdn/model.safetensors")));
    let wrong = "0000000000000000000000000000000000000000000000000000000000000000";
    let hub = Hub::new(&files).fault("model.safetensors", Fault::Tag(wrong));
    let error = hub.error();
    assert!(
        error.contains(&format!("model.safetensors: sha256 is {ABC}, expected 0000")),
        "{error}"
    );
    hub.heal();
    hub.fetch(COMMIT).unwrap();
}

#[test]
fn a_cut_connection_is_taken_up_where_it_broke() {
    let hub = Hub::tiny().fault("model.safetensors", Fault::CutOnceAfter(2000));
    let folder = hub.fetch(COMMIT).unwrap();
    assert!(hub.holds(&folder, "model.safetensors"));
    let asked = hub.asked();
    let resumed = asked.iter().any(|asked| asked.ends_with("/model.safetensors bytes=2000-"));
    assert!(resumed, "{asked:?}");
}

#[test]
fn a_download_goes_on_in_a_later_run() {
    let hub = Hub::tiny().fault("model.safetensors", Fault::CutAfter(1000));
    let error = hub.error();
    assert!(error.contains("model.safetensors: the download broke off"), "{error}");
    assert!(error.contains("run again to go on where it stopped"), "{error}");
    hub.heal();
    hub.asked();
    let folder = hub.fetch(COMMIT).unwrap();
    assert!(hub.holds(&folder, "model.safetensors"));
    let asked = hub.asked();
    assert!(asked.iter().any(|asked| asked.ends_with("bytes=4000-")), "{asked:?}");
}

#[test]
fn a_wrong_length_is_noticed_and_forgotten() {
    let hub = Hub::tiny().fault("model.safetensors", Fault::TooLong(7));
    let error = hub.error();
    assert!(error.contains("model.safetensors: 5000 bytes arrived, expected 5007"), "{error}");
    hub.heal();
    let folder = hub.fetch(COMMIT).unwrap();
    assert!(hub.holds(&folder, "model.safetensors"));
}

/// A server that sends the whole file for a part must not make it grow.
#[test]
fn a_server_that_ignores_ranges_spoils_nothing() {
    let hub = Hub::tiny().fault("model.safetensors", Fault::CutAfter(1000));
    hub.error();
    let hub = hub.fault("model.safetensors", Fault::IgnoresRanges);
    let error = hub.error();
    assert!(error.contains("bytes arrived, expected 5000"), "{error}");
    hub.fetch(COMMIT).unwrap();
}

#[test]
fn refusals_say_what_to_do() {
    let mut messages = Vec::new();
    for status in [401, 403, 404] {
        messages.push(Hub::tiny().fault("", Fault::Status(status)).error());
        messages.push(Hub::tiny().fault("model.safetensors", Fault::Status(status)).error());
        let mut hub = Hub::tiny().fault("", Fault::Status(status));
        hub.settings.token = HubToken::new("secret", "HF_TOKEN");
        messages.push(hub.error());
    }
    messages.push(Hub::new(&[("README.md", b"")]).error());
    let mut hub = Hub::tiny();
    hub.settings.network = Network::Forbidden("EYECHART_OFFLINE");
    let home = hub.home.path().display().to_string();
    messages.push(hub.error().replace(&home, "HOME"));
    assert!(messages.iter().all(|message| !message.contains("secret")));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn nobody_home_is_an_error() {
    let mut hub = Hub::tiny();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    hub.settings.endpoint = format!("http://{free}");
    assert!(hub.error().contains("cannot reach http://hub"));
}

#[test]
fn a_token_opens_a_gated_repository() {
    let mut hub = Hub::tiny().fault("", Fault::StatusWithoutToken(401));
    assert!(hub.error().contains("HF_TOKEN"));
    hub.settings.token = HubToken::new("secret", "HF_TOKEN");
    hub.fetch(COMMIT).unwrap();
}

#[test]
fn pins_hold_for_what_was_fetched() {
    let hub = Hub::new(&[("config.json", b"{}"), ("model.safetensors", b"abc")]);
    let folder = hub.fetch(COMMIT).unwrap();
    let pin = |sum: &str| vec![("model.safetensors".to_owned(), sum.to_owned())];
    check_pins(&folder, &pin(ABC)).unwrap();
    let error = check_pins(&folder, &pin(&"1".repeat(64))).unwrap_err().to_string();
    assert!(error.contains("model.safetensors: sha256 is ba7816bf"), "{error}");
}

/// A hub whose files all come from another port, and from another name of this machine.
#[test]
fn the_token_goes_to_the_hub_alone() {
    for name in ["127.0.0.1", "localhost"] {
        let files: [(&str, &[u8]); 3] =
            [("config.json", b"{}"), ("tokenizer.json", b"{ }"), ("model.safetensors", b"abc")];
        let mut hub = Hub::new(&files);
        let elsewhere = Hub::new(&files);
        hub.settings.token = HubToken::new("secret", "HF_TOKEN");
        {
            let mut content = hub.content.lock().unwrap();
            content.elsewhere = elsewhere.settings.endpoint.replace("127.0.0.1", name);
            content.large.extend(files.map(|(name, _)| name.to_owned()));
            content.faults.insert(String::new(), Fault::StatusWithoutToken(401));
        }
        let folder = hub.fetch(COMMIT).unwrap();
        assert!(hub.holds(&folder, "model.safetensors"));
        let at = |hub: &Hub| hub.content.lock().unwrap().trusted.clone();
        // One question about the repository, and two about each file.
        assert_eq!(at(&hub).len(), 7, "{:?}", at(&hub));
        assert_eq!(at(&elsewhere), Vec::<String>::new());
        assert_eq!(elsewhere.asked().len(), 6);
    }
}

/// Whoever was sent away once may come back, but not with the token.
#[test]
fn a_way_back_through_another_host_carries_no_token() {
    let files: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("model.safetensors", b"abc")];
    let mut hub = Hub::new(&files);
    let elsewhere = Hub::new(&files);
    hub.settings.token = HubToken::new("secret", "HF_TOKEN");
    let resolve = format!("/{REPOSITORY}/resolve/{COMMIT}");
    {
        let mut content = hub.content.lock().unwrap();
        content.elsewhere = format!("{}{resolve}/model.safetensors?", elsewhere.settings.endpoint);
        content.large.insert("config.json".to_owned());
        let mut content = elsewhere.content.lock().unwrap();
        content.elsewhere = hub.settings.endpoint.clone();
        content.large.insert("model.safetensors".to_owned());
    }
    hub.fetch(COMMIT).unwrap_err();
    let trusted = hub.content.lock().unwrap().trusted.clone();
    assert!(trusted.iter().all(|path| !path.starts_with("/cdn/")), "{trusted:?}");
    assert_eq!(elsewhere.content.lock().unwrap().trusted, Vec::<String>::new());
}

#[test]
fn a_pinned_commit_is_that_commit() {
    let other = "f".repeat(40);
    let hub = Hub::tiny();
    hub.content.lock().unwrap().commit = other.clone();
    let error = hub.error();
    assert!(error.contains(&format!("pins this commit, but the hub answers with {other}")));
    assert!(!hub.home.path().join("hub").exists(), "something was written");
    assert!(hub.fetch("main").unwrap().ends_with(&other));
    for none in ["", "../../evil", &"g".repeat(40)] {
        hub.content.lock().unwrap().commit = none.to_owned();
        let error = hub.fetch("main").unwrap_err();
        assert!(error.contains("names a commit that is none"), "{error}");
    }
}

/// Refused, over-worked, silent: the copy of a branch is taken, unless a variable says to ask.
#[test]
fn a_cached_branch_outlives_the_hub() {
    let silence = Fault::Silent(Duration::from_millis(600));
    for fault in [Fault::Status(500), Fault::Status(503), Fault::Status(429), silence] {
        let mut hub = Hub::tiny();
        hub.settings.timeouts.download = Duration::from_millis(200);
        let folder = hub.fetch("main").unwrap();
        let mut hub = hub.fault("", fault);
        assert_eq!(hub.fetch("main").unwrap(), folder, "{fault:?}");
        assert!(hub.fetch("dev").unwrap_err().contains("cannot reach http://hub"), "{fault:?}");
        hub.settings.network = Network::Required;
        let error = hub.fetch("main").unwrap_err();
        let hint = format!("A copy of main, commit {COMMIT}, is cached; EYECHART_OFFLINE=1 takes");
        assert!(error.contains("cannot reach http://hub") && error.contains(&hint), "{error}");
        // What is not whole is no copy.
        hub.settings.network = Network::Preferred;
        std::fs::remove_file(folder.join("model.safetensors")).unwrap();
        assert!(hub.fetch("main").unwrap_err().contains("cannot reach http://hub"), "{fault:?}");
    }
}

/// A hub that is there and says no is not overruled.
#[test]
fn a_refusal_counts_over_the_cache_and_names_the_copy() {
    for status in [401, 403, 404] {
        let hub = Hub::tiny();
        hub.fetch("main").unwrap();
        let error = hub.fault("", Fault::Status(status)).fetch("main").unwrap_err();
        assert!(error.contains("is cached; EYECHART_OFFLINE=1 takes it"), "{error}");
    }
}

#[test]
fn a_hub_that_leads_nowhere_is_an_error() {
    let error = Hub::tiny().fault("", Fault::Loop).error();
    assert!(error.contains("does not answer as a hub: more than 10 redirects"), "{error}");
}

/// Everything below a folder, with the times of change.
fn state(folder: &Path) -> BTreeMap<PathBuf, std::time::SystemTime> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        found.insert(folder.clone(), folder.metadata().unwrap().modified().unwrap());
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            found.insert(path.clone(), metadata.modified().unwrap());
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// So that it may belong to somebody else, or lie on a disk that cannot be written to.
#[test]
fn a_whole_cache_is_not_written_to() {
    let hub = Hub::tiny();
    let folder = hub.fetch("main").unwrap();
    let before = state(&hub.home.path().join("hub"));
    assert_eq!(hub.fetch("main").unwrap(), folder);
    assert_eq!(hub.fetch(COMMIT).unwrap(), folder);
    assert_eq!(state(&hub.home.path().join("hub")), before);
}

/// Root may write everywhere, so a file where a folder should be stands for a disk of others.
#[test]
fn a_cache_that_cannot_be_written_to_is_told() {
    let hub = Hub::tiny();
    std::fs::create_dir_all(hub.home.path().join("hub")).unwrap();
    std::fs::write(hub.home.path().join("hub/.locks"), "").unwrap();
    let error = hub.error();
    assert!(error.contains("config.json: cannot write"), "{error}");
    assert!(error.contains("HF_HUB_CACHE may name a folder of your own"), "{error}");
    // A branch that cannot be noted is of no harm where all files are there.
    let hub = Hub::tiny();
    let folder = hub.fetch(COMMIT).unwrap();
    std::fs::write(folder.join("../../refs"), "").unwrap();
    assert_eq!(hub.fetch("main").unwrap(), folder);
}

#[test]
fn a_token_that_is_none_is_named_and_not_sent() {
    let mut hub = Hub::tiny();
    hub.settings.token = HubToken::new("\"secret\"", "HF_TOKEN");
    let error = hub.error();
    assert!(error.contains("the token of HF_TOKEN holds '\"', which no token has"), "{error}");
    assert_eq!(hub.asked(), Vec::<String>::new());
    hub.settings.token = HubToken::Withheld("HF_HUB_DISABLE_IMPLICIT_TOKEN");
    let error = hub.fault("", Fault::Status(401)).error();
    assert!(error.contains("HF_HUB_DISABLE_IMPLICIT_TOKEN forbids to send one"), "{error}");
}

/// A whole checkpoint, loaded from the cache it was downloaded into.
#[test]
fn a_fetched_checkpoint_loads() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/qwen3_vl/tied");
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(&source)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let hub = Hub::new(&files);
    let folder = hub.fetch(COMMIT).unwrap();
    let error = eyechart::model::load(&folder, &Device::Cpu, None).err();
    assert_eq!(error.map(|error| error.to_string()), None);
}
