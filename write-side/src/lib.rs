//! The write side of Hansard: aggregates, the partition writer, its state store, the vault and the
//! command bus. Never sees a view.

pub mod aggregate;
mod bus;
mod command;
mod health;
mod live;
mod local_bus;
mod store;
pub mod vault;
mod writer;

pub use bus::CommandBus;
pub use command::{
    Accepted, Command, CommandBody, CommandError, ConversationCommand, DirectoryCommand, Rejection,
    UserCommand,
};
pub use live::{Committed, LiveFeed};
pub use local_bus::{LocalBus, LocalBusConfig};
pub use writer::{Clock, ManualClock, StartError, SystemClock, WriterLimits};
