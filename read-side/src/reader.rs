//! The reader: every query that the edge offers.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use hansard_events::{ConversationId, KeyRing, Log, Positions, StreamName, UserId};
use hansard_projections::index::Index;
use hansard_projections::views::Views;

use crate::QueryError;
use crate::model::*;

/// Answers queries from views, index and log. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    #[expect(dead_code, reason = "the queries use it")]
    views: Views,
    #[expect(dead_code, reason = "the queries use it")]
    index: Index,
    #[expect(dead_code, reason = "the queries use it")]
    log: Arc<dyn Log>,
    #[expect(dead_code, reason = "the queries use it")]
    keys: Arc<dyn KeyRing>,
}

impl Reader {
    /// A reader over these.
    pub fn new(views: Views, index: Index, log: Arc<dyn Log>, keys: Arc<dyn KeyRing>) -> Self {
        Self { views, index, log, keys }
    }

    /// A person, by id.
    pub async fn user(&self, _id: UserId) -> Result<AsOf<User>, QueryError> {
        todo!()
    }

    /// People whose folded username starts with the folded `prefix`, in order of name.
    pub async fn users(
        &self,
        _prefix: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Listing<User>>, QueryError> {
        todo!()
    }

    /// The person's sign-ins that are open, newest first.
    pub async fn sessions(&self, _user: UserId) -> Result<AsOf<Vec<Session>>, QueryError> {
        todo!()
    }

    /// The conversations in which the viewer is a member, most recently active first.
    pub async fn conversations(
        &self,
        _viewer: UserId,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Listing<Conversation>>, QueryError> {
        todo!()
    }

    /// Channels whose title contains `text` (folded), for finding and joining; newest first.
    pub async fn channels(
        &self,
        _text: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Listing<Conversation>>, QueryError> {
        todo!()
    }

    /// One conversation, for a present or former member.
    pub async fn conversation(
        &self,
        _viewer: UserId,
        _id: ConversationId,
    ) -> Result<AsOf<Conversation>, QueryError> {
        todo!()
    }

    /// The members now, in order of user id; for a present member.
    pub async fn members(
        &self,
        _viewer: UserId,
        _conversation: ConversationId,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Listing<MemberView>>, QueryError> {
        todo!()
    }

    /// Everyone's marks in a conversation, in order of user id; for a present member.
    pub async fn marks(
        &self,
        _viewer: UserId,
        _conversation: ConversationId,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Listing<Mark>>, QueryError> {
        todo!()
    }

    /// History: messages, and changes of the conversation as kind `system`.
    pub async fn messages(
        &self,
        _viewer: UserId,
        _conversation: ConversationId,
        _from: From,
        _limit: usize,
    ) -> Result<AsOf<Page<Message>>, QueryError> {
        todo!()
    }

    /// One message, with all that its body has been.
    pub async fn message(
        &self,
        _viewer: UserId,
        _conversation: ConversationId,
        _seq: u64,
    ) -> Result<AsOf<(Message, Vec<Revision>)>, QueryError> {
        todo!()
    }

    /// Every event in order, edits and recalls too: what fills a hole in `seq`.
    pub async fn events(
        &self,
        _viewer: UserId,
        _conversation: ConversationId,
        _from: From,
        _limit: usize,
    ) -> Result<AsOf<Page<ConversationEventView>>, QueryError> {
        todo!()
    }

    /// What happened since `cursor`; without one, the newest of every conversation.
    pub async fn sync(
        &self,
        _viewer: UserId,
        _cursor: Option<&str>,
        _limit: usize,
    ) -> Result<AsOf<Changes>, QueryError> {
        todo!()
    }

    /// The cursor that stands for `positions`.
    pub fn cursor(&self, _positions: &Positions) -> String {
        todo!()
    }

    /// Every conversation in which the viewer is a member, for live delivery, and as of when.
    pub async fn memberships(&self, _viewer: UserId) -> Result<AsOf<Vec<ConversationId>>, QueryError> {
        todo!()
    }

    /// Full-text search over what the viewer may see.
    pub async fn search(
        &self,
        _viewer: UserId,
        _request: &SearchRequest,
    ) -> Result<AsOf<SearchPage>, QueryError> {
        todo!()
    }

    /// The events of a stream after `after`, one JSON object a line, private parts open (or
    /// `"erased"`), in order. For auditors: the caller has checked the role.
    pub async fn replay(
        &self,
        _stream: StreamName,
        _after: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, QueryError>>, QueryError> {
        todo!()
    }
}
