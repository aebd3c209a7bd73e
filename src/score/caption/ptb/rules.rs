/*!
The rules of the tokenizer, in order of priority: what each matches, what must follow, and what is
made of the match.

Knows nothing of automata: a rule is text here. In a pattern, letters outside brackets ignore case,
letters inside brackets do not, and `{NAME}` stands for one of the named patterns below.
*/

/// What becomes of the characters that a rule matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// They are the token.
    Keep,
    /// The token is this, whatever was matched.
    Say(&'static str),
    /// The first units are the token; the rest is read again.
    Split(usize),
    /// The token is the match, and its last unit is read again.
    RepeatLast,
    /// The token is the match without soft hyphens.
    DropSoftHyphens,
    /// Spaces become U+00A0, so that the token stays one.
    JoinSpaces,
    /// As [`Action::JoinSpaces`], and parentheses are spelt out.
    Phone,
    /// Parentheses are spelt out.
    EscapeParentheses,
    /// Quotation marks of all kinds become ASCII ones.
    Quotes,
    /// A double quotation mark opens; an entity in capitals stays as it is.
    OpeningDoubleQuote,
    /// A double quotation mark closes; an entity in capitals stays as it is.
    ClosingDoubleQuote,
    /// `&amp;` becomes `&`.
    Ampersands,
    /// A one-character fraction is spelt out where it has a plain spelling.
    Fraction,
    /// Three or four hyphens are a dash.
    Dash,
    /// A one-letter acronym gives up its period, a longer one keeps it and repeats it.
    AcronymAtSentenceEnd,
    /// A line ends.
    NewLine,
    /// Nothing is made of it.
    Skip,
}

/// One rule: `body`, then `look` (which is only looked at), then what to do.
pub(super) struct Rule {
    pub(super) body: &'static str,
    pub(super) look: &'static str,
    pub(super) action: Action,
}

const fn rule(body: &'static str, action: Action) -> Rule {
    Rule { body, look: "", action }
}

const fn before(body: &'static str, look: &'static str, action: Action) -> Rule {
    Rule { body, look, action }
}

/// The named patterns; each may use those above it.
pub(super) const NAMED: &[(&str, &str)] = &[
    ("SP", r"[ \t<NoBreakSpace><Space>]"),
    ("NL", r"(\r\n|[\r\n\x0B\x0C<LineSeparator><NextLine>])"),
    ("WS", r"({SP}|{NL})"),
    ("ANY", r"[\x00-\xFF]"),
    ("L", r"[a-zA-Z<LowerLetter><UpperLetter><LongS>]"),
    ("D", r"[0-9<Digit>]"),
    ("LD", r"[a-zA-Z0-9<LowerLetter><UpperLetter><LongS><Digit>]"),
    (
        "X",
        r"([a-zA-Z<LowerLetter><UpperLetter><LongS><Extra><SoftHyphen>]|&[aeiouAEIOU](acute|grave|uml);)",
    ),
    ("XD", r"({X}|{D})"),
    ("U", r"[A-Z<UpperLetter><SymbolUpper><DeletedUpper>]"),
    ("AP", r"(['<Apostrophe>]|&apos;)"),
    ("APP", r"({AP}|[`<LeftSingle>])"),
    ("HY", r"[\-_<Hyphen>]"),
    ("STOP", r"[,;:<IdeographicComma>]"),
    ("W", r"{X}{XD}*([.!?]{X}{XD}*)*"),
    ("NUM", r"({D}+|{D}*([.:,<SoftHyphen><NumberSeparator>]{D}+)+)"),
    ("AUX", r"{AP}([msdMSD]|re|ve|ll)"),
    ("NT", r"n{APP}t"),
    ("NTSTEM", r"[A-Za-z<SoftHyphen>]*[A-MO-Za-mo-z]<SoftHyphen>*"),
    ("NAME", r"[A-Za-z][A-Za-z0-9_:.\-]*"),
    ("VALUE", r#"('[^']*'|"[^"]*")"#),
    ("ATTRIBUTE", r"[ ]+{NAME}([ ]*=[ ]*{VALUE})?"),
    ("TAG", r"<([!?][A-Za-z\-][^>\r\n]*|{NAME}({ATTRIBUTE})*[ ]*[/]?|[/]{NAME})[ ]*>"),
    ("URLCHAR", r#"[^ \t\n\x0C\r"<>|(){}]"#),
    ("URLLAST", r#"[^ \t\n\x0C\r"<>|(){}.!?,\-]"#),
    ("WWWLABEL", r#"[^ \t\n\x0C\r"<>|(){}.!?,]"#),
    ("HOSTLABEL", r#"[^ \t\n\x0C\r"<>|(){}.!?,`'$,-_]"#),
    ("PATH", r#"([/][^ \t\n\x0C\r"<>|()]+[^ \t\n\x0C\r"<>|().!?{},\-])?"#),
    ("MAILCHAR", r#"[^ \t\n\x0C\r"<>|(){}<NoBreakSpace>]"#),
    ("MAILLABEL", r#"[^ \t\n\x0C\r"<>|(){}.<NoBreakSpace>]"#),
    ("SLASHWORD", r"[A-Za-z0-9]+(-[A-Za-z]+){0,2}"),
    ("COUNTRY", r"((Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-(U\.K|U\.S\.S\.R))"),
    ("ACRO", r"([A-Za-z](\.[A-Za-z])*|{COUNTRY})"),
    ("ACRO2", r"([A-Za-z](\.[A-Za-z])+|{COUNTRY})"),
    (
        "OPENER",
        r"([A]bout|[A]ccording|[A]dditionally|[A]fter|[A]n|[A]|[A]s|[A]t|[B]ut|[E]arlier|[H]e|[H]er|[H]ere|[H]owever|[I]f|[I]n|[I]t|[L]ast|[M]any|[M]ore|[M]r\.|[M]s\.|[N]ow|[O]nce|[O]ne|[O]ther|[O]ur|[S]he|[S]ince|[S]o|[S]ome|[S]uch|[T]hat|[T]he|[T]heir|[T]hen|[T]here|[T]hese|[T]hey|[T]his|[W]e|[W]hen|[W]hile|[W]hat|[Y]et|[Y]ou|{TAG})",
    ),
    (
        "ABB1",
        r"(jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tue|tues|wed|thu|thurs|fri|ala|ariz|[A]z|[A]rk|calif|colo|conn|ct|dak|[D]el|fla|ga|[I]ll|ind|kans?|ky|[L]a|[M]ass|md|mich|minn|[M]iss|mo|mont|neb|nev|okla|[O]re|[P]a|penn|tenn|[T]ex|va|vt|[W]ash|wisc?|wyo|inc|co|cos|corp|pp?t[ye]s?|ltd|plc|rt|bancorp|bhd|assn|univ|intl|sys|tel|est|ext|sq|jr|sr|bros|ed\.d|ph\.d|blvd|rd|esq|etc|al|seq|bldg)",
    ),
    ("ABB3", r"(ca|figs?|prop|nos?|art|bldg|pp|op)"),
    (
        "ABB4",
        r"(mr|mrs|ms|[M]iss|drs?|profs?|sens?|reps?|attys?|lt|col|gen|messrs|govs?|adm|rev|maj|sgt|cpl|pvt|capt|st|ste|ave|pres|lieut|hon|brig|cmdr|comdr|pfc|spc|supts?|det|mt|ft|adj|adv|asst|assoc|ens|insp|mlle|mme|msgr|sfc|vs|alex|wm|jos|cie|a\.k\.a|cf|treas|ph|invt|elec|natl|[mM][tf]g|dept|{ACRO})",
    ),
    (
        "EXT",
        r"(bat|bmp|c|class|cgi|cpp|dll|doc|docx|exe|gif|gz|h|htm|html|jar|java|jpeg|jpg|mov|mp3|pdf|php|pl|png|ppt|ps|py|sql|tar|txt|wav|x|xml|zip)",
    ),
    ("GAP", r"[\- <NoBreakSpace>]"),
    (
        "PHONE",
        r"(\([0-9]{2,3}\)[ <NoBreakSpace>]?|(\+\+?)?([0-9]{2,4}{GAP})?[0-9]{2,4}{GAP})[0-9]{3,4}{GAP}?[0-9]{3,5}",
    ),
    ("DOTTEDPHONE", r"((\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}"),
    ("FACE", r"[\-\^x=~<>']"),
    ("ASIANSMILEY", r"({FACE}_{FACE}|\({FACE}[_.]?{FACE}\)|\([\^x=~<>']-[\^x=~<>']\))"),
    (
        "HYPHENWORD",
        r"[A-Za-z0-9][A-Za-z0-9.,<SoftHyphen>]*(-([A-Za-z0-9<SoftHyphen>]+|{ACRO2}\.))+",
    ),
    ("PART", r"([dDoOlL]{APP}{LD})?{LD}+"),
    ("JOINED", r"{PART}({HY}{PART})*"),
    ("AMPERSANDWORD", r"[A-Z]+(([+&]|&amp;)[A-Z]+)+"),
    (
        "QUOTE",
        r"({AP}|''|[`<LeftSingle><LeftAngle><Apostrophe><RightAngle><LeftDouble><RightDouble><LowQuote>]{1,2})",
    ),
    ("SYMBOL", r"[&%~^|\\+<Symbol><SymbolUpper><SuperscriptSign><SubscriptSign><FractionSlash>]"),
];

/// The rules, first the strongest.
pub(super) const RULES: &[Rule] = &[
    rule(r"c\+\+|[cCfF]#", Action::Keep),
    rule("cannot", Action::Split(3)),
    rule("'twas|'tis", Action::Split(2)),
    rule("gonna|gotta|lemme|gimme|wanna", Action::Split(3)),
    rule("{TAG}", Action::JoinSpaces),
    rule("&MD;|&mdash;|&ndash;|<Dash>", Action::Say("--")),
    rule("&amp;", Action::Say("&")),
    rule("&(HT|TL|UR|LR|QC|QL|QR|odq|cdq|#[0-9]+);", Action::Keep),
    before("{W}", "{AUX}", Action::DropSoftHyphens),
    before("{NTSTEM}", "{NT}", Action::DropSoftHyphens),
    rule("{W}", Action::DropSoftHyphens),
    // Words with an apostrophe of their own.
    rule("{AP}n{AP}?|[lLdDjJ]{AP}|(Dunkin|somethin|ol){AP}|{AP}em", Action::Keep),
    rule("[A-HJ-XZn]{APP}{L}{L}+|{AP}[2-9]0s|{AP}till?", Action::Keep),
    rule("{L}+[aeiouyAEIOUY]{APP}[aeiouA-Z]{L}*|{AP}cause", Action::Keep),
    rule(r"cont'd\.?|'twas|nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l", Action::Keep),
    rule("O{APP}o", Action::Keep),
    before("y{AP}", "{L}", Action::Keep),
    // Addresses.
    rule("https?:[/][/]{URLCHAR}+{URLLAST}", Action::Keep),
    rule(r"www\.({WWWLABEL}+\.)+[a-zA-Z]{2,4}{PATH}", Action::Keep),
    rule(r"({HOSTLABEL}+\.)+(com|net|org|edu){PATH}", Action::Keep),
    rule(r"(&lt;|<)?[a-zA-Z0-9]{MAILCHAR}*@({MAILLABEL}+\.)*{MAILLABEL}+(&gt;|>)?", Action::Keep),
    rule("@[A-Za-z_][A-Za-z_0-9]*|#{X}+", Action::Keep),
    before("{AUX}", "[^A-Za-z]", Action::Quotes),
    before("{NT}", "[^A-Za-z]", Action::Quotes),
    // Numbers.
    rule("{D}{1,2}[-/]{D}{1,2}[-/]{D}{2,4}", Action::Keep),
    rule(r"[+\-]?{NUM}", Action::DropSoftHyphens),
    rule("(<SuperscriptSign>|<SubscriptSign>)?(<Superscript>+|<Subscript>+)", Action::Keep),
    rule(
        r"({D}{1,4}[\- <NoBreakSpace>])?{D}{1,4}(\\?[/]|<FractionSlash>){D}{1,4}",
        Action::JoinSpaces,
    ),
    rule("<Fraction>", Action::Fraction),
    rule(
        r"-(RRB|LRB|RCB|LCB|RSB|LSB)-|C\.D\.s|pro-|anti-|S&P-500|S&Ls|Cap{AP}n|c{AP}est",
        Action::Keep,
    ),
    rule(r"{SLASHWORD}(\\?[/]{SLASHWORD}){1,2}", Action::Keep),
    // Money.
    rule(r"[A-Z]*\$|#", Action::Keep),
    rule("<Cent>", Action::Say("cents")),
    rule("<Pound>", Action::Say("#")),
    rule("<Currency>", Action::Say("$")),
    // Periods that are part of a word, or of a word and the end of a sentence too.
    before(r"{ACRO}\.", "{WS}+{OPENER}{WS}", Action::AcronymAtSentenceEnd),
    before(r"{ABB3}\.", "{WS}?{D}", Action::Keep),
    before(r"(pty|pte|co)\.", "{SP}(ltd|lim)", Action::Keep),
    before(r"{ABB1}\.", "{WS}({WS}|{U}|{TAG})", Action::RepeatLast),
    before(r"{ABB1}\.", "{ANY}{ANY}", Action::Keep),
    rule(r"{ABB1}\.", Action::RepeatLast),
    rule(r"{ABB4}\.", Action::Keep),
    before("{ABB4}", "{SP}", Action::Keep),
    before("{ACRO}", "{WS}", Action::Keep),
    before("{AP}[0-9][0-9]", "{WS}", Action::Keep),
    before(r"{XD}+(\.{XD}+)*\.{EXT}", "({WS}|[.?!,])", Action::Keep),
    before(r"{W}\.", "{STOP}", Action::DropSoftHyphens),
    rule("{PHONE}|{DOTTEDPHONE}", Action::Phone),
    // Double quotation marks, brackets, smileys.
    before(r#""|&quot;"#, "[A-Za-z0-9$]", Action::OpeningDoubleQuote),
    rule(r#""|&quot;"#, Action::ClosingDoubleQuote),
    rule(r"[\x7F]", Action::Skip),
    rule("<|&lt;", Action::Say("<")),
    rule(">|&gt;", Action::Say(">")),
    before(r"[<>]?[:;=][\-o*']?[()DPdpO\\{@|\[\]]", "[^A-Za-z0-9]", Action::EscapeParentheses),
    rule("{ASIANSMILEY}", Action::EscapeParentheses),
    rule(r"\{", Action::Say("-LCB-")),
    rule(r"\}", Action::Say("-RCB-")),
    rule(r"\[", Action::Say("-LSB-")),
    rule(r"\]", Action::Say("-RSB-")),
    rule(r"\(", Action::Say("-LRB-")),
    rule(r"\)", Action::Say("-RRB-")),
    // Runs of punctuation.
    rule("-+", Action::Dash),
    rule(r"\.{3,5}|(\.[ <NoBreakSpace>]){2,4}\.|<NextLine>|<Ellipsis>", Action::Say("...")),
    rule(r"@+|#+|_+|\*+|(\\\*){1,3}|{STOP}|[?!]+|\.|=|[/]", Action::Keep),
    // Compounds.
    before(r"{HYPHENWORD}\.", "{STOP}", Action::DropSoftHyphens),
    rule("{HYPHENWORD}", Action::DropSoftHyphens),
    before(r"{JOINED}\.", "{STOP}", Action::Keep),
    rule("{JOINED}", Action::Keep),
    before(r"{AMPERSANDWORD}\.", "{STOP}", Action::Ampersands),
    rule("{AMPERSANDWORD}", Action::Ampersands),
    // Single quotation marks, symbols.
    before("'", r"[A-Za-z][^ \t\n\r<NoBreakSpace>]", Action::Say("`")),
    rule("{AUX}", Action::Quotes),
    rule("{NT}", Action::Quotes),
    rule("{QUOTE}", Action::Quotes),
    rule("<<|>>|{SYMBOL}", Action::Keep),
    rule("{NL}", Action::NewLine),
    rule("&nbsp;|{SP}+", Action::Skip),
    rule("{ANY}", Action::Skip),
];
