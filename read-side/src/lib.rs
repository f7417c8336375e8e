//! The read side of Hansard: queries, and the one rule that says who may see what.

mod model;
mod reader;

pub use model::*;
pub use reader::{QueryError, Reader};
