/*!
What hostile files of a checkpoint cost before they are refused, or read: memory and time stay within
what docs/hub.md states, relative to the length of the file.

One test, because the allocator counts for all threads of the process.
*/

mod counting;

use std::path::Path;
use std::time::{Duration, Instant};

use eyechart::model::tokenizer::TextTokenizer;
use eyechart::weights::{CheckpointFolder, Weights};

use counting::peak_of;

/// Bytes of memory for each byte of a file, and in any case.
const MEMORY_PER_BYTE: usize = 32;
const SMALL: usize = 64 << 20;

/// Room for a busy machine and for unoptimised builds; optimised ones take about a tenth.
const TIME: Duration = Duration::from_secs(30);

/// An uncompressed zip archive: the local headers with their contents, the directory, its end
/// (PKWARE's APPNOTE.TXT, section 4.3).
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let start = file.len() as u32;
        let common = common(name, content.len());
        file.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\x14\x00", common.as_slice(), &[0; 10]].concat());
        directory.extend(start.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = file.len() as u32;
    let end = end(entries.len(), directory.len() as u32, start);
    [file, directory, end].concat()
}

/// Version, flags, method (stored), time, date, checksum, both sizes, lengths of name and extra field.
fn common(name: &str, size: usize) -> Vec<u8> {
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    common.extend([size as u32; 2].map(u32::to_le_bytes).concat());
    common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
    common
}

fn end(entries: usize, length: u32, start: u32) -> Vec<u8> {
    let count = u16::try_from(entries).unwrap_or(u16::MAX - 1).to_le_bytes();
    let sizes = [length, start].map(u32::to_le_bytes).concat();
    [b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &sizes, &[0, 0]].concat()
}

fn torch(pickle: &[u8]) -> Vec<u8> {
    archive(&[("a/data.pkl", pickle), ("a/data/0", &[0; 4])])
}

fn text(value: &str) -> Vec<u8> {
    [&b"X"[..], &(value.len() as u32).to_le_bytes(), value.as_bytes()].concat()
}

/// A tensor of one float.
fn tensor() -> Vec<u8> {
    let storage = [text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text("0"), text("cpu")];
    let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    [rebuild, storage.concat(), b"K\x01tQK\x00K\x01\x85K\x01\x85\x89}tR".to_vec()].concat()
}

/// Dictionaries of ten times the same one, so often within each other; at the bottom ten times the same
/// tensor, under a key of so many bytes.
fn shared(levels: u8, key: usize) -> Vec<u8> {
    let mut pickle = [b"\x80\x02".to_vec(), text(&"k".repeat(key)), b"q\x000".to_vec()].concat();
    pickle.extend([tensor(), b"q\x010".to_vec()].concat());
    pickle.extend([b"}(".to_vec(), b"h\0h\x01".repeat(10), b"uq\x020".to_vec()].concat());
    for level in 0..levels {
        let entries = [b'h', 0, b'h', 2 + level].repeat(10);
        pickle.extend([b"}(".to_vec(), entries, vec![b'u', b'q', 3 + level, b'0']].concat());
    }
    [pickle, vec![b'h', 2 + levels, b'.']].concat()
}

/// A tuple of a million that is an argument a hundred thousand times.
fn one_argument_of_many_calls() -> Vec<u8> {
    let tuple = [b"\x80\x02(".to_vec(), vec![b'N'; 1 << 20], b"tq\x000".to_vec()].concat();
    let call = b"h\x01h\x00R0".repeat(100_000);
    [tuple, b"ccollections\nOrderedDict\nq\x010".to_vec(), call, b"}.".to_vec()].concat()
}

/// Ten thousand tensors that all are the same hundred thousand numbers.
fn one_storage_of_many_tensors() -> Vec<u8> {
    let mut pickle = b"\x80\x02}(".to_vec();
    for index in 0..10_000 {
        let long = b"K\x00J\xa0\x86\x01\0\x85K\x01\x85";
        let one = tensor();
        let place = one.windows(6).position(|window| window == b"K\x00K\x01\x85K").unwrap();
        let whole = [&one[..place], long, &one[place + 8..]].concat();
        pickle.extend([text(&index.to_string()), whole].concat());
    }
    pickle.extend(b"u.");
    archive(&[("a/data.pkl", &pickle), ("a/data/0", &[0; 400_000])])
}

/// So many bytes of one instruction, each of which makes something.
fn repeated(head: &[u8], instruction: &[u8]) -> Vec<u8> {
    let count = (15 << 20) / instruction.len();
    torch(&[b"\x80\x02", head, &instruction.repeat(count), b"."].concat())
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
}

fn one_tensor(dtype: &str, shape: &str, offsets: &str, data: usize) -> Vec<u8> {
    let entry = format!("{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{offsets}}}");
    safetensors(&format!("{{\"x\":{entry}}}"), data)
}

/// As many tensors of nothing as fit into a header of this length.
fn many_tensors(bytes: usize) -> Vec<u8> {
    let mut header = "{".to_owned();
    for index in 0.. {
        let entry =
            format!("\"{index}\":{{\"dtype\":\"F4\",\"shape\":[0],\"data_offsets\":[0,0]}},");
        if header.len() + entry.len() >= bytes {
            break;
        }
        header += &entry;
    }
    header.pop();
    safetensors(&(header + "}"), 0)
}

/// A directory of many entries that share one local header.
fn many_entries(count: usize) -> Vec<u8> {
    let mut file = [b"PK\x03\x04".to_vec(), common("0", 0), b"0".to_vec()].concat();
    let start = file.len() as u32;
    for index in 0..count {
        let name = format!("{index:06x}");
        file.extend([b"PK\x01\x02\x14\x00", common(&name, 0).as_slice(), &[0; 14]].concat());
        file.extend(name.bytes());
    }
    let length = file.len() as u32 - start;
    [file, end(count, length, start)].concat()
}

/// Files, and what refusing them says; nothing where they are read.
fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let overflow = "[4294967296,4294967296]";
    vec![
        ("the reported names", torch(&shared(5, 1000)), "tensors, which no file of weights does"),
        ("short names", torch(&shared(5, 1)), "tensors, which no file of weights does"),
        ("a call of many", torch(&one_argument_of_many_calls()), ""),
        ("one storage", one_storage_of_many_tensors(), "more than 8 times its length"),
        ("nones", repeated(b"", b"N"), "makes more than 2097152 values"),
        ("tuples", repeated(b"", b")"), "makes more than 2097152 values"),
        ("dictionaries", repeated(b"", b"}"), "makes more than 2097152 values"),
        ("marks", repeated(b"", b"("), "makes more than 2097152 values"),
        ("nested tuples", repeated(b"N", b"\x85"), "makes more than 2097152 values"),
        ("recalled", repeated(b"}q\0", b"h\0"), "makes more than 2097152 values"),
        ("remembered", repeated(b"N", b"\x94"), "makes more than 2097152 values"),
        ("a long name", torch(&[b"c", vec![b'm'; 1 << 20].as_slice(), b"\nn\n."].concat()), "mm.."),
        ("entries", many_entries(300_000), "more than 262144 entries"),
        (
            "ends of archives",
            [b"PK\x03\x04".to_vec(), b"PK\x05\x06".repeat(4 << 20)].concat(),
            "directory is missing",
        ),
        (
            "a header without end",
            u64::MAX.to_le_bytes().to_vec(),
            "header length 18446744073709551615",
        ),
        ("many tensors", many_tensors(8 << 20), ""),
        ("too many tensors", many_tensors(20 << 20), "more than 262144 tensors"),
        (
            "a shape that overflows",
            one_tensor("F32", overflow, "[0,0]", 0),
            "does not fit into 0..0",
        ),
        (
            "a shape of many",
            one_tensor("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]", 4),
            "more than 8 dimensions",
        ),
        ("a negative offset", one_tensor("F32", "[1]", "[-4,0]", 0), "invalid value"),
        ("an end before the start", one_tensor("F32", "[1]", "[4,0]", 0), "does not fit into 4..0"),
        (
            "an end beyond all",
            one_tensor("U8", "[1]", "[0,18446744073709551615]", 1),
            "describes 18446744073709551615",
        ),
        ("a gap", one_tensor("U8", "[1]", "[1,2]", 2), "begins at 1, expected 0"),
        ("an unknown type", one_tensor("Q4", "[1]", "[0,1]", 1), "unknown type \"Q4\""),
        (
            "a name twice",
            safetensors(
                &[
                    "{",
                    &[r#""x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#; 2].join(","),
                    "}",
                ]
                .concat(),
                0,
            ),
            "described twice",
        ),
    ]
}

const INDEX: &str = "model.safetensors.index.json";
const TOKENIZER: &str = "tokenizer.json";

/// Indices of shards, and what refusing them says.
fn indices() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let index = |entries: &[String]| format!("{{\"weight_map\":{{{}}}}}", entries.join(","));
    let same = vec!["\"a\":\"b\"".to_owned(); 15 << 17];
    let tensors: Vec<String> = (0..1_000_000).map(|id| format!("\"{id:x}\":\"a\"")).collect();
    let shards: Vec<String> = (0..2000).map(|shard| format!("\"{shard}\":\"{shard}\"")).collect();
    vec![
        ("an index of one name", INDEX, index(&same), "not found"),
        ("an index of many tensors", INDEX, index(&tensors), "not found"),
        ("an index of many files", INDEX, index(&shards), "more than 1000 files"),
        ("an index too long", INDEX, " ".repeat((16 << 20) + 1), "at most 16777216 are read"),
    ]
}

/// Tokenizers, and what refusing them says.
fn tokenizers() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let unigram: Vec<String> = (0..1 << 18).map(|piece| format!("[\"{piece:07x}\",-1]")).collect();
    let unigram = unigram.join(",");
    let unigram = format!(r#"{{"model":{{"type":"Unigram","unk_id":0,"vocab":[{unigram}]}}}}"#);
    let vocabulary = |count: usize| {
        let pieces: Vec<String> = (0..count).map(|id| format!("\"{id:x}\":{id}")).collect();
        format!(r#"{{"model":{{"type":"BPE","vocab":{{{}}},"merges":[]}}}}"#, pieces.join(","))
    };
    let usual = r#""single_word":false,"lstrip":false,"rstrip":false,"normalized":false"#;
    let added: Vec<String> = (0..40_000)
        .map(|id| format!(r#"{{"id":{id},"content":"{id:x}","special":true,{usual}}}"#))
        .collect();
    let empty = r#""model":{"type":"BPE","vocab":{},"merges":[]}"#;
    let added = format!(r#"{{"added_tokens":[{}],{empty}}}"#, added.join(","));
    let settings = format!("{{\"normalizer\":[{}1]}}", "[],".repeat(1 << 20));
    let pattern = r#"{"type":"Split","pattern":{"Regex":"(((a{999}){999}){999}){999}"},"behavior":"Isolated","invert":false}"#;
    let pattern = format!(r#"{{"pre_tokenizer":{pattern},{empty}}}"#);
    let long = " ".repeat((64 << 20) + 1);
    vec![
        ("a tokenizer too long", TOKENIZER, long, "at most 67108864 are read"),
        ("pieces", TOKENIZER, vocabulary(1 << 20), ""),
        ("too many pieces", TOKENIZER, vocabulary(3_200_000), "vocabulary of more than"),
        ("a tree of pieces", TOKENIZER, unigram, ""),
        ("added tokens", TOKENIZER, added, ""),
        ("settings", TOKENIZER, settings, "steps of more than 4096"),
        ("a pattern that explodes", TOKENIZER, pattern, "repeats its parts"),
    ]
}

/// Runs `work` on a file of so many bytes and holds it to its budget.
fn held<T>(name: &str, bytes: usize, work: impl FnOnce() -> Result<T, String>) -> String {
    let start = Instant::now();
    let (peak, result) = peak_of(work);
    let time = start.elapsed();
    let bound = bytes * MEMORY_PER_BYTE + SMALL;
    eprintln!("{name}: {bytes} bytes, peak {peak}, {time:.2?}");
    assert!(peak <= bound, "{name}: {peak} bytes at the peak, expected at most {bound}");
    assert!(time <= TIME, "{name}: {time:?}");
    result.err().unwrap_or_default()
}

fn write(path: &Path, content: &[u8]) -> usize {
    std::fs::write(path, content).unwrap();
    content.len()
}

#[test]
fn no_file_takes_more_than_its_length_allows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let mut failures = Vec::new();
    let mut check = |name: &str, message: String, expected: &str| {
        if !message.contains(expected) || expected.is_empty() != message.is_empty() {
            failures.push(format!("{name}: `{message}`, expected `{expected}`"));
        }
    };
    for (name, content, expected) in files() {
        let bytes = write(&path, &content);
        drop(content);
        let open = || Weights::open_file(&path).map_err(|error| error.to_string());
        check(name, held(name, bytes, open), expected);
    }
    write(&folder.path().join("config.json"), b"{}");
    let checkpoint = CheckpointFolder::open(folder.path()).unwrap();
    for (name, file, content, expected) in indices().into_iter().chain(tokenizers()) {
        let path = folder.path().join(file);
        let bytes = write(&path, content.as_bytes());
        drop(content);
        let message = match file {
            "tokenizer.json" => held(name, bytes, || {
                let read = TextTokenizer::without_stop_tokens(&checkpoint, file);
                read.map_err(|error| error.to_string())
            }),
            _ => held(name, bytes, || checkpoint.weights().map_err(|error| error.to_string())),
        };
        check(name, message, expected);
        std::fs::remove_file(path).unwrap();
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
