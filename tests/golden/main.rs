//! The official metrics against the outputs of their reference implementations
//! (`fixtures/golden`), and properties that hold for any input.

mod boxes; // IoU conventions, GIoU, referring expressions.
mod caption; // BLEU, ROUGE-L, CIDEr, CIDEr-D.
mod detection; // COCO mAP.
mod order; // What does not depend on order, and what is mirrored.
mod properties; // Symmetry, bounds, independence of order.
mod ptb; // The Penn Treebank tokenizer of pycocoevalcap.
mod stats; // Errors, intervals, paired tests, power.
mod stats_vectors; // The same on random inputs.
mod text; // ANLS, relaxed accuracy, yes or no, multiple choice, CLIPScore's arithmetic.
mod vqa; // VQA accuracy and its variants.
