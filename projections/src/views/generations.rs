//! Generations of the views: one is served, a rebuild makes the next one beside it.

use super::projection::{Store, ViewsProjection};
use super::sqlite::Files;
use super::{Readers, Views, ViewsConfig};
use crate::db::ViewError;

/// Where the generations are.
#[derive(Debug, Clone)]
pub(crate) enum Generations {
    Sqlite(Files),
}

impl Generations {
    pub(crate) async fn open(config: &ViewsConfig) -> Result<Self, ViewError> {
        match config {
            ViewsConfig::Sqlite { directory } => Ok(Self::Sqlite(Files::open(directory)?)),
        }
    }

    /// The generation that is served.
    pub(crate) async fn current(&self) -> Result<u64, ViewError> {
        match self {
            Self::Sqlite(files) => files.current(),
        }
    }

    /// The views of the generation that is served. What a rebuild left unfinished is removed.
    pub(crate) async fn serve(&self) -> Result<(ViewsProjection, Views), ViewError> {
        let generation = self.current().await?;
        let projection = self.build(generation).await?;
        self.remove_others(generation).await?;
        let views = Views::new(self.readers(generation).await?, projection.progress().subscribe());
        Ok((projection, views))
    }

    /// What writes `generation`, from where it stands.
    pub(crate) async fn build(&self, generation: u64) -> Result<ViewsProjection, ViewError> {
        let store: Box<dyn Store> = match self {
            Self::Sqlite(files) => Box::new(files.writer(generation).await?),
        };
        Ok(ViewsProjection::resume(store).await?)
    }

    /// What reads `generation`, which somebody writes.
    pub(crate) async fn readers(&self, generation: u64) -> Result<Readers, ViewError> {
        match self {
            Self::Sqlite(files) => Ok(Readers::Sqlite(files.readers(generation).await?)),
        }
    }

    /// From here on `generation` is served, whatever happens.
    pub(crate) async fn switch(&self, generation: u64) -> Result<(), ViewError> {
        match self {
            Self::Sqlite(files) => files.switch(generation),
        }
    }

    /// Removes every generation but `keep`.
    pub(crate) async fn remove_others(&self, keep: u64) -> Result<(), ViewError> {
        match self {
            Self::Sqlite(files) => files.remove_others(keep),
        }
    }
}
