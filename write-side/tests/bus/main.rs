//! The local bus and its writers over a log in memory that fails when told to.

#[cfg(test)]
mod batching;
#[cfg(test)]
mod failing;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod repeating;
#[cfg(test)]
mod restarting;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod world;
