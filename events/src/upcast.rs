//! Upcasters: old JSON into new JSON, one version at a time, before anything is decoded.

use serde_json::Value;

/// Turns version `from` of an event type into version `from + 1`.
pub(crate) struct Upcaster {
    pub(crate) event_type: &'static str,
    pub(crate) from: u32,
    /// Changes the public part.
    pub(crate) data: fn(&mut Value),
    /// Changes the private part, once it is opened.
    pub(crate) private: fn(&mut Value),
}

/// Every upcaster there is, oldest version first. An event type stands at version 1 plus the
/// number of its upcasters; whoever changes a stored shape adds one here and a golden file.
const UPCASTERS: &[Upcaster] = &[];

/// The version that this release writes of `event_type`.
pub(crate) fn current_version(event_type: &str) -> u32 {
    current_in(UPCASTERS, event_type)
}

/// The steps from `version` of `event_type` to the current one.
pub(crate) fn steps(event_type: &str, version: u32) -> impl Iterator<Item = &'static Upcaster> {
    steps_in(UPCASTERS, event_type, version)
}

fn current_in(all: &[Upcaster], event_type: &str) -> u32 {
    all.iter().filter(|step| step.event_type == event_type).fold(1, |version, _| version + 1)
}

fn steps_in<'a>(all: &'a [Upcaster], event_type: &str, version: u32) -> impl Iterator<Item = &'a Upcaster> {
    all.iter().filter(move |step| step.event_type == event_type && step.from >= version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const STEPS: &[Upcaster] = &[
        Upcaster {
            event_type: "thing.done",
            from: 1,
            data: |data| data["colour"] = json!("none"),
            private: |_| {},
        },
        Upcaster {
            event_type: "thing.done",
            from: 2,
            data: |data| data["shade"] = data["colour"].take(),
            private: |private| *private = json!({ "text": private.clone() }),
        },
        Upcaster { event_type: "other", from: 1, data: |_| {}, private: |_| {} },
    ];

    #[test]
    fn each_step_takes_one_version_to_the_next() {
        let up = |version| {
            let (mut data, mut private) = (json!({ "colour": "red" }), json!("hi"));
            for step in steps_in(STEPS, "thing.done", version) {
                (step.data)(&mut data);
                (step.private)(&mut private);
            }
            (data["shade"].clone(), private)
        };
        assert_eq!(up(1), (json!("none"), json!({ "text": "hi" })));
        assert_eq!(up(2), (json!("red"), json!({ "text": "hi" })));
        assert_eq!(up(3), (Value::Null, json!("hi")));
        assert_eq!(current_in(STEPS, "thing.done"), 3);
        assert_eq!(current_in(STEPS, "unheard of"), 1);
    }
}
