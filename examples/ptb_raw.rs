//! Prints the tokenizer's raw output for a file, to compare with the Java tool.
use std::io::Write;
fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let text = std::fs::read_to_string(path).expect("readable UTF-8");
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for line in eyechart::score::caption::ptb::raw_lines(&text) {
        writeln!(out, "{line}").expect("stdout");
    }
}
