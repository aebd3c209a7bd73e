/*!
COCO captions: `captions_val2014.json` and `captions_val2014_<model>_results.json`, as
`salaniz/pycocoevalcap` loads and scores them; Karpathy's `dataset_coco.json` and `dataset_flickr30k.json` in
place of the former.

Images are scored in the order of the annotation file. Must not know the metrics' formulas.
*/

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::ids::IdSource;
use super::{ItemId, OfflineError, ScoreTable, files};
use crate::score::caption::ptb::{Context, LineBreaks, TokenizeError, tokenize};
use crate::score::caption::{CaptionCorpus, Cider, TokenizedItem, bleu, cider, rouge_l};

/// Which images of the annotation file must have a caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageSelection {
    /// Those that have one, as the official example does: a split of a larger file.
    WithResults,
    /// All of them, as `COCOEvalCap` does if it is told nothing.
    All,
}

/// How captions are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptionOptions {
    /// Which images.
    pub images: ImageSelection,
    /// Official scores need [`Context::WholeCorpus`].
    pub context: Context,
    /// What to do about stray line breaks.
    pub line_breaks: LineBreaks,
}

impl CaptionOptions {
    /// What the official example does, stray line breaks refused.
    pub const OFFICIAL: Self = Self {
        images: ImageSelection::WithResults,
        context: Context::WholeCorpus,
        line_breaks: LineBreaks::Refuse,
    };
}

#[derive(Deserialize)]
struct AnnotationFile<'b> {
    #[serde(borrow)]
    images: Vec<Image<'b>>,
    annotations: Option<Vec<Caption<'b>>>,
}

/// An image of the official files, which has an `id`, or of Karpathy's, which has its captions.
#[derive(Deserialize)]
struct Image<'b> {
    #[serde(alias = "cocoid")]
    id: Option<i64>,
    imgid: Option<i64>,
    #[serde(borrow)]
    sentences: Option<Vec<Sentence<'b>>>,
}

#[derive(Deserialize)]
struct Sentence<'b> {
    #[serde(borrow)]
    raw: Cow<'b, str>,
}

impl<'b> AnnotationFile<'b> {
    /// The ids of the images and their captions, of either file.
    fn captions(self, path: &Path) -> Result<(Vec<i64>, Vec<Caption<'b>>), OfflineError> {
        let is_karpathy = self.annotations.is_none();
        let mut captions = self.annotations.unwrap_or_default();
        let mut ids = Vec::with_capacity(self.images.len());
        let lacking = |field: &str| OfflineError::Json {
            path: path.to_owned(),
            line: 1,
            column: 1,
            message: format!("missing field `{field}`"),
        };
        for image in self.images {
            let id = image.id.or(image.imgid).ok_or_else(|| lacking("id"))?;
            ids.push(id);
            if is_karpathy {
                let sentences = image.sentences.ok_or_else(|| lacking("annotations"))?;
                let caption = |one: Sentence<'b>| Caption { image_id: id, caption: one.raw };
                captions.extend(sentences.into_iter().map(caption));
            }
        }
        Ok((ids, captions))
    }
}

#[derive(Deserialize)]
struct Caption<'b> {
    image_id: i64,
    #[serde(borrow)]
    caption: Cow<'b, str>,
}

/// Images with their tokenized captions, in the order of the annotation file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizedCaptions {
    images: Vec<TokenizedImage>,
}

/// An image with its tokenized captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizedImage {
    /// Id of the image.
    pub id: i64,
    /// What the model wrote.
    pub candidate: String,
    /// What people wrote.
    pub references: Vec<String>,
}

impl TokenizedCaptions {
    /// Reads and tokenizes the two files.
    pub fn load(
        annotations: &Path,
        results: &Path,
        options: CaptionOptions,
    ) -> Result<Self, OfflineError> {
        let annotation_text = files::read(annotations)?;
        let result_text = files::read(results)?;
        let file: AnnotationFile<'_> = files::parse(annotations, &annotation_text)?;
        let source = IdSource { results, annotations, what: "image_id" };
        let candidates: Vec<Caption<'_>> = files::parse(results, &result_text)?;
        let candidates: HashMap<i64, Cow<'_, str>> =
            source.index(candidates.into_iter().map(|one| (one.image_id, one.caption)))?;
        let (images, captions) = file.captions(annotations)?;
        let ids = select_images(images, &candidates, &source, options.images)?;
        let groups = group_references(&ids, &captions, annotations)?;
        let texts: Vec<&str> =
            ids.iter().filter_map(|id| candidates.get(id)).map(|text| &**text).collect();
        let candidates = tokenize_file(results, &texts, options, |position| ids[position])?;
        let owners: Vec<i64> =
            ids.iter().zip(&groups).flat_map(|(id, group)| group.iter().map(|_| *id)).collect();
        let counts: Vec<usize> = groups.iter().map(Vec::len).collect();
        let texts: Vec<&str> = groups.into_iter().flatten().collect();
        let references = tokenize_file(annotations, &texts, options, |position| owners[position])?;
        let mut references = references.into_iter();
        let image = |((id, candidate), count): ((i64, String), usize)| TokenizedImage {
            id,
            candidate,
            references: references.by_ref().take(count).collect(),
        };
        Ok(Self { images: ids.into_iter().zip(candidates).zip(counts).map(image).collect() })
    }

    /// The images.
    pub fn images(&self) -> &[TokenizedImage] {
        &self.images
    }
}

fn tokenize_file(
    path: &Path,
    texts: &[&str],
    options: CaptionOptions,
    owner: impl Fn(usize) -> i64,
) -> Result<Vec<String>, OfflineError> {
    tokenize(texts, options.context, options.line_breaks).map_err(|error| {
        let TokenizeError::LineBreak { position, .. } = error;
        let id = ItemId::Number(owner(position));
        OfflineError::Tokenize { path: path.to_owned(), id, source: error }
    })
}

/// BLEU-1 to 4, ROUGE-L, CIDEr-D and CIDEr of a result file.
pub fn score_captions(
    annotations: &Path,
    results: &Path,
    options: CaptionOptions,
) -> Result<ScoreTable, OfflineError> {
    Ok(score_tokenized(TokenizedCaptions::load(annotations, results, options)?))
}

/// The same of captions that are tokenized already.
pub fn score_tokenized(captions: TokenizedCaptions) -> ScoreTable {
    let corpus =
        CaptionCorpus::new(captions.images.iter().map(|image| TokenizedItem {
            candidate: &image.candidate,
            references: &image.references,
        }));
    let ids: Vec<i64> = captions.images.iter().map(|image| image.id).collect();
    // The texts are the larger part of the memory, and no longer needed.
    drop(captions);
    table(&ids, &corpus)
}

fn table(ids: &[i64], corpus: &CaptionCorpus) -> ScoreTable {
    let mut table = ScoreTable::new(vec![
        "bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider_d", "cider",
    ]);
    let bleu = bleu(corpus);
    let rouge = rouge_l(corpus);
    let Cider { clipped, plain } = cider(corpus);
    for (order, score) in bleu.corpus.into_iter().enumerate() {
        table.set(format!("bleu_{}", order + 1), score);
    }
    table.set("rouge_l", rouge.mean);
    table.set("cider_d", clipped.mean);
    table.set("cider", plain.mean);
    for (i, id) in ids.iter().enumerate() {
        let [one, two, three, four] = bleu.items[i];
        let more = [rouge.items[i], clipped.items[i], plain.items[i]];
        table.push_item(*id, [one, two, three, four, more[0], more[1], more[2]]);
    }
    table
}

/// Ids of the images to score, in the order of the annotation file.
fn select_images(
    images: Vec<i64>,
    candidates: &HashMap<i64, Cow<'_, str>>,
    source: &IdSource<'_>,
    selection: ImageSelection,
) -> Result<Vec<i64>, OfflineError> {
    let mut positions = HashMap::with_capacity(images.len());
    let ordered: Vec<i64> =
        images.into_iter().filter(|id| positions.insert(*id, ()).is_none()).collect();
    if let Some(unknown) = candidates.keys().filter(|id| !positions.contains_key(id)).min() {
        return Err(source.unknown(*unknown));
    }
    let (found, missing): (Vec<i64>, Vec<i64>) =
        ordered.into_iter().partition(|id| candidates.contains_key(id));
    if selection == ImageSelection::All {
        let missing: Vec<ItemId> = missing.into_iter().map(ItemId::Number).collect();
        source.require_none_missing(&missing, positions.len())?;
    }
    if found.is_empty() {
        return Err(OfflineError::Empty { path: source.results.to_owned(), what: "captions" });
    }
    Ok(found)
}

/// The references of each image, in the order of the annotation file.
fn group_references<'a>(
    ids: &[i64],
    annotations: &'a [Caption<'_>],
    path: &Path,
) -> Result<Vec<Vec<&'a str>>, OfflineError> {
    let positions: HashMap<i64, usize> =
        ids.iter().enumerate().map(|(position, id)| (*id, position)).collect();
    let mut groups: Vec<Vec<&str>> = vec![Vec::new(); ids.len()];
    for annotation in annotations {
        if let Some(position) = positions.get(&annotation.image_id) {
            groups[*position].push(&annotation.caption);
        }
    }
    match groups.iter().position(Vec::is_empty) {
        None => Ok(groups),
        Some(position) => Err(OfflineError::Incomplete {
            path: path.to_owned(),
            what: "image_id",
            id: ids[position].into(),
            lacks: "reference captions",
        }),
    }
}
