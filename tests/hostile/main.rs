//! What outsiders may hand over, to the real programs and to the library: folders, numbers and texts made
//! to hang, to exhaust, or to act on whoever reads what is printed.

mod folders;
mod limits_page;
mod names;
mod templates;
