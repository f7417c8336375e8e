//! The write side of Hansard: aggregates, the partition writer, its state store, the vault and the
//! command bus. Never sees a view.

pub mod aggregate;
mod bus;
mod command;
mod live;
pub mod vault;

pub use bus::CommandBus;
pub use command::{
    Accepted, Command, CommandBody, CommandError, ConversationCommand, DirectoryCommand, Rejection,
    UserCommand,
};
pub use live::{Committed, LiveFeed};
