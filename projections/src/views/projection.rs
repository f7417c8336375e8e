//! The views as a projection: loads what a batch touches, folds, writes, over either database.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hansard_events::{Digest, PartitionId, Position, Positions, Sequence, StreamName};
use tokio::sync::watch;

use super::fold::{self, Needs};
use super::rows::{PositionRow, QuarantineRow};
use super::table::Record;
use super::working::{Changes, Rows, Working};
use super::{Generations, Views, ViewsConfig};
use crate::db::{Row, ViewError};
use crate::runtime::{Applicable, Projection, ProjectionError};

/// A database that views are written to, by one writer.
#[async_trait]
pub(crate) trait Store: Send {
    /// All rows of `positions` and of `quarantine`, over a connection that is known to work.
    async fn checkpoint(&mut self) -> Result<[Vec<Row>; 2], ProjectionError>;

    /// For each table, those of the rows with these keys that there are.
    async fn load(&mut self, keys: Vec<Rows>) -> Result<Vec<Vec<Row>>, ProjectionError>;

    /// Writes all of it in one transaction. On an error it is not known whether it was written.
    async fn write(&mut self, changes: Changes) -> Result<(), ProjectionError>;
}

impl std::fmt::Debug for ViewsProjection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ViewsProjection({})", self.checkpoint.positions)
    }
}

impl From<ProjectionError> for ViewError {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Unavailable(reason) => Self::Unavailable(reason),
            ProjectionError::Full(reason) => Self::Full(reason),
            ProjectionError::Damaged(reason) => Self::Malformed(reason),
        }
    }
}

impl From<ViewError> for ProjectionError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Unavailable(reason) => Self::Unavailable(reason),
            ViewError::Full(reason) => Self::Full(reason),
            ViewError::Malformed(reason) => Self::Damaged(reason),
        }
    }
}

/// What is stored beside the rows.
#[derive(Debug, Default)]
struct Checkpoint {
    positions: Positions,
    hashes: Vec<(PartitionId, Digest)>,
    left_out: BTreeSet<StreamName>,
    quarantined: usize,
}

/// Writes the views.
pub struct ViewsProjection {
    store: Box<dyn Store>,
    checkpoint: Checkpoint,
    progress: Arc<watch::Sender<Positions>>,
    /// After an error the database tells how far it is; memory may be wrong.
    doubtful: bool,
}

impl ViewsProjection {
    /// Opens the views that are served, making them where there are none, to write and to read.
    ///
    /// # Errors
    /// Also when a later release wrote them, or somebody else writes them.
    pub async fn open(config: &ViewsConfig) -> Result<(Self, Views), ViewError> {
        let generations = Generations::open(config).await?;
        generations.serve().await
    }

    /// Goes on from where `store` stands.
    pub(crate) async fn resume(store: Box<dyn Store>) -> Result<Self, ProjectionError> {
        let progress = Arc::new(watch::Sender::default());
        let mut this = Self { store, checkpoint: Checkpoint::default(), progress, doubtful: true };
        this.reread().await?;
        Ok(this)
    }

    /// Where progress is told.
    pub(crate) fn progress(&self) -> Arc<watch::Sender<Positions>> {
        Arc::clone(&self.progress)
    }

    /// Tells its progress there from now on.
    pub(crate) fn tell(&mut self, progress: Arc<watch::Sender<Positions>>) {
        self.progress = progress;
        self.report();
    }

    async fn reread(&mut self) -> Result<(), ProjectionError> {
        let [positions, quarantine] = self.store.checkpoint().await?;
        let mut checkpoint = Checkpoint { quarantined: quarantine.len(), ..Checkpoint::default() };
        for row in positions {
            let PositionRow { partition_id, sequence, hash } = PositionRow::from_row(row)?;
            let wrong = |_| ProjectionError::Damaged("a position is out of range".to_owned());
            let partition = PartitionId(u16::try_from(partition_id).map_err(wrong)?);
            let sequence = Sequence(u64::try_from(sequence).map_err(wrong)?);
            checkpoint.positions.advance(Position { partition, sequence });
            checkpoint.hashes.push((partition, hash));
        }
        for row in quarantine {
            checkpoint.left_out.extend(QuarantineRow::from_row(row)?.stream.parse::<StreamName>().ok());
        }
        self.checkpoint = checkpoint;
        self.doubtful = false;
        self.report();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    fn report(&self) {
        metrics::gauge!("hansard_views_quarantined_streams").set(self.checkpoint.quarantined as f64);
        self.progress.send_replace(self.checkpoint.positions.clone());
    }

    async fn write(&mut self, batch: &[&Applicable]) -> Result<(), ProjectionError> {
        let mut needs = Needs::default();
        batch.iter().for_each(|commit| needs.add(commit));
        let answers = self.store.load(needs.look_ups()).await?;
        let mut working = Working { left_out: self.checkpoint.left_out.clone(), ..Working::default() };
        Needs::fill(&mut working, answers)?;
        batch.iter().for_each(|commit| fold::apply(&mut working, commit));
        let left_out = working.left_out.clone();
        let changes = working.into_changes();
        let table = QuarantineRow::TABLE.name;
        let added = changes.inserts.iter().filter(|(into, _)| into.name == table);
        let quarantined: usize = added.map(|(_, rows)| rows.len()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a histogram")]
        metrics::histogram!("hansard_views_batch_rows").record(changes.rows() as f64);
        self.store.write(changes).await?;
        for commit in batch {
            let partition = commit.position.partition;
            self.checkpoint.positions.advance(commit.position);
            self.checkpoint.hashes.retain(|(of, _)| *of != partition);
            self.checkpoint.hashes.push((partition, commit.hash));
        }
        self.checkpoint.left_out = left_out;
        self.checkpoint.quarantined += quarantined;
        self.report();
        Ok(())
    }
}

#[async_trait]
impl Projection for ViewsProjection {
    fn name(&self) -> &'static str {
        "views"
    }

    fn positions(&self) -> Positions {
        self.checkpoint.positions.clone()
    }

    fn hash(&self, partition: PartitionId) -> Option<Digest> {
        self.checkpoint.hashes.iter().find(|(of, _)| *of == partition).map(|(_, hash)| *hash)
    }

    async fn apply(&mut self, batch: &[Applicable]) -> Result<(), ProjectionError> {
        if self.doubtful {
            self.reread().await?;
        }
        let mut reached = self.checkpoint.positions.clone();
        let mut news = Vec::with_capacity(batch.len());
        for commit in batch {
            if reached.holds(commit.position) {
                continue;
            }
            let after = reached.get(commit.position.partition);
            if commit.position.sequence != after.next() {
                // A database that lost its last transactions in a crash is behind of what memory knew;
                // the runtime sees that from the positions and reads again from there.
                return Err(ProjectionError::Unavailable(format!(
                    "the views stand at {after} in partition {}, {} does not follow",
                    commit.position.partition, commit.position
                )));
            }
            reached.advance(commit.position);
            news.push(commit);
        }
        if news.is_empty() {
            return Ok(());
        }
        let result = self.write(&news).await;
        self.doubtful = result.is_err();
        result
    }
}
