//! The `eyechart` program: everything that needs no model run.

fn main() {}
