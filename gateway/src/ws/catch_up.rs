//! Bringing a connection up to date: pages of changes from the views, then on to the hub.

use std::time::Duration;

use hansard_api_spec::ws::{self, ServerFrame, close};
use hansard_events::Positions;
use hansard_read_side::{AsOf, Changes, QueryError};
use hansard_write_side::vault::Claims;
use tokio::time::sleep;

use super::socket::{Ending, Socket};
use super::views::{changes, own_user};
use super::{Shared, Sockets};
use crate::hub::{Attach, Attachment, NotAttached, frame};
use crate::limits;
use crate::problem::{Code, problem};

/// How many conversations one page of changes has at most. Small: a socket keeps a buffer of the
/// size of the largest frame it has sent.
const PAGE: usize = 10;

/// How long to wait for views that are behind before looking again.
const BEHIND: Duration = Duration::from_millis(20);

/// A connection that is being brought up to date.
pub(super) struct CatchingUp<'a> {
    pub(super) sockets: &'a Sockets,
    pub(super) claims: &'a Claims,
    pub(super) hidden: bool,
    /// From where to go on; after each page, where that page ended.
    pub(super) cursor: Option<String>,
}

impl CatchingUp<'_> {
    /// Tells who one is and all that has happened, and goes live. Gives the place in the hub.
    pub(super) async fn run(mut self, socket: &mut Socket) -> Result<Attachment, Ending> {
        let asked = self.cursor.is_some();
        let user = self.user().await?;
        let mut members = self.members().await?;
        let (mut page, reset) = self.first_page().await?;
        let welcome = ws::Welcome {
            session: self.claims.session,
            user: own_user(&user.value),
            limits: limits::published(),
            as_of: page.as_of.to_string(),
            resumed: asked && reset.is_none(),
            reset_required: reset,
        };
        socket.send(frame(&ServerFrame::Welcome(welcome))).await?;
        loop {
            let reached = self.pages(page, socket).await?;
            let attach = Attach {
                user: self.claims.user,
                session: self.claims.session,
                hidden: self.hidden,
                conversations: members.value.into_iter().collect(),
                members_at: members.as_of,
                reached,
            };
            match self.shared().hub.attach(attach).await {
                Ok(attachment) => {
                    let cursor = self.cursor.unwrap_or_default();
                    socket.send(frame(&ServerFrame::Live(ws::Live { cursor }))).await?;
                    return Ok(attachment);
                }
                Err(NotAttached::Behind(_)) => {}
                Err(NotAttached::SessionClosed) => {
                    return Err(Ending::unauthenticated(Code::SessionClosed));
                }
                Err(NotAttached::Stopped) => return Err(self.stopping()),
            }
            // The views are behind the hub by a moment.
            sleep(BEHIND).await;
            members = self.members().await?;
            page = self.sync().await.map_err(|error| self.failed(&error))?;
        }
    }

    /// Sends this page and those after it; gives the positions that the last one stands for.
    async fn pages(&mut self, mut page: AsOf<Changes>, socket: &mut Socket) -> Result<Positions, Ending> {
        loop {
            let AsOf { value, as_of } = page;
            self.cursor = Some(value.cursor.clone());
            let more = value.more;
            if let Some(changes) = changes(value) {
                socket.send(frame(&ServerFrame::Changes(changes))).await?;
            }
            if !more {
                return Ok(as_of);
            }
            page = self.sync().await.map_err(|error| self.failed(&error))?;
        }
    }

    /// Who one is. The views may not know somebody yet who has just registered.
    async fn user(&self) -> Result<AsOf<hansard_read_side::User>, Ending> {
        loop {
            match self.shared().views.user(self.claims.user).await {
                Err(QueryError::NotFound) => sleep(BEHIND).await,
                user => return user.map_err(|error| self.failed(&error)),
            }
        }
    }

    async fn members(&self) -> Result<AsOf<Vec<hansard_events::ConversationId>>, Ending> {
        let members = self.shared().views.memberships(self.claims.user).await;
        members.map_err(|error| self.failed(&error))
    }

    /// The first page, and why it starts over, if it does.
    async fn first_page(&mut self) -> Result<(AsOf<Changes>, Option<String>), Ending> {
        let reset = match self.sync().await {
            Ok(page) => return Ok((page, None)),
            Err(QueryError::ResetRequired { reason }) => reason,
            Err(QueryError::BadCursor) => "the cursor is not one of ours",
            Err(error) => return Err(self.failed(&error)),
        };
        self.cursor = None;
        let page = self.sync().await.map_err(|error| self.failed(&error))?;
        Ok((page, Some(reset.to_owned())))
    }

    async fn sync(&self) -> Result<AsOf<Changes>, QueryError> {
        self.shared().views.sync(self.claims.user, self.cursor.as_deref(), PAGE).await
    }

    fn failed(&self, error: &QueryError) -> Ending {
        if let QueryError::Unavailable(_) = error {
            let spread = self.shared().timing.spread;
            return Ending::resync(close::SERVICE_RESTART, "the views are unavailable", spread);
        }
        tracing::error!(%error, user = %self.claims.user, "a connection can't be brought up to date");
        Ending::bye(close::INTERNAL, problem(Code::Internal))
    }

    fn stopping(&self) -> Ending {
        Ending::resync(close::SERVICE_RESTART, "the server stops", self.shared().timing.spread)
    }

    fn shared(&self) -> &Shared {
        &self.sockets.0
    }
}
