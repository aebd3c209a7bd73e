//! Numbers in words, English and Chinese, to digits. Works on text without punctuation.

/// Replaces English number words, "none" among them, by digits.
pub(super) fn replace_english(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut replaced: Vec<String> = Vec::with_capacity(words.len());
    let mut rest = words.as_slice();
    while let Some((word, after_word)) = rest.split_first() {
        match english_number(rest) {
            Some((value, after_number)) => {
                replaced.push(value.to_string());
                rest = after_number;
            }
            None => {
                replaced.push((*word).to_owned());
                rest = after_word;
            }
        }
    }
    replaced.join(" ")
}

/// A small English number word as digits.
pub(super) fn english_numeral(word: &str) -> Option<String> {
    position(&BELOW_TWENTY, word).map(|value| value.to_string())
}

/// One Chinese digit as digits.
pub(super) fn chinese_numeral(word: &str) -> Option<String> {
    let mut characters = word.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) => chinese_digit(c).map(|value| value.to_string()),
        _ => None,
    }
}

/// A number and the words after it.
type Read<'a, 'b> = Option<(u64, &'a [&'b str])>;

fn english_number<'a, 'b>(words: &'a [&'b str]) -> Read<'a, 'b> {
    if let ["none", rest @ ..] = words {
        return Some((0, rest));
    }
    scaled(words, "thousand", 1000, |words| scaled(words, "hundred", 100, below_hundred))
}

/// A `small` number, or one times `factor` with an optional further `small` one.
fn scaled<'a, 'b>(
    words: &'a [&'b str],
    scale: &str,
    factor: u64,
    small: impl Fn(&'a [&'b str]) -> Read<'a, 'b>,
) -> Read<'a, 'b> {
    let (count, rest) = small(words)?;
    let Some((_, rest)) = rest.split_first().filter(|(word, _)| **word == scale) else {
        return Some((count, rest));
    };
    let after_and = rest.strip_prefix(&["and"]).unwrap_or(rest);
    match small(after_and).filter(|(more, _)| (1..factor).contains(more)) {
        Some((more, rest)) => Some((count * factor + more, rest)),
        None => Some((count * factor, rest)),
    }
}

fn below_hundred<'a, 'b>(words: &'a [&'b str]) -> Read<'a, 'b> {
    let (first, rest) = words.split_first()?;
    if let Some(value) = position(&BELOW_TWENTY, first) {
        return Some((value, rest));
    }
    let tens = (position(&TENS, first)? + 2) * 10;
    let unit = rest.split_first().and_then(|(word, rest)| {
        position(&BELOW_TWENTY, word).filter(|unit| (1..10).contains(unit)).map(|unit| (unit, rest))
    });
    Some(unit.map_or((tens, rest), |(unit, rest)| (tens + unit, rest)))
}

fn position(names: &[&str], word: &str) -> Option<u64> {
    names.iter().zip(0..).find(|(name, _)| **name == word).map(|(_, index)| index)
}

const BELOW_TWENTY: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Characters that count things, simplified and traditional. Not among them: those that make a
/// word with 一 or 十 which is no number (一点, 一些, 一起, 一样, 一部分, 十分).
const MEASURE_WORDS: &str = "个個只隻条條张張辆輛位名头頭匹座栋棟棵朵株件本页頁支枝把台臺架艘双雙对對\
    块塊片颗顆粒滴间間所扇盏盞杯碗瓶盘盤盒箱袋包套副幅顶頂根层層楼樓排群岁歲元米号號次天年月日人口种種";

/// Replaces Chinese numerals by digits where they are the whole text, stand before a measure word
/// or after 第.
pub(super) fn replace_chinese(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut replaced = String::with_capacity(text.len());
    let mut rest = chars.as_slice();
    let mut previous = None;
    while let Some((&c, after)) = rest.split_first() {
        let length = rest.iter().take_while(|c| is_numeral(**c)).count();
        let (run, after_run) = rest.split_at(length);
        let is_whole = length == chars.len();
        let counts = after_run.first().is_some_and(|c| MEASURE_WORDS.contains(*c));
        let is_ordinal = previous == Some('第');
        if length == 0 {
            replaced.push(c);
            previous = Some(c);
            rest = after;
            continue;
        }
        match chinese_number(run, after_run).filter(|_| is_whole || counts || is_ordinal) {
            Some(value) => replaced.push_str(&value.to_string()),
            None => replaced.extend(run),
        }
        previous = run.last().copied();
        rest = after_run;
    }
    replaced
}

fn chinese_number(run: &[char], after: &[char]) -> Option<u64> {
    if run.iter().any(|c| chinese_unit(*c).is_some()) {
        return with_units(run);
    }
    // "二零二四" and "二四年" are written digit by digit; "三四个" means three or four.
    let is_positional = run.len() == 1 || run.iter().any(|c| matches!(c, '零' | '〇'));
    if !is_positional && after.first() != Some(&'年') {
        return None;
    }
    run.iter().try_fold(0u64, |value, c| value.checked_mul(10)?.checked_add(chinese_digit(*c)?))
}

/// The value of numerals such as 三千零五十二 or 十二; none for what is no proper number (千万, 一百五).
fn with_units(run: &[char]) -> Option<u64> {
    let mut total = 0;
    let mut digit = None;
    let mut last_unit = u64::MAX;
    let mut after_zero = false;
    for &c in run {
        if let Some(unit) = chinese_unit(c) {
            if unit >= last_unit {
                return None;
            }
            let leading_ten = unit == 10 && last_unit == u64::MAX;
            total += digit.take().or(leading_ten.then_some(1))? * unit;
            last_unit = unit;
            after_zero = false;
        } else if matches!(c, '零' | '〇') {
            after_zero = true;
        } else if digit.replace(chinese_digit(c)?).is_some() {
            return None;
        }
    }
    match digit {
        Some(_) if last_unit != 10 && !after_zero => None,
        digit => Some(total + digit.unwrap_or(0)),
    }
}

pub(super) fn is_numeral(c: char) -> bool {
    chinese_digit(c).is_some() || chinese_unit(c).is_some()
}

fn chinese_digit(c: char) -> Option<u64> {
    match c {
        '零' | '〇' => Some(0),
        '一' => Some(1),
        '二' | '两' | '兩' => Some(2),
        '三' => Some(3),
        '四' => Some(4),
        '五' => Some(5),
        '六' => Some(6),
        '七' => Some(7),
        '八' => Some(8),
        '九' => Some(9),
        _ => None,
    }
}

fn chinese_unit(c: char) -> Option<u64> {
    match c {
        '十' => Some(10),
        '百' => Some(100),
        '千' => Some(1000),
        '万' | '萬' => Some(10_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_numbers() {
        for (text, expected) in [
            ("twelve", "12"),
            ("one two three", "1 2 3"),
            ("thirty five cats", "35 cats"),
            ("thirty fifteen", "30 15"),
            ("two hundred", "200"),
            ("two hundred and", "200 and"),
            ("three thousand one hundred and twenty one", "3121"),
            ("five and six", "5 and 6"),
            ("someone", "someone"),
            ("hundred", "hundred"),
        ] {
            assert_eq!(replace_english(text), expected, "of {text:?}");
        }
    }

    #[test]
    fn chinese_numbers() {
        for (text, expected) in [
            ("十", "10"),
            ("十二", "12"),
            ("二十", "20"),
            ("九十九只羊", "99只羊"),
            ("一百零五", "105"),
            ("三千零五十二", "3052"),
            ("一万", "10000"),
            ("二零二四年", "2024年"),
            ("有三个人", "有3个人"),
            ("三四个", "三四个"),
            ("千万", "千万"),
            ("一百五", "一百五"),
            ("一二三", "一二三"),
            ("万一", "万一"),
            ("第一", "第1"),
            ("第二十名", "第20名"),
        ] {
            assert_eq!(replace_chinese(text), expected, "of {text:?}");
        }
    }

    #[test]
    fn endless_numerals_do_not_overflow() {
        let many = "零".repeat(50) + &"九".repeat(50);
        assert_eq!(replace_chinese(&many), many);
    }
}
