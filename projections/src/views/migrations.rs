//! The versions of the schema, oldest first.

use crate::db::ViewError;

/// One step: the schema's version after it, and its text.
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) sql: &'static str,
}

/// Every step there ever was; a change of the schema adds one at the end.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration { version: 1, sql: include_str!("schema.sql") }];

/// The steps that are missing on a database at version `found`, 0 for an empty one.
///
/// # Errors
/// [`ViewError::Malformed`] when a later release wrote it.
pub(crate) fn missing(found: i64) -> Result<impl Iterator<Item = &'static Migration>, ViewError> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if found > known {
        return Err(ViewError::Malformed(format!(
            "their schema has version {found}, this release knows up to {known}"
        )));
    }
    Ok(MIGRATIONS.iter().filter(move |migration| migration.version > found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_from_one_and_a_newer_one_is_refused() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert!(versions.iter().copied().eq(1..=MIGRATIONS.len() as i64));
        assert_eq!(missing(0).unwrap().count(), MIGRATIONS.len());
        assert_eq!(missing(MIGRATIONS.len() as i64).unwrap().count(), 0);
        assert!(missing(MIGRATIONS.len() as i64 + 1).is_err());
    }
}
