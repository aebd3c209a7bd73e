"""Writes src/score/caption/ptb/class_table.rs from fixtures/golden/ptb_bmp_classes.json.

The JSON is a black-box record of how the Java tokenizer treats every character; this script only
gives each behaviour the name that the lexer's rules use. Run it from the repository root.
"""
import json

golden = json.load(open("fixtures/golden/ptb_bmp_classes.json"))
signatures, ranges = golden["signatures"], golden["ranges"]

BY_HAND = {0x17F: "LongS", 0x3A3: "UpperLetter", 0x85: "NextLine", 0xA0: "NoBreakSpace",
           0xA2: "Cent", 0xA3: "Pound", 0xAD: "SoftHyphen", 0x2026: "Ellipsis",
           0x2044: "FractionSlash", 0x3001: "IdeographicComma", 0x2039: "LeftAngle",
           0x203A: "RightAngle", 0x2028: "LineSeparator", 0x2029: "LineSeparator",
           0x207A: "SuperscriptSign", 0x207B: "SuperscriptSign",
           0x208A: "SubscriptSign", 0x208B: "SubscriptSign"}
SUPERSCRIPT = {0xB2, 0xB3, 0xB9, 0x2070, *range(0x2074, 0x207A)}
BY_SIGNATURE = {0: "LowerLetter", 3: "UpperLetter", 4: "Extra", 5: "Digit", 1: "Deleted",
                8: "DeletedUpper", 2: "Symbol", 7: "SymbolUpper", 9: "Space", 10: "Dash",
                11: "Currency", 12: "LeftSingle", 13: "Apostrophe", 14: "LeftDouble",
                15: "RightDouble", 16: "Hyphen", 22: "NumberSeparator"}

def kind(code, signature):
    if code in BY_HAND:
        return BY_HAND[code]
    if signature == 6:
        if code in SUPERSCRIPT:
            return "Superscript"
        return "Subscript" if 0x2080 <= code <= 0x2089 else "LowQuote"
    if signature in (64, 65, 66, 70, 71):
        return "Fraction"
    return BY_SIGNATURE[signature]

of = {0x2028: "LineSeparator", 0x2029: "LineSeparator"}
for first, last, signature in ranges:
    for code in range(first, last + 1):
        if code >= 0x80:
            of[code] = kind(code, signature)
for code in range(0xD800, 0xE000):
    of[code] = "Surrogate"
rows, code = [], 0x80
while code < 0x10000:
    last = code
    while last + 1 < 0x10000 and of[last + 1] == of[code]:
        last += 1
    rows.append((code, last, of[code]))
    code = last + 1
out = open("src/score/caption/ptb/class_table.rs", "w")
out.write("/*!\nWhat the tokenizer makes of each character from U+0080 to U+FFFF: data only.\n\n"
          "Written by `tools/metrics/ptb_classes.py` from `fixtures/golden/ptb_bmp_classes.json`; do not edit.\n*/\n\n"
          "use super::classes::Class::{self, *};\n\n"
          "/// First character, last character, class; in order and without gaps.\n#[rustfmt::skip]\n"
          "pub(super) const RANGES: &[(u16, u16, Class)] = &[\n")
for i in range(0, len(rows), 3):
    out.write("    " + " ".join("(0x%04X, 0x%04X, %s)," % row for row in rows[i:i + 3]) + "\n")
out.write("];\n")
