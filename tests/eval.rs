//! The project's own eval suite: `cases/` on the checkpoints of `eyechart.ron`.

eyechart::main!();
