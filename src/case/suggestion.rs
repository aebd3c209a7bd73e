//! The known word that was most likely meant.

/// Longest word for which one is looked for, in characters: comparing takes time in the square of it.
const LONGEST_WORD: usize = 100;

/// The candidate that differs from the word by at most a third of its letters, if there is one.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let is_short = |word: &str| word.chars().nth(LONGEST_WORD).is_none();
    if !is_short(word) {
        return None;
    }
    let limit = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .filter(|candidate| is_short(candidate))
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements of characters (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, from) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..to.len() {
            let replaced = diagonal + usize::from(from != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slips_are_understood() {
        let fields = ["images", "prompt", "expect"];
        assert_eq!(nearest("imags", fields), Some("images"));
        assert_eq!(nearest("Promt", fields), Some("prompt"));
        assert_eq!(nearest("tags", fields), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
