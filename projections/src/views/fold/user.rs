//! What the events of people do.

use hansard_events::{DeviceLabel, Position, Private, Profile, Recorded, ServerRole, UserEvent, fold};
use uuid::Uuid;

use super::{Refusal, follows, int, note, text, word};
use crate::views::rows::{MarkRow, SessionRow, UserRow};
use crate::views::working::Working;

pub(super) fn apply(
    working: &mut Working,
    id: Uuid,
    event: &UserEvent,
    recorded: &Recorded,
    position: Position,
) -> Result<(), Refusal> {
    let at = recorded.at.millis();
    let known = working.users.get(&(id,));
    follows(known.map_or(0, |user| user.version), recorded.version)?;
    match (known, event) {
        (None, UserEvent::Registered { profile }) => {
            let mut user = UserRow {
                id,
                username: None,
                username_fold: None,
                display_name: None,
                roles: "[]".to_owned(),
                registered_at: at,
                version: 0,
            };
            name(&mut user, profile);
            working.users.put(user);
        }
        (Some(_), UserEvent::Registered { .. }) => return Err("the person is already registered".into()),
        (None, _) => return Err("the person is not registered".into()),
        (Some(_), UserEvent::ProfileChanged { profile }) => {
            change(working, id, |user| name(user, profile));
        }
        (Some(_), UserEvent::RoleGranted { role }) => {
            change(working, id, |user| roles(user, |roles| roles.push(*role)));
        }
        (Some(_), UserEvent::RoleRevoked { role }) => {
            change(working, id, |user| roles(user, |roles| roles.retain(|have| have != role)));
        }
        (Some(_), UserEvent::SessionOpened { session, device, label }) => {
            let key = (session.as_uuid(),);
            if working.sessions.get(&key).is_some() {
                return Err(format!("session {session} is already open or closed"));
            }
            let name = |part: fn(&DeviceLabel) -> &str| label.open().map(|label| text(part(label)));
            working.sessions.put(SessionRow {
                id: session.as_uuid(),
                user_id: id,
                device: device.as_uuid(),
                device_name: name(|label| &label.name),
                platform: name(|label| &label.platform),
                opened_at: at,
                closed_at: None,
                reason: None,
            });
        }
        (Some(_), UserEvent::SessionClosed { session, reason }) => {
            let key = (session.as_uuid(),);
            match working.sessions.change(&key) {
                Some(row) if row.user_id == id => {
                    row.closed_at = Some(at);
                    row.reason = Some(word(reason));
                }
                _ => return Err(format!("session {session} was not opened")),
            }
        }
        (Some(_), UserEvent::MarkMoved { conversation, read, received }) => {
            working.marks.overwrite(MarkRow {
                conversation: conversation.as_uuid(),
                user_id: id,
                read_seq: int(*read),
                received_seq: int(*received),
                at,
                partition_id: position.partition.0.into(),
                sequence: int(position.sequence.0),
            });
        }
    }
    change(working, id, |user| user.version = int(recorded.version));
    note(working, recorded, position);
    Ok(())
}

fn change(working: &mut Working, id: Uuid, how: impl FnOnce(&mut UserRow)) {
    if let Some(user) = working.users.change(&(id,)) {
        how(user);
    }
}

fn name(user: &mut UserRow, profile: &Private<Profile>) {
    let profile = profile.open();
    user.username = profile.map(|profile| text(&profile.username));
    user.username_fold = user.username.as_deref().map(fold);
    user.display_name = profile.map(|profile| text(&profile.display_name));
}

fn roles(user: &mut UserRow, how: impl FnOnce(&mut Vec<ServerRole>)) {
    // The column holds what this function wrote.
    let mut roles: Vec<ServerRole> = serde_json::from_str(&user.roles).unwrap_or_default();
    how(&mut roles);
    roles.sort_unstable();
    roles.dedup();
    user.roles = serde_json::to_string(&roles).unwrap_or_else(|_| "[]".to_owned());
}
