//! Chat templates made to run without end or to ask for absurd memory. Each ends soon, as an error that
//! names the file.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use eyechart::model::chat_template::ChatTemplate;
use eyechart::request::Conversation;

/// What comes of a template: the prompt, or the message.
fn rendered(source: &str) -> Result<String, String> {
    ChatTemplate::parse(Path::new("m/chat_template.jinja"), source.to_owned(), BTreeMap::new())
        .and_then(|template| template.render(&Conversation::ask(1, "What?")))
        .map_err(|error| error.to_string())
}

#[track_caller]
fn is_stopped(source: &str) {
    let start = Instant::now();
    let shown: String = source.chars().take(120).collect();
    let message = rendered(source).err().unwrap_or_else(|| panic!("was rendered: {shown}"));
    assert!(message.contains("m/chat_template.jinja"), "{message}");
    assert!(message.len() < 3000, "{} letters: {shown}", message.len());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}: {shown}", start.elapsed());
}

/// `{% set n.x = .. %}` so many times.
fn again(times: usize, first: &str, next: &str, end: &str) -> String {
    format!(
        "{{% set n = namespace(x={first}) %}}{{% for i in range({times}) %}}{{% set n.x = {next} %}}\
         {{% endfor %}}{end}"
    )
}

#[test]
fn loops_end() {
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}\
         {% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}aaaaaaaaaaaaaaaa{% endfor %}\
         {% endfor %}",
        "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "{% for a in [[1]] recursive %}{{ loop(a) }}{{ loop([a]) }}{% endfor %}",
        "{{ range(1000000000) | list | length }}",
        "{% for i in range(100000) %}{{ range(100000) | sum }}{% endfor %}",
    ] {
        is_stopped(source);
    }
}

#[test]
fn texts_do_not_grow_without_end() {
    let grown = [
        again(60, "'aaaaaaaaaaaaaaaa'", "n.x ~ n.x", ""),
        again(60, "'aaaaaaaaaaaaaaaa'", "n.x + n.x", ""),
        again(60, "'aaaaaaaaaaaaaaaa'", "n.x * 2", ""),
        again(60, "'aaaa'", "n.x.replace('a', 'aaaa')", ""),
        again(60, "'aaaa'", "n.x | replace('a', 'aaaa')", ""),
        again(60, "'aaaa'", "n.x.join(['a', 'a', 'a'])", ""),
        again(60, "'aaaa'", "[n.x, n.x] | join(n.x)", ""),
        again(60, "'aaaa'", "'{}{}'.format(n.x, n.x)", ""),
        again(60, "'aaaa'", "'%s%s' % (n.x, n.x)", ""),
        again(60, "'aaaa'", "'%s%s' | format(n.x, n.x)", ""),
        again(60, "['a']", "n.x + n.x", ""),
        again(60, "['a']", "n.x * 2", ""),
        again(60, "'a'", "(n.x ~ n.x) | upper", ""),
        "{% set x %}{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}{% endset %}".to_owned(),
    ];
    grown.iter().for_each(|source| is_stopped(source));
    for source in [
        r#"{{ "a\nb"|indent(10000000000) }}"#,
        r#"{{ "{:>10000000000}".format(1) }}"#,
        r#"{{ "{:.10000000000f}".format(1.5) }}"#,
        r#"{{ "{:>10000000000}{:>10000000000}".format(1, 2) }}"#,
        r#"{{ "%10000000000d" % 1 }}"#,
        r#"{{ "%10000000000d" | format(1) }}"#,
        r#"{{ [1]|batch(1000000000000,"x")|list|length }}"#,
        r#"{{ [1]|slice(1000000000000,"x")|list|length }}"#,
        r#"{{ "a" * 10000000000 }}"#,
        r#"{{ ("a" * 1000000).replace("", "b" * 1000000) }}"#,
        r#"{{ ("a" * 1000000).replace("a", "b" * 1000000) }}"#,
        r#"{{ ("a" * 1000000) | replace("a", "b" * 1000000) }}"#,
        r#"{{ ("a" * 1000000).join(range(100000)) }}"#,
        r#"{{ range(100000) | join("a" * 1000000) }}"#,
        r#"{{ ("a" * 9000000).strip("b" * 9000000) }}"#,
        r#"{{ "a" | center(10000000000) }}"#,
        r#"{{ "a".center(10000000000) }}"#,
        r#"{{ "a".ljust(10000000000) }}"#,
        r#"{{ "a".zfill(10000000000) }}"#,
        r#"{{ lipsum(1000000000) }}"#,
        r#"{{ (9 ** 9) ** 9999999 }}"#,
        r#"{{ messages | tojson(indent=10000000000) }}"#,
    ] {
        is_stopped(source);
    }
}

/// Lists that hold the one before twice are small, but written they are larger than any memory.
#[test]
fn shared_values_are_counted_each_time() {
    for end in [
        "{{ n.x }}",
        "{{ n.x | tojson }}",
        "{{ n.x | string | length }}",
        "{{ n.x | pprint }}",
        "{{ ','.join([n.x]) }}",
        "{{ '{}'.format(n.x) }}",
        "{{ '%s' % n.x }}",
        "{{ [n.x].count(n.x) }}",
        "",
        "{{ n.x == [n.x[0], n.x[1] ~ 'x'] }}",
        "{{ raise_exception(n.x) }}",
        "{{ {'a': n.x} | tojson }}",
        "{{ 'a'.startswith(n.x) }}",
        "{{ n.x ~ '' }}",
        "{{ {'a': 1}.get(n.x) }}",
    ] {
        is_stopped(&again(60, "['a']", "[n.x, n.x]", end));
    }
    is_stopped(&format!("{{% set x = ['a'] %}}{}", "{% set x = x + x %}".repeat(60)));
    is_stopped(&format!("{{% set x = ['a'] %}}{}", "{% set x = {'a': x, 'b': x} %}".repeat(60)));
}

#[test]
fn nesting_needs_no_more_stack_than_there_is() {
    for source in [
        format!("{{{{ {}1 }}}}", "not ".repeat(500_000)),
        format!("{{{{ {}1{} }}}}", "(".repeat(8_000), ")".repeat(8_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(8_000), "]".repeat(8_000)),
        "{% if a %}".repeat(20_000),
        "{% for a in b %}".repeat(15_000),
        again(100_000, "['a']", "[n.x]", "{{ n.x | tojson }}"),
    ] {
        is_stopped(&source);
    }
    // These may have an end.
    for source in [
        format!("{{{{ {}1 }}}}", "-".repeat(16_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(4_000)),
        format!("{{{{ a{} }}}}", ".b".repeat(8_000)),
        format!("{{{{ 1{} }}}}", "+1".repeat(8_000)),
        format!("{{{{ 'a'{} }}}}", "~1".repeat(8_000)),
        format!("{{{{ 1{} }}}}", "|e".repeat(8_000)),
        format!("{{{{ a{} }}}}", "[0]".repeat(5_000)),
        format!("{{{{ a{} }}}}", "()".repeat(8_000)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(1_300)),
        format!("{{{{ 2{} }}}}", "**1".repeat(5_000)),
        format!("{{{{ 1{} }}}}", " and 1".repeat(2_600)),
        format!("{{{{ 1{} }}}}", "<1".repeat(8_000)),
        format!("{{{{ 1{} }}}}", " is odd".repeat(2_300)),
        again(100_000, "['a']", "[n.x]", ""),
        again(100_000, "['a']", "[n.x]", "{{ n.x }}"),
        again(100_000, "['a']", "{'a': n.x}", "{{ n.x == n.x }}"),
        again(100_000, "['a']", "[n.x]", "{{ n.x | string | length }}"),
    ] {
        let start = Instant::now();
        let _ = rendered(&source);
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn what_templates_do_is_left_alone() {
    let source = "{% for message in messages %}{% for part in message.content %}\
                  {% if part.type == 'image' %}<image>{% else %}{{ part.text.strip('?').upper() }}\
                  {{ part.text.split('a') | length }}{{ ','.join(['x', 'y']) }}\
                  {{ '{:>5}|{}'.format(1, 'b') }}{{ part.text.replace('W', 'w') }}\
                  {{ ['a', 'b', 'a'].count('a') }}{{ {'k': 'v'}.get('k') }}{{ {'k': [1, 'é']} | tojson }}\
                  {% endif %}{% endfor %}{% endfor %}";
    assert_eq!(rendered(source).unwrap(), "<image>WHAT2x,y    1|bwhat?2v{\"k\": [1, \"é\"]}");
    let message = rendered("{{ raise_exception('no pictures') }}").unwrap_err();
    assert!(message.contains("no pictures"), "{message}");
    let message = rendered("{{ raise_exception('a' * 100000) }}").unwrap_err();
    assert!(message.len() < 3000, "{}", message.len());
}

/// A long question costs little more than its length.
#[test]
fn a_megabyte_of_question_is_rendered() {
    let source = "{% for m in messages %}{% for p in m.content %}{% if p.text %}\
                  {{ p.text | trim }}{{ p.text.strip().replace('x', 'y') }}{% endif %}{% endfor %}\
                  {% endfor %}";
    let path = Path::new("m/chat_template.jinja");
    let template = ChatTemplate::parse(path, source.to_owned(), BTreeMap::new()).unwrap();
    let question = "word ".repeat(200_000);
    let prompt = template.render(&Conversation::ask(1, question)).unwrap();
    assert_eq!(prompt.len(), 2 * (1_000_000 - 1));
}
