//! From JSON to types, naming what is wrong by its place.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::FieldError;

/// Reads JSON text. `prefix` stands before the pointers of errors.
///
/// # Errors
/// The first field that is not as it should be.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], prefix: &str) -> Result<T, FieldError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| field(&error, prefix))?;
    let whole =
        |error: serde_json::Error| FieldError { pointer: prefix.to_owned(), detail: error.to_string() };
    deserializer.end().map_err(whole)?;
    Ok(value)
}

/// Reads a JSON value. `prefix` stands before the pointers of errors.
///
/// # Errors
/// The first field that is not as it should be.
pub fn from_value<T: DeserializeOwned>(value: Value, prefix: &str) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| field(&error, prefix))
}

fn field(error: &serde_path_to_error::Error<serde_json::Error>, prefix: &str) -> FieldError {
    let detail = error.inner().to_string();
    let mut names: Vec<String> = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect();
    // What is missing has no path of its own; the message names it.
    if let Some(name) = detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        names.push(name.to_owned());
    }
    let escaped = names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
    FieldError { pointer: escaped.fold(prefix.to_owned(), |pointer, name| pointer + &name), detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        n: u8,
    }

    #[test]
    fn the_place_is_named() {
        for (text, expected) in [
            (r#"{"list":[{"n":1},{"n":"x"}]}"#, "/data/list/1/n"),
            (r#"{"list":[{}]}"#, "/data/list/0/n"),
            (r#"{"list":[],"more":1}"#, "/data/more"),
            ("{}", "/data/list"),
            ("x", "/data"),
            (r#"{"list":[]} x"#, "/data"),
        ] {
            assert_eq!(
                from_slice::<Outer>(text.as_bytes(), "/data").unwrap_err().pointer,
                expected,
                "{text}"
            );
        }
    }
}
