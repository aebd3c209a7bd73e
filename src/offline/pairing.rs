/*!
Which answer belongs to which question: by id, or in order where no row has one, and never by guessing.

Where several questions share an id (MME asks two about a picture), the question beside an answer decides, or
their order if none stands there. Must not know how an answer is judged.
*/

use std::collections::{HashMap, VecDeque};

use super::ids::IdSource;
use super::{ItemId, OfflineError};

/// What both sides have to find each other by.
pub(super) trait Named {
    fn id(&self) -> Option<&ItemId>;

    /// What was asked, if the row says so.
    fn question(&self) -> Option<&str>;

    /// A column that seems to be an id of another name.
    fn other_id(&self) -> Option<&str>;
}

/// Each question with its answer, in the order of the questions.
pub(super) fn pair<Q: Named, R: Named>(
    questions: Vec<Q>,
    responses: Vec<R>,
    source: &IdSource<'_>,
) -> Result<Vec<(ItemId, Q, R)>, OfflineError> {
    let asked = Ids::of(&questions, source.annotations, source.what)?;
    let answered = Ids::of(&responses, source.results, source.what)?;
    match (asked, answered) {
        (Ids::All, Ids::All) => by_id(questions, responses, source),
        (Ids::All, Ids::None) => {
            refuse_other_id(&responses, source)?;
            in_order(questions, responses, source)
        }
        (Ids::None, Ids::All) if !are_numbered(&responses) => Err(OfflineError::Pairing {
            path: source.results.to_owned(),
            message: format!(
                "its rows have ids and those of {} have none, so that they do not find each other; \
                 give both a `question_id`, or drop it and keep the order",
                source.annotations.display()
            ),
        }),
        (Ids::None, _) => in_order(questions, responses, source),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    All,
    None,
}

impl Ids {
    /// Some rows with and some without an id are an error: no order can be meant then.
    fn of<N: Named>(
        rows: &[N],
        path: &std::path::Path,
        what: &'static str,
    ) -> Result<Self, OfflineError> {
        let lacking = rows.iter().position(|row| row.id().is_none());
        match lacking {
            None => Ok(Self::All),
            Some(_) if rows.iter().all(|row| row.id().is_none()) => Ok(Self::None),
            Some(place) => Err(OfflineError::Pairing {
                path: path.to_owned(),
                message: format!(
                    "row {} has no id, and others have; give each row its `{what}`, or none",
                    place + 1
                ),
            }),
        }
    }
}

/// Whether ids only count rows in their order, from 0 or 1.
fn are_numbered<N: Named>(rows: &[N]) -> bool {
    let first = rows.first().and_then(|row| row.id()?.number());
    let numbers = rows.iter().map(|row| row.id().and_then(ItemId::number));
    first.is_some_and(|first| {
        matches!(first, 0 | 1) && numbers.eq((first..).map(Some).take(rows.len()))
    })
}

fn refuse_other_id<R: Named>(responses: &[R], source: &IdSource<'_>) -> Result<(), OfflineError> {
    match responses.first().and_then(Named::other_id) {
        None => Ok(()),
        Some(name) => Err(OfflineError::Pairing {
            path: source.results.to_owned(),
            message: format!(
                "its rows have no id of a known name, but `{name}`; call it `{}` as in {}, or drop \
                 it if the rows stand in the same order",
                source.what,
                source.annotations.display()
            ),
        }),
    }
}

/// Whether two texts are about the same question: a prompt has more in it than the question.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    one == other
        || (!one.is_empty() && !other.is_empty() && (one.contains(other) || other.contains(one)))
}

fn in_order<Q: Named, R: Named>(
    questions: Vec<Q>,
    responses: Vec<R>,
    source: &IdSource<'_>,
) -> Result<Vec<(ItemId, Q, R)>, OfflineError> {
    if questions.len() != responses.len() {
        return Err(OfflineError::Length {
            path: source.results.to_owned(),
            annotations: source.annotations.to_owned(),
            found: responses.len(),
            expected: questions.len(),
        });
    }
    let mut pairs = Vec::with_capacity(questions.len());
    for (place, (question, response)) in questions.into_iter().zip(responses).enumerate() {
        if let (Some(asked), Some(answered)) = (question.question(), response.question())
            && !is_same(asked, answered)
        {
            return Err(another(&format!("row {}", place + 1), answered, asked, source));
        }
        let id = question.id().cloned().unwrap_or(ItemId::Number(place as i64));
        pairs.push((id, question, response));
    }
    Ok(pairs)
}

fn another(what: &str, answered: &str, asked: &str, source: &IdSource<'_>) -> OfflineError {
    OfflineError::Pairing {
        path: source.results.to_owned(),
        message: format!(
            "{what} answers the question {:?}, and {} asks {:?} there; the rows are in another order, \
             so give each its `{}`",
            shortened(answered),
            source.annotations.display(),
            shortened(asked),
            source.what
        ),
    }
}

fn shortened(text: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() { format!("{shown}...") } else { shown }
}

/// The answers to one id that are not taken yet.
struct Waiting<R> {
    answers: Vec<Option<R>>,
    in_order: VecDeque<usize>,
    by_question: HashMap<String, VecDeque<usize>>,
}

impl<R: Named> Waiting<R> {
    fn new() -> Self {
        Self { answers: Vec::new(), in_order: VecDeque::new(), by_question: HashMap::new() }
    }

    fn push(&mut self, answer: R) {
        let place = self.answers.len();
        if let Some(question) = answer.question() {
            self.by_question.entry(question.trim().to_owned()).or_default().push_back(place);
        }
        self.in_order.push_back(place);
        self.answers.push(Some(answer));
    }

    /// The answer to this very question, or else the first one that is left.
    fn take(&mut self, question: Option<&str>) -> Option<R> {
        let same = question.and_then(|asked| self.by_question.get_mut(asked.trim()));
        if let Some(found) = same.and_then(|places| self.answers[places.pop_front()?].take()) {
            return Some(found);
        }
        while let Some(place) = self.in_order.pop_front() {
            if let Some(found) = self.answers[place].take() {
                return Some(found);
            }
        }
        None
    }

    fn is_left(&self) -> bool {
        self.answers.iter().any(Option::is_some)
    }
}

fn by_id<Q: Named, R: Named>(
    questions: Vec<Q>,
    responses: Vec<R>,
    source: &IdSource<'_>,
) -> Result<Vec<(ItemId, Q, R)>, OfflineError> {
    let id_of = |id: Option<&ItemId>| id.cloned().unwrap_or(ItemId::Number(0));
    let mut waiting = HashMap::<ItemId, Waiting<R>>::new();
    for response in responses {
        waiting.entry(id_of(response.id())).or_insert_with(Waiting::new).push(response);
    }
    let total = questions.len();
    let mut asked = HashMap::<ItemId, usize>::with_capacity(total);
    questions.iter().for_each(|one| *asked.entry(id_of(one.id())).or_default() += 1);
    let (mut pairs, mut missing) = (Vec::with_capacity(total), Vec::new());
    for question in questions {
        let id = id_of(question.id());
        let Some(response) = waiting.get_mut(&id).and_then(|one| one.take(question.question()))
        else {
            missing.push(id);
            continue;
        };
        // An id of one question decides, however that is put; several share one only by their texts.
        if let (Some(wanted), Some(found)) = (question.question(), response.question())
            && asked[&id] > 1
            && !is_same(wanted, found)
        {
            return Err(another(&format!("{} {id}", source.what), found, wanted, source));
        }
        pairs.push((id, question, response));
    }
    let left = waiting.into_iter().filter(|(_, waiting)| waiting.is_left());
    if let Some(id) = left.map(|(id, _)| id).min() {
        let (path, what) = (source.results.to_owned(), source.what);
        return Err(match asked.contains_key(&id) {
            true => OfflineError::Duplicate { path, what, id },
            false => source.unknown(id),
        });
    }
    source.require_none_missing(&missing, total)?;
    Ok(pairs)
}
