//! Views in SQLite: a file for each generation, `views-<generation>.db`, and `views.current`,
//! which names the one that is served.

mod reader;
mod values;
mod worker;
mod writer;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::db::ViewError;

pub(crate) use reader::Readers;
pub(crate) use writer::Writer;

const CURRENT: &str = "views.current";

/// The directory that holds the files.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    /// Makes the directory where it is not there.
    pub(crate) fn open(directory: &Path) -> Result<Self, ViewError> {
        std::fs::create_dir_all(directory).map_err(|error| io_failure(&error))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The generation that is served; 1, noted here, when there was none.
    pub(crate) fn current(&self) -> Result<u64, ViewError> {
        let file = self.directory.join(CURRENT);
        match std::fs::read_to_string(&file) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|_| ViewError::Malformed(format!("{} does not name a generation", file.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.switch(1)?;
                Ok(1)
            }
            Err(error) => Err(io_failure(&error)),
        }
    }

    /// From here on `generation` is served, also after a loss of power.
    pub(crate) fn switch(&self, generation: u64) -> Result<(), ViewError> {
        let write = || {
            let next = self.directory.join("views.next");
            let mut file = std::fs::File::create(&next)?;
            writeln!(file, "{generation}")?;
            file.sync_all()?;
            std::fs::rename(&next, self.directory.join(CURRENT))?;
            std::fs::File::open(&self.directory)?.sync_all()
        };
        write().map_err(|error: io::Error| io_failure(&error))
    }

    /// Removes every generation but `keep`. Whoever still reads one goes on until they are done.
    pub(crate) fn remove_others(&self, keep: u64) -> Result<(), ViewError> {
        let remove = || {
            let kept = format!("views-{keep}.db");
            for entry in std::fs::read_dir(&self.directory)? {
                let entry = entry?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                let base = name.trim_end_matches("-wal").trim_end_matches("-shm");
                let number = base.strip_prefix("views-").and_then(|rest| rest.strip_suffix(".db"));
                if base != kept && number.is_some_and(|number| number.parse::<u64>().is_ok()) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(|error: io::Error| io_failure(&error))
    }

    /// The one who writes `generation`.
    pub(crate) async fn writer(&self, generation: u64) -> Result<Writer, ViewError> {
        Writer::open(&self.file(generation)).await
    }

    /// Those who read `generation`, which its writer has opened before.
    pub(crate) async fn readers(&self, generation: u64) -> Result<Readers, ViewError> {
        Readers::open(&self.file(generation)).await
    }

    fn file(&self, generation: u64) -> PathBuf {
        self.directory.join(format!("views-{generation}.db"))
    }
}

fn io_failure(error: &io::Error) -> ViewError {
    if error.kind() == io::ErrorKind::StorageFull {
        ViewError::Full(error.to_string())
    } else {
        ViewError::Unavailable(error.to_string())
    }
}
