//! The fields of a frame, taken one by one, so that what is wrong is named.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::client::InvalidFrame;

/// A JSON object as it came, its values not yet looked at.
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("field {name:?} is there twice")));
                    }
                    // No frame has as many; what has is refused before it costs more.
                    if fields.len() == 16 {
                        return Err(A::Error::custom("too many fields"));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'a> Fields<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, InvalidFrame> {
        serde_json::from_str(text).map_err(|error| InvalidFrame::new("", &error))
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// The field, which must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, InvalidFrame> {
        let raw = self.required_raw(name)?;
        serde_json::from_str(raw.get()).map_err(|error| InvalidFrame::new(name, &error))
    }

    /// The field as it came, which must be there.
    pub(super) fn required_raw(&mut self, name: &str) -> Result<&'a RawValue, InvalidFrame> {
        self.take(name).ok_or_else(|| InvalidFrame::new(name, &"this field is missing"))
    }

    /// The field, or `None` when it is missing or `null`.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, InvalidFrame> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map_err(|error| InvalidFrame::new(name, &error))
    }

    /// Nothing is left over.
    pub(super) fn end(self) -> Result<(), InvalidFrame> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(InvalidFrame::new(name, &"this field is not known")),
        }
    }
}
