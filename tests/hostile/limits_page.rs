//! `docs/limits.md` says what the code says: each row of its tables names a constant, its value as the
//! code writes it, and the file.

use std::path::Path;

/// The constant, its value and its file, of each row.
fn rows() -> Vec<[String; 3]> {
    let page = std::fs::read_to_string("docs/limits.md").unwrap();
    let cells = |line: &str| -> Option<[String; 3]> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let code = |cell: &str| {
            let code =
                cell.trim().trim_end_matches('|').trim().strip_prefix('`')?.strip_suffix('`');
            code.map(str::to_owned)
        };
        let [.., name, value, file] = cells.as_slice() else { return None };
        Some([code(name)?, code(value)?, code(file)?])
    };
    page.lines().filter_map(cells).collect()
}

#[test]
fn every_row_is_as_the_code_has_it() {
    let rows = rows();
    assert!(rows.len() >= 30, "only {} rows are read", rows.len());
    for [name, value, file] in rows {
        let code =
            std::fs::read_to_string(Path::new(&file)).unwrap_or_else(|_| panic!("no {file}"));
        let declared = format!("const {name}: ");
        let start = code.find(&declared).unwrap_or_else(|| panic!("no {name} in {file}"));
        let (_, is) = code[start..].split_once(" = ").unwrap();
        let is = is.split_once(';').unwrap().0;
        assert_eq!(is, value, "{name} of {file}");
    }
}
