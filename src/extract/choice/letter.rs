//! What stands around a letter or an option's text: marks, announcements, verdicts on it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::super::text::is_chinese;
use super::tokens::Token;

/// Bytes around a mention that are looked at.
const NEIGHBOURHOOD: usize = 96;

/// The index that a text names if it is one letter of an option.
pub(super) fn index(text: &str, option_count: usize) -> Option<usize> {
    let [byte] = text.as_bytes() else { return None };
    let index = byte.to_ascii_uppercase().checked_sub(b'A').map(usize::from)?;
    (index < option_count).then_some(index)
}

/// The option whose letter a token is, if it stands there as one.
pub(super) fn mentioned(folded: &str, tokens: &[Token], at: usize, count: usize) -> Option<usize> {
    let place = &tokens[at].place;
    let text = &folded[place.clone()];
    let option = index(text, count)?;
    let is_capital = text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_bracketed(folded, place) {
        return Some(option);
    }
    let before = before(folded, place.start);
    if !is_capital {
        let ends =
            folded[place.end..].trim_start_matches(['*', '.', '"', '\'', '`', ')', '}', '。']);
        let is_last = ends.trim_start_matches(' ').is_empty() || ends.starts_with('\n');
        return (is_last && is_announced(&before)).then_some(option);
    }
    let judged = || {
        let behind = behind(folded, place, &[], true);
        is_confirmed(&behind) || is_denied(&behind)
    };
    let stands = stands_as_letter(folded, tokens, at, &before) || judged();
    (stands && !is_article(folded, tokens, at)).then_some(option)
}

fn is_bracketed(folded: &str, place: &Range<usize>) -> bool {
    let before = folded[..place.start].chars().next_back();
    let after = folded[place.end..].chars().next();
    matches!(
        (before, after),
        (Some('(' | '[' | '{'), Some(')' | ']' | '}')) | (Some('*'), Some('*'))
    )
}

/// Words right behind which a capital is an option's letter.
const LEADS: &[&str] = &[
    "is",
    "be",
    "option",
    "options",
    "answer",
    "answers",
    "choice",
    "choices",
    "choose",
    "chose",
    "pick",
    "select",
    "selected",
    "letter",
    "with",
    "for",
    "say",
    "think",
    "believe",
    "guess",
    "and",
    "or",
    "nor",
    "not",
    "are",
    "was",
    "than",
    "of",
    "to",
    "its",
    "definitely",
    "surely",
    "certainly",
    "probably",
    "likely",
    "correction",
    "unlike",
    "neither",
    "both",
    "either",
    "that",
    "think",
    "eliminate",
    "exclude",
    "wait",
    "actually",
    "no",
    "yes",
    "clearly",
    "between",
    "then",
    "so",
    "because",
    "since",
    "while",
    "but",
    "thus",
    "therefore",
    "hence",
    "why",
    "except",
    "maybe",
    "perhaps",
    "possibly",
];

const CHINESE_LEADS: &str = "选项是案为择和或者与非除到即应而但如有";

fn stands_as_letter(folded: &str, tokens: &[Token], at: usize, before: &str) -> bool {
    let trimmed = before.trim_end_matches(|c: char| !c.is_alphanumeric());
    let gap = &before[trimmed.len()..];
    if trimmed.is_empty()
        || gap.contains(['.', ',', ':', ';', '\n', '?', '!', '。', '、', '/', '&', '='])
    {
        return true;
    }
    match trimmed.chars().next_back() {
        Some(c) if is_chinese(c) => CHINESE_LEADS.contains(c),
        _ => {
            let lead = at.checked_sub(1).map(|index| tokens[index].text.as_str());
            lead.is_some_and(|lead| LEADS.contains(&lead))
                || is_announced(before)
                || gap.contains('(')
                || {
                    let single = |index: usize| {
                        folded.get(tokens[index].place.clone()).is_some_and(|t| t.len() == 1)
                    };
                    at.checked_sub(1).is_some_and(single)
                }
        }
    }
}

/// Whether the token is "A" or "I" as a sentence uses them: before a further word.
fn is_article(folded: &str, tokens: &[Token], at: usize) -> bool {
    let place = &tokens[at].place;
    let Some(next) = tokens.get(at + 1) else { return false };
    let is_followed = folded[place.end..next.place.start].chars().all(|c| c == ' ')
        && next.place.start > place.end;
    let goes_on = !matches!(
        next.text.as_str(),
        "or" | "and"
            | "is"
            | "because"
            | "since"
            | "as"
            | "nor"
            | "was"
            | "are"
            | "cannot"
            | "seems"
            | "looks"
            | "would"
            | "should"
            | "isnt"
            | "cant"
            | "rather"
            | "instead"
            | "not"
            | "but"
            | "over"
            | "would not"
            | "does"
            | "doesnt"
            | "matches"
            | "fits"
            | "and not"
            | "it"
            | "has"
            | "to"
    );
    let is_word = next.text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let is_pronoun = &folded[place.clone()] == "I";
    matches!(&folded[place.clone()], "A" | "I") && is_followed && is_word && (goes_on || is_pronoun)
}

/// The text in front of a mention, lower-case, within its line.
pub(super) fn before(folded: &str, place: usize) -> String {
    let from = floor_boundary(folded, place.saturating_sub(NEIGHBOURHOOD));
    let text = &folded[from..place];
    let line = text.rfind('\n').map_or(text, |at| &text[at + 1..]);
    line.to_lowercase()
}

/// The text behind a mention, lower-case, behind its marks and the option's own text.
pub(super) fn behind(
    folded: &str,
    place: &Range<usize>,
    wording: &[String],
    is_letter: bool,
) -> String {
    let to = floor_boundary(folded, (place.end + NEIGHBOURHOOD).min(folded.len()));
    let text = folded[place.end..to].to_lowercase();
    let text = text.split('\n').next().unwrap_or_default();
    let marks = [' ', '*', '_', ')', ']', '}', '"', '\'', '`', '('];
    let rest = text.trim_start_matches(marks);
    let own = wording.join(" ");
    let behind_heading = rest.trim_start_matches(['.', ':']).trim_start_matches(marks);
    match behind_heading.strip_prefix(own.as_str()).filter(|_| is_letter && !own.is_empty()) {
        Some(rest) => rest.trim_start_matches(marks).to_owned(),
        None => rest.to_owned(),
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

static ANNOUNCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let noun = r"(?:answer|ans|choice|option|pick|selection|response|conclusion|result)s?";
    let adverb = r"(?: (?:likely|probably|definitely|clearly|therefore|indeed|simply|then|thus|most likely|thus|hence|actually))*";
    let verb = r"(?:is|are|would be|should be|must be|will be|was|has to be|=)";
    let tail = r#"(?: the)?(?: correct| right| best)?(?: option| choice| letter| answer)?(?: a| an| the)?[\s"'*`(\[{$:>_=\\-]*(?:text\{|textbf\{|mathrm\{|boxed\{)*$"#;
    let named = format!(
        r"\b{noun}(?: (?:to|here|for|given)\b[^.!?]{{0,48}})?{adverb},? {verb}{adverb}:?{tail}"
    );
    let field = format!(
        r#"\b(?:answer|ans|choice|final answer|correct option|correct choice|prediction|verdict|label|selected option)["'*`_ ]*[:=]{tail}"#
    );
    let bare = format!(
        r"(?:^|[.!?:\n] ?)[\s*_#>]*(?:final |correct |my |the )*answer(?: option| choice)?{tail}"
    );
    let verbs = format!(
        r"\b(?:i|we|i would|i'd|i will|i'll|to)? ?(?:choose|chose|select|selected|pick|picked|go with|going with){tail}"
    );
    let chinese = r#"(?:答案(?:应该|应|就)?(?:是|为|选|:)?|正确(?:的)?(?:选项|答案)(?:应该|应|就)?(?:是|为|:)|(?:应该|应|故|我|所以|因此|就|会|可以)?选(?:择)?(?:选项|:|了)?|应该是|结论是)[\s"'*`(\[{:]*(?:选项)?[\s"'*`(\[{:]*$"#;
    let also =
        r"\b(?:so is|as is|so does|as well as|also|not only|not just|both|either)(?: option)?\s*$";
    Regex::new(&format!("{named}|{field}|{bare}|{verbs}|{chinese}|{also}")).ok()
});

/// Whether the text in front announces an answer.
pub(super) fn is_announced(before: &str) -> bool {
    let denies = ["不选", "不应选", "不能选", "没选", "未选"]
        .iter()
        .any(|one| before.trim_end_matches([' ', '(', '*', '"']).ends_with(one));
    !denies && ANNOUNCED.as_ref().is_some_and(|pattern| pattern.is_match(before))
}

static CONFIRMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let adverb = r"(?:also |clearly |definitely |therefore |indeed |thus |obviously |most likely |probably )*";
    let english = format!(
        r"^,?\s*{adverb}(?:is|are|must be|should be) {adverb}(?:the )?(?:only |most |one |best )*(?:correct|right|true|best|accurate|appropriate|answer|option|valid|choice|my answer)\b"
    );
    let bare = r"^is\s*[.!]*$";
    let chinese =
        r"^(?:项|选项)?(?:是|才是|为)?(?:唯一)?(?:正确|对的|答案|最(?:合适|符合|准确|佳)|符合)";
    Regex::new(&format!("{english}|{bare}|{chinese}")).ok()
});

/// Whether the text behind says that this is right.
pub(super) fn is_confirmed(behind: &str) -> bool {
    CONFIRMED.as_ref().is_some_and(|pattern| pattern.is_match(behind))
}

static DENIED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let adverb = r"(?:also |clearly |definitely |therefore |indeed |thus |obviously |most likely |probably |both |simply |just |all )*";
    let wrong = r"(?:not\b|n't|incorrect|wrong|false|ruled out|eliminated|excluded|unlikely|impossible|inaccurate|out\b|a distractor|irrelevant|untrue|never)";
    let bare = "(?:incorrect|wrong|false|impossible|unlikely|inaccurate|excluded|eliminated)";
    let verb = r"(?:is|are|was|were|would be|would|seems|looks|does|do|did|must be|can|could|has|have|will|should)";
    let english = format!(
        r"^(?:[-–—:]\s*)?(?:(?:and|or) [a-z] )?{adverb}(?:(?:it\s+)?{verb}\s+{adverb}{wrong}|(?:is|are|does|do|was|would|ca|could|wo|have|has|should)n't|(?:is|are|does|do|was|would|ca|could|wo)nt\b|cannot|can be (?:ruled out|eliminated|excluded|dismissed)|fails|lacks|contradicts|{bare}\b|is (?:only |just )?(?:the |a )?(?:second[- ]best|second most|close second|distant second|runner-up))"
    );
    let chinese = r"^(?:项|选项)?(?:都|也|均|明显|显然|肯定|是)?(?:错|不对|不正确|不是|有误|不符|不可能|可以排除|可排除|被排除|排除|不选|不行|不成立|并非|并不|无关)";
    Regex::new(&format!("{english}|{chinese}")).ok()
});

/// Whether the text behind says that this is wrong.
pub(super) fn is_denied(behind: &str) -> bool {
    DENIED.as_ref().is_some_and(|pattern| pattern.is_match(behind))
}

/// Whether a letter is marked as a heading of its line, with or without a text behind it.
pub(super) fn is_heading(folded: &str, place: &Range<usize>) -> bool {
    let is_bracketed = is_bracketed(folded, place);
    let after = folded[place.end..].chars().next();
    starts_line(folded, place.start)
        && (is_bracketed || matches!(after, Some('.' | ')' | ':' | '、' | '。' | ',' | '\n' | '*')))
        && folded[place.clone()].bytes().all(|byte| byte.is_ascii_uppercase() || is_bracketed)
}

/// Whether a letter has a share of certainty behind it: "B: 85%".
pub(super) fn has_share(folded: &str, place: &Range<usize>) -> bool {
    static SHARE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\s*):=(-]{1,6}(?:\d+(?:\.\d+)?\s?%|0?\.\d+\b)").ok());
    SHARE.as_ref().is_some_and(|pattern| pattern.is_match(&folded[place.end..]))
}

/// Whether a mention is all that its line, the first or the last, says.
pub(super) fn is_line(folded: &str, place: &Range<usize>) -> bool {
    let rest = folded[place.end..].trim_start_matches(MARKS);
    let ends = rest.is_empty() || rest.starts_with('\n');
    let is_first = || !folded[..place.start].contains(|c: char| c.is_alphanumeric());
    let is_last = || rest.trim().is_empty();
    ends && starts_line(folded, place.start) && (is_last() || is_first())
}

const MARKS: [char; 20] = [
    ' ', '*', '_', '#', '>', '-', '"', '\'', '`', '(', '[', '{', ')', ']', '}', '.', '$', '!',
    '。', '\t',
];

fn starts_line(folded: &str, start: usize) -> bool {
    let before = folded[..start].trim_end_matches(MARKS);
    before.is_empty() || before.ends_with('\n')
}

/// Whether what stands between two mentions joins them as equals: "A or B", "A/B", A和B.
pub(super) fn are_linked(between: &str, after: &str) -> bool {
    if between.len() > 24 {
        return false;
    }
    let link = between.to_lowercase();
    let link = link.trim_matches(|c: char| MARKS.contains(&c) || c == ',');
    let ends = || {
        after.trim_start_matches(MARKS).starts_with(['\n', ','])
            || after.trim_matches(MARKS).is_empty()
    };
    let goes_on = || {
        let rest = after.trim_start_matches(MARKS);
        ["and ", "or ", "& ", ","].iter().any(|link| rest.starts_with(link))
    };
    match link {
        "or" | "and" | "then" | "and then" | "or option" | "and option" | "/" | "&" | "和"
        | "或" | "或者" | "与" | "及" | "、" | "or maybe" | "or perhaps" | "or possibly" => {
            true
        }
        "" => between.contains(',') && (ends() || goes_on()),
        _ => false,
    }
}
