//! The notations there are: what each looks like, and what its numbers count.

use serde::{Deserialize, Serialize};

use super::{
    Written, cogvlm, florence2, json, kosmos2, llava, minigpt_v2, paligemma, qwen_vl_chat,
};
use crate::geometry::{Anchor, Frame};

/// How a family writes boxes, and with it the frame of its coordinates.
///
/// Numbers are read as written even where they cannot be of this notation, so that a model that
/// writes in another frame shows as out of range and not as silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BoxNotation {
    /// `[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]`, 0 to 1000 of each axis. Source:
    /// QwenLM/Qwen3-VL `evaluation/ODinW-13/run_odinw.py` with `is_rel=1`.
    Qwen3Vl,
    /// The same JSON, but in pixels of the resized picture (both sides multiples of 28). Source:
    /// the same script without `is_rel`.
    Qwen2_5Vl,
    /// `<ref>label</ref><box>(x1,y1),(x2,y2)</box>`, thousandths of each axis. Source:
    /// Qwen/Qwen-VL-Chat `tokenization_qwen.py`, whose drawing helper divides by 1000. Qwen-VL's
    /// own evaluation divides by 999 (QwenLM/Qwen-VL `eval_mm/evaluate_grounding.py`); the two
    /// differ by at most a thousandth of the picture.
    QwenVlChat,
    /// `[x1, y1, x2, y2]`, 0 to 1 of the square to which the picture was padded. Source:
    /// haotian-liu/LLaVA `llava/mm_utils.py` (`expand2square`), issues 606 and 822.
    Llava,
    /// `<p>label</p> {<x1><y1><x2><y2>}`, several joined by `<delim>`, 0 to 100 of each axis.
    /// Source: Vision-CAIR/MiniGPT-4 `eval_scripts/eval_ref.py`, `demo_v2.py`.
    MiniGptV2,
    /// `[[x1,y1,x2,y2]]`, several split by `;`, three digits each, thousandths of each axis.
    /// Source: THUDM/CogVLM `utils/utils/grounding_parser.py`.
    CogVlm,
    /// `<phrase>label</phrase><object><patch_index_0044><patch_index_0863></object>`: cells of a
    /// 32 x 32 grid. Source: transformers `models/kosmos2/processing_kosmos2.py`.
    Kosmos2,
    /// `<loc0123><loc0456><loc0789><loc0999> label`, top, left, bottom, right, in 1024ths; several
    /// split by `;`. Source: the authors' demonstration and Hugging Face's divide by 1024;
    /// google-research/big_vision `pp/proj/paligemma/segmentation.py` trains with 1023. The two
    /// differ by at most a 1024th of the picture.
    PaliGemma,
    /// `label<loc_12><loc_30><loc_58><loc_77>`, the middles of 1000 bins. Source: transformers
    /// `models/florence2/processing_florence2.py`, which then cuts to whole pixels; we do not.
    Florence2,
}

impl BoxNotation {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Qwen3Vl,
        Self::Qwen2_5Vl,
        Self::QwenVlChat,
        Self::Llava,
        Self::MiniGptV2,
        Self::CogVlm,
        Self::Kosmos2,
        Self::PaliGemma,
        Self::Florence2,
    ];

    /// What the numbers count.
    pub fn frame(self) -> Frame {
        match self {
            Self::Qwen3Vl | Self::QwenVlChat => Frame::Relative { full: 1000.0 },
            Self::Qwen2_5Vl => Frame::Resized,
            Self::Llava => Frame::PaddedSquare,
            Self::MiniGptV2 => Frame::Relative { full: 100.0 },
            Self::CogVlm => Frame::Bins { count: 1000.0, anchor: Anchor::Start },
            Self::Kosmos2 => Frame::Relative { full: 1.0 },
            Self::PaliGemma => Frame::Bins { count: 1024.0, anchor: Anchor::Start },
            Self::Florence2 => Frame::Bins { count: 1000.0, anchor: Anchor::Centre },
        }
    }

    /// An example of the notation, for messages.
    pub fn example(self) -> &'static str {
        match self {
            Self::Qwen3Vl | Self::Qwen2_5Vl => r#"[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]"#,
            Self::QwenVlChat => "<ref>..</ref><box>(x1,y1),(x2,y2)</box>",
            Self::Llava => "[x1, y1, x2, y2]",
            Self::MiniGptV2 => "{<x1><y1><x2><y2>}",
            Self::CogVlm => "[[x1,y1,x2,y2]]",
            Self::Kosmos2 => "<object><patch_index_0000><patch_index_0000></object>",
            Self::PaliGemma => "<loc0000><loc0000><loc0000><loc0000> ..",
            Self::Florence2 => "..<loc_0><loc_0><loc_0><loc_0>",
        }
    }

    /// The boxes of a text in the order in which it writes them.
    pub(super) fn read(self, text: &str) -> Vec<Written> {
        match self {
            Self::Qwen3Vl | Self::Qwen2_5Vl => json::read(text),
            Self::QwenVlChat => qwen_vl_chat::read(text),
            Self::Llava => llava::read(text),
            Self::MiniGptV2 => minigpt_v2::read(text),
            Self::CogVlm => cogvlm::read(text),
            Self::Kosmos2 => kosmos2::read(text),
            Self::PaliGemma => paligemma::read(text),
            Self::Florence2 => florence2::read(text),
        }
    }
}
