//! From what the user wrote of a `source` to a layout that reads its files.

use std::path::{Path, PathBuf};

use super::{Unsound, error, shards};
use crate::case::{CaseError, Metric, RonPlace};
use crate::dataset::layout::coco::{self, CocoCaptions};
use crate::dataset::layout::gqa_hub::GqaHub;
use crate::dataset::layout::lmms_lab::{HubSet, lmms_lab};
use crate::dataset::layout::mapped::{Columns, mapped};
use crate::dataset::layout::mme::Mme;
use crate::dataset::layout::refcoco::RefCoco;
use crate::dataset::layout::science_qa::{Problems, science_qa};
use crate::dataset::layout::seed_bench::seed_bench;
use crate::dataset::layout::vqa::Vqa;
use crate::dataset::layout::{Format, Layout, choice, short_answer};
use crate::dataset::schema::RawSource;
use crate::dataset::table::Separator;
use crate::dataset::template::Template;

/// Reads the fields of a source.
struct Reader<'p> {
    folder: &'p Path,
    place: RonPlace<'p>,
}

impl Reader<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The files that globs match, in the order of their names.
    fn files(&self, field: &'static str, globs: &[String]) -> Result<Vec<PathBuf>, CaseError> {
        let place = self.place.field(field);
        let mut files = Vec::new();
        for (index, name) in globs.iter().enumerate() {
            let no_file = || error(place.item(index), Unsound::NoFile(name.clone()));
            let pattern = self.folder.join(name).display().to_string();
            let found = glob::glob(&pattern).map_err(|_| no_file())?;
            let before = files.len();
            files.extend(found.filter_map(Result::ok));
            if files.len() == before {
                return Err(no_file());
            }
        }
        if files.is_empty() {
            return Err(error(place, Unsound::NoFile(String::new())));
        }
        // Pictures that are there twice are told by their ids.
        let once = if field == "files" { shards::each_once(&files) } else { Ok(()) };
        once.and_then(|()| shards::check(&files)).map_err(|unsound| error(place, unsound))?;
        Ok(files)
    }

    fn images(&self, text: &str) -> Result<Template, CaseError> {
        Template::parse(text).map_err(|bad| error(self.place.field("images"), bad))
    }

    fn optional_images(&self, text: Option<String>) -> Result<Option<Template>, CaseError> {
        text.map(|text| self.images(&text)).transpose()
    }

    /// One of the hub's layouts; of GQA alone the pictures are in files of their own.
    fn hub(
        &self,
        set: HubSet,
        files: &[String],
        images: Option<Vec<String>>,
    ) -> Result<Box<dyn Layout>, CaseError> {
        let rows = lmms_lab(set, self.files("files", files)?);
        match (set, images) {
            (HubSet::Gqa, Some(images)) => {
                let pictures = self.files("images", &images)?;
                Ok(Box::new(GqaHub { questions: rows, pictures }))
            }
            (HubSet::Gqa, None) => Err(error(self.place, Unsound::GqaImages)),
            (_, Some(_)) => Err(error(self.place.field("images"), Unsound::OwnImages)),
            (_, None) => Ok(Box::new(rows)),
        }
    }

    fn mapped(
        &self,
        (file, format): (PathBuf, Format),
        columns: Columns,
        images: Option<String>,
        metric: Option<Metric>,
    ) -> Result<Box<dyn Layout>, CaseError> {
        let compared = columns.compared(metric);
        let compared =
            compared.ok_or_else(|| error(self.place.field("columns"), Unsound::NothingCompared))?;
        if images.is_none() && !columns.has_image() {
            return Err(error(self.place, Unsound::NoImages));
        }
        let images = self.optional_images(images)?;
        Ok(Box::new(mapped(file, format, columns, images, compared)))
    }
}

pub(super) fn layout(
    raw: RawSource,
    metric: Option<Metric>,
    folder: &Path,
    place: RonPlace<'_>,
) -> Result<Box<dyn Layout>, CaseError> {
    let read = Reader { folder, place };
    Ok(match raw {
        RawSource::Vqa { questions, annotations, images } => Box::new(Vqa {
            questions: read.file(&questions),
            annotations: annotations.map(|name| read.file(&name)),
            images: read.images(&images)?,
        }),
        RawSource::CocoCaptions { annotations, images } => Box::new(CocoCaptions {
            annotations: read.file(&annotations),
            images: read.images(&images)?,
        }),
        RawSource::Karpathy { file, split, images } => {
            Box::new(coco::karpathy(read.file(&file), split, read.images(&images)?))
        }
        RawSource::RefCoco { refs, instances, split, images } => Box::new(RefCoco {
            refs: read.file(&refs),
            instances: read.file(&instances),
            split,
            images: read.images(&images)?,
        }),
        RawSource::TextVqa { file, images } => {
            Box::new(short_answer::text_vqa(read.file(&file), read.images(&images)?))
        }
        RawSource::Gqa { questions, images } => {
            Box::new(short_answer::gqa(read.file(&questions), read.images(&images)?))
        }
        RawSource::DocVqa { file, images } => {
            Box::new(short_answer::doc_vqa(read.file(&file), read.images(&images)?))
        }
        RawSource::ChartQa { file, images } => {
            Box::new(short_answer::chart_qa(read.file(&file), read.images(&images)?))
        }
        RawSource::Pope { file, images } => {
            Box::new(short_answer::pope(read.file(&file), read.images(&images)?))
        }
        RawSource::Mme { folder } => Box::new(Mme { folder: read.file(&folder) }),
        RawSource::VlmEvalKit { file, images } => {
            let metric = metric.unwrap_or(Metric::MmBench);
            let images = read.optional_images(images)?;
            Box::new(choice::vlm_eval_kit(read.file(&file), images, metric))
        }
        RawSource::Blink { file, images } => {
            Box::new(choice::blink(read.file(&file), read.optional_images(images)?))
        }
        RawSource::MuirBench { file, images } => {
            Box::new(choice::muir_bench(read.file(&file), read.optional_images(images)?))
        }
        RawSource::ScienceQa { file, split, splits, images } => {
            if splits.is_some() && split.is_none() {
                return Err(error(place.field("splits"), Unsound::WhichSplit));
            }
            let problems = Problems { split, splits: splits.map(|name| read.file(&name)) };
            Box::new(science_qa(read.file(&file), problems, read.optional_images(images)?))
        }
        RawSource::SeedBench { file, images } => {
            Box::new(seed_bench(read.file(&file), read.images(&images)?))
        }
        RawSource::VizWiz { file, images } => {
            Box::new(short_answer::viz_wiz(read.file(&file), read.images(&images)?))
        }
        RawSource::LmmsLab { set, files, images } => read.hub(set, &files, images)?,
        RawSource::Parquet { files, columns, images } => {
            let files = read.files("files", &files)?;
            let first = files.first().cloned().unwrap_or_default();
            let format = Format::Parquet { files, one_by_one: None };
            read.mapped((first, format), columns, images, metric)?
        }
        RawSource::Csv { file, columns, images } => {
            let format = Format::Table(Separator::Comma);
            read.mapped((read.file(&file), format), columns, images, metric)?
        }
        RawSource::Tsv { file, columns, images } => {
            let format = Format::Table(Separator::Tab);
            read.mapped((read.file(&file), format), columns, images, metric)?
        }
        RawSource::Jsonl { file, columns, images } => {
            read.mapped((read.file(&file), Format::Rows), columns, images, metric)?
        }
    })
}
