/*!
Accuracies of a whole set of questions: overall, by type of question and by type of answer.

Owns sums; must not know how one question is scored.
*/

use std::collections::HashMap;

/// Running sums of VQA accuracies, in the order of the annotation file.
#[derive(Debug, Clone, Default)]
pub struct VqaAccuracyTable {
    overall: Sum,
    by_question_type: Types,
    by_answer_type: Types,
}

/// The mean accuracy of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeAccuracy {
    /// The type, as in the annotations.
    pub name: String,
    /// Mean accuracy, from 0 to 1.
    pub accuracy: f64,
    /// The same in percent, as the reference computes it before it rounds.
    pub percent: f64,
    /// Number of questions.
    pub count: usize,
}

/// `round(percent, 2)`, as the reference reports.
pub fn round_percent(percent: f64) -> f64 {
    format!("{percent:.2}").parse().unwrap_or(percent)
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    total: f64,
    count: usize,
}

impl Sum {
    fn add(&mut self, accuracy: f64) {
        self.total += accuracy;
        self.count += 1;
    }

    fn named(&self, name: &str) -> TypeAccuracy {
        let count = self.count as f64;
        TypeAccuracy {
            name: name.to_owned(),
            accuracy: self.total / count,
            percent: 100.0 * self.total / count,
            count: self.count,
        }
    }
}

/// Sums by type, in the order in which the types first occur.
#[derive(Debug, Clone, Default)]
struct Types {
    sums: Vec<(String, Sum)>,
    positions: HashMap<String, usize>,
}

impl Types {
    fn add(&mut self, name: &str, accuracy: f64) {
        let position = match self.positions.get(name) {
            Some(position) => *position,
            None => {
                self.positions.insert(name.to_owned(), self.sums.len());
                self.sums.push((name.to_owned(), Sum::default()));
                self.sums.len() - 1
            }
        };
        self.sums[position].1.add(accuracy);
    }

    fn finish(&self) -> Vec<TypeAccuracy> {
        self.sums.iter().map(|(name, sum)| sum.named(name)).collect()
    }
}

impl VqaAccuracyTable {
    /// Adds the accuracy of one question.
    pub fn add(&mut self, question_type: &str, answer_type: &str, accuracy: f64) {
        self.overall.add(accuracy);
        self.by_question_type.add(question_type, accuracy);
        self.by_answer_type.add(answer_type, accuracy);
    }

    /// All questions; NaN accuracy if there are none.
    pub fn overall(&self) -> TypeAccuracy {
        self.overall.named("overall")
    }

    /// The table by type of question.
    pub fn by_question_type(&self) -> Vec<TypeAccuracy> {
        self.by_question_type.finish()
    }

    /// The table by type of answer.
    pub fn by_answer_type(&self) -> Vec<TypeAccuracy> {
        self.by_answer_type.finish()
    }
}
