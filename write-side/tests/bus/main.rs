//! The local bus and its writers over a log in memory that fails when told to.

mod batching;
mod world;
