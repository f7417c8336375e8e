//! The read side of Hansard: queries, and the one rule that says who may see what.

mod error;
mod model;
mod reader;
mod rows;
mod spans;
mod visibility;

pub use error::QueryError;
pub use model::*;
pub use reader::Reader;
pub use visibility::{Interval, can_see, member_since};
