//! The rules of a conversation.

use std::collections::HashSet;

use hansard_events::{
    Body, ConversationEvent, ConversationId, ConversationKind, HistoryAccess, Member, MemberRole,
    MessageKind, Posting, Private, StreamName, UserId, limits,
};

use super::messages::MessageFact;
use super::{About, ConversationState};
use crate::aggregate::Context;
use crate::aggregate::text::check_chars;
use crate::{ConversationCommand, Rejection};

type Decision = Result<Vec<ConversationEvent>, Rejection>;

pub(super) fn decide(
    state: &ConversationState,
    command: &ConversationCommand,
    context: &Context,
) -> Decision {
    use ConversationCommand as Wanted;
    if let Wanted::Create { kind, title, history, posting, members } = command {
        let about = About { kind: *kind, history: *history, posting: *posting };
        return create(state, about, title.as_deref(), members, context);
    }
    let about = state.about.ok_or(Rejection::ConversationNotFound)?;
    let is_channel = about.kind == ConversationKind::Channel;
    let power = match state.members.role(context.actor) {
        Some(role) => role,
        None if context.actor == UserId::SYSTEM => MemberRole::Owner,
        None if is_channel && matches!(command, Wanted::Join) => return join(state),
        None => return Err(Rejection::ConversationNotFound),
    };
    let scene = Scene { state, about, actor: context.actor, power };
    match command {
        Wanted::Create { .. } => Err(Rejection::ConversationExists),
        Wanted::Join if is_channel && context.actor != UserId::SYSTEM => Ok(vec![]),
        Wanted::Join => Err(Rejection::NotJoinable),
        Wanted::Leave => scene.leave(),
        Wanted::Add { users } => scene.add(users),
        Wanted::Remove { user } => scene.remove(*user),
        Wanted::ChangeRole { user, role } => scene.change_role(*user, *role),
        Wanted::Rename { title } => scene.rename(title),
        Wanted::Send { kind, body, reply_to } => scene.send(*kind, body, *reply_to),
        Wanted::Edit { message, body } => scene.edit(*message, body),
        Wanted::Recall { message } => scene.recall(*message),
    }
}

fn create(
    state: &ConversationState,
    about: About,
    title: Option<&str>,
    named: &[UserId],
    context: &Context,
) -> Decision {
    if named.len() > limits::MEMBERS_PER_COMMAND {
        return Err(too_many_named());
    }
    let creator = (context.actor != UserId::SYSTEM).then_some(context.actor);
    let mut people = distinct(creator.into_iter().chain(named.iter().copied()))?;
    let direct = about.kind == ConversationKind::Direct;
    if direct {
        check_direct(&people, named, title, context)?;
    }
    if let Some(existing) = state.about {
        let known = context.actor == UserId::SYSTEM || state.members.role(context.actor).is_some();
        let same = direct && existing.kind == ConversationKind::Direct && known;
        return if same { Ok(vec![]) } else { Err(Rejection::ConversationExists) };
    }
    if let Some(title) = title {
        check_chars("title", title, limits::TITLE_CHARS)?;
    }
    let role = |index| if index == 0 && !direct { MemberRole::Owner } else { MemberRole::Member };
    let members = people.drain(..).enumerate().map(|(index, user)| Member { user, role: role(index) });
    Ok(vec![ConversationEvent::Created {
        kind: about.kind,
        history: if direct { HistoryAccess::All } else { about.history },
        posting: if direct { Posting::Everyone } else { about.posting },
        members: members.collect(),
        title: title.map(|title| Private::Open(title.to_owned())),
    }])
}

/// A direct conversation is between the actor and the one that is named (perhaps the same), or, if
/// the server makes it, between the one or two that are named.
fn check_direct(
    people: &[UserId],
    named: &[UserId],
    title: Option<&str>,
    context: &Context,
) -> Result<(), Rejection> {
    if title.is_some() {
        return Err(Rejection::DirectIsFixed);
    }
    let (one, other) = match people {
        _ if named.is_empty() => return Err(invalid("members", "exactly one other is wanted")),
        [one] => (*one, *one),
        [one, other] => (*one, *other),
        _ => return Err(invalid("members", "exactly one other is wanted")),
    };
    if context.stream != StreamName::Conversation(ConversationId::direct(one, other)) {
        return Err(invalid("conversation", "it is not the id that follows from the two people"));
    }
    Ok(())
}

fn join(state: &ConversationState) -> Decision {
    check_room(state, 1)?;
    Ok(vec![ConversationEvent::MemberJoined {}])
}

fn check_room(state: &ConversationState, more: usize) -> Result<(), Rejection> {
    if state.members.present() + more > limits::MEMBERS {
        return Err(Rejection::TooLarge { field: "members", limit: limits::MEMBERS });
    }
    Ok(())
}

/// Who wants something of an existing conversation, and what they may.
struct Scene<'a> {
    state: &'a ConversationState,
    about: About,
    actor: UserId,
    power: MemberRole,
}

impl Scene<'_> {
    fn needs(&self, needs: MemberRole) -> Result<(), Rejection> {
        if self.power >= needs { Ok(()) } else { Err(Rejection::NotAllowed { needs }) }
    }

    fn is_not_direct(&self) -> Result<(), Rejection> {
        let direct = self.about.kind == ConversationKind::Direct;
        if direct { Err(Rejection::DirectIsFixed) } else { Ok(()) }
    }

    /// The server may administer, but it is nobody who could say something or leave.
    fn is_member(&self) -> Result<(), Rejection> {
        self.state.members.role(self.actor).map(|_| ()).ok_or(Rejection::NotAMember)
    }

    fn leave(&self) -> Decision {
        self.is_not_direct()?;
        self.is_member()?;
        let members = &self.state.members;
        let last_owner = self.power == MemberRole::Owner && members.owners() == 1;
        if last_owner && members.present() > 1 {
            return Err(Rejection::LastOwner);
        }
        Ok(vec![ConversationEvent::MemberLeft {}])
    }

    fn add(&self, users: &[UserId]) -> Decision {
        self.is_not_direct()?;
        self.needs(MemberRole::Admin)?;
        if users.len() > limits::MEMBERS_PER_COMMAND {
            return Err(too_many_named());
        }
        let users = distinct(users.iter().copied())?.into_iter();
        let new = users.filter(|user| self.state.members.role(*user).is_none());
        let members: Vec<_> = new.map(|user| Member { user, role: MemberRole::Member }).collect();
        check_room(self.state, members.len())?;
        Ok(if members.is_empty() { vec![] } else { vec![ConversationEvent::MembersAdded { members }] })
    }

    fn remove(&self, user: UserId) -> Decision {
        self.is_not_direct()?;
        self.needs(MemberRole::Admin)?;
        let role = self.state.members.role(user).ok_or(Rejection::NotAMember)?;
        if role >= self.power && self.actor != UserId::SYSTEM {
            return Err(Rejection::NotAllowed { needs: MemberRole::Owner });
        }
        if role == MemberRole::Owner {
            self.other_owner_or_nobody_else()?;
        }
        Ok(vec![ConversationEvent::MemberRemoved { user }])
    }

    fn change_role(&self, user: UserId, role: MemberRole) -> Decision {
        self.is_not_direct()?;
        self.needs(MemberRole::Owner)?;
        let before = self.state.members.role(user).ok_or(Rejection::NotAMember)?;
        if before == role {
            return Ok(vec![]);
        }
        if before == MemberRole::Owner && self.state.members.owners() == 1 {
            return Err(Rejection::LastOwner);
        }
        Ok(vec![ConversationEvent::MemberRoleChanged { user, role }])
    }

    fn other_owner_or_nobody_else(&self) -> Result<(), Rejection> {
        let members = &self.state.members;
        if members.owners() == 1 && members.present() > 1 { Err(Rejection::LastOwner) } else { Ok(()) }
    }

    fn rename(&self, title: &str) -> Decision {
        self.is_not_direct()?;
        self.needs(MemberRole::Admin)?;
        check_chars("title", title, limits::TITLE_CHARS)?;
        Ok(vec![ConversationEvent::Renamed { title: Private::Open(title.to_owned()) }])
    }

    fn send(&self, kind: MessageKind, body: &Body, reply_to: Option<u64>) -> Decision {
        self.is_member()?;
        if self.about.posting == Posting::Admins {
            self.needs(MemberRole::Admin)?;
        }
        check_body(kind, body)?;
        if let Some(seq) = reply_to
            && self.visible(seq)?.recalled.is_some()
        {
            return Err(Rejection::MessageRecalled);
        }
        Ok(vec![ConversationEvent::MessageSent { kind, reply_to, body: Private::Open(body.clone()) }])
    }

    fn edit(&self, message: u64, body: &Body) -> Decision {
        self.is_member()?;
        let fact = self.visible(message)?;
        if fact.author != self.actor {
            return Err(Rejection::NotTheAuthor);
        }
        if fact.recalled.is_some() {
            return Err(Rejection::MessageRecalled);
        }
        check_body(fact.kind, body)?;
        let &MessageFact { author, sent_at, kind, .. } = fact;
        let body = Private::Open(body.clone());
        Ok(vec![ConversationEvent::MessageEdited { message, author, sent_at, kind, body }])
    }

    fn recall(&self, message: u64) -> Decision {
        // Whoever keeps order may take back also what was said before they came.
        let keeps_order = self.power >= MemberRole::Admin;
        let fact = if keeps_order { self.fact(message)? } else { self.visible(message)? };
        if fact.author != self.actor {
            self.needs(MemberRole::Admin)?;
        }
        let recalled = ConversationEvent::MessageRecalled { message, author: fact.author };
        Ok(if fact.recalled.is_some() { vec![] } else { vec![recalled] })
    }

    fn fact(&self, message: u64) -> Result<&MessageFact, Rejection> {
        self.state.messages.get(message).ok_or(Rejection::MessageNotFound)
    }

    /// The message, if the actor may read it: what one may not see is as if it did not exist.
    fn visible(&self, message: u64) -> Result<&MessageFact, Rejection> {
        let fact = self.fact(message)?;
        let all = self.about.history == HistoryAccess::All;
        let membership = self.state.members.get(self.actor);
        let seen = all || membership.is_some_and(|membership| membership.covers(message));
        if seen { Ok(fact) } else { Err(Rejection::MessageNotFound) }
    }
}

/// Each person once, in the order of first mention.
fn distinct(users: impl Iterator<Item = UserId>) -> Result<Vec<UserId>, Rejection> {
    let mut seen = HashSet::new();
    let people: Vec<_> = users.filter(|user| seen.insert(*user)).collect();
    if seen.contains(&UserId::SYSTEM) {
        return Err(invalid("members", "the server itself is nobody's companion"));
    }
    Ok(people)
}

fn check_body(kind: MessageKind, body: &Body) -> Result<(), Rejection> {
    match kind {
        MessageKind::Text => {
            let fields = body.as_object().ok_or(invalid("body", "an object is wanted"))?;
            let text = fields.get("text").and_then(|text| text.as_str());
            let text = text.ok_or(invalid("body.text", "text is wanted"))?;
            if fields.len() > 1 {
                return Err(invalid("body", "only the field text is known"));
            }
            if text.is_empty() {
                return Err(invalid("body.text", "it must not be empty"));
            }
            if text.len() > limits::TEXT_BYTES {
                return Err(Rejection::TooLarge { field: "body.text", limit: limits::TEXT_BYTES });
            }
            Ok(())
        }
    }
}

const fn invalid(field: &'static str, detail: &'static str) -> Rejection {
    Rejection::Invalid { field, detail }
}

const fn too_many_named() -> Rejection {
    Rejection::TooLarge { field: "members", limit: limits::MEMBERS_PER_COMMAND }
}
