-- The views, version 1. The same text for SQLite and PostgreSQL: only UUID, BIGINT and TEXT are
-- used, times are milliseconds since 1970, JSON is TEXT. Every row follows from the log alone.
-- In both databases text is compared byte by byte and UUIDs as 16 bytes. The columns of a primary
-- key come first, in its order. SQLite keeps these tables WITHOUT ROWID.

-- How far each partition has been applied; changes in the same transaction as the rows.
CREATE TABLE positions (
    partition_id BIGINT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL                 -- SHA-256 of that commit's bytes, hex
);

-- Streams that could not be applied, from which event on (0: unknown), and why. A line of which
-- not even the stream can be read stands as "unknown@<position>:<line, from 1>".
CREATE TABLE quarantine (
    stream TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    reason TEXT NOT NULL
);

-- People. Names are NULL when erased. username_fold is the folded form for look-up and order.
CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    username TEXT,
    username_fold TEXT,
    display_name TEXT,
    roles TEXT NOT NULL,               -- JSON array of what was granted, in order: ["auditor"]
    registered_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX users_by_name ON users (username_fold, id);

CREATE TABLE sessions (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL,
    device UUID NOT NULL,
    device_name TEXT,
    platform TEXT,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    reason TEXT
);
CREATE INDEX sessions_of_user ON sessions (user_id, opened_at);

CREATE TABLE conversations (
    id UUID NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT,
    title_fold TEXT,                   -- folded, for look-up
    history TEXT NOT NULL,
    posting TEXT NOT NULL,
    created_by UUID NOT NULL,
    created_at BIGINT NOT NULL,
    head BIGINT NOT NULL,              -- seq of the newest event
    head_partition BIGINT NOT NULL,    -- position of the newest event
    head_sequence BIGINT NOT NULL,
    active_at BIGINT NOT NULL,         -- time of the newest event
    last_message BIGINT,               -- seq of the newest message
    messages BIGINT NOT NULL,          -- how many messages were ever sent
    member_count BIGINT NOT NULL
);
CREATE INDEX channels ON conversations (created_at, id) WHERE kind = 'channel';

-- Who is a member now. last_sent: seq of the newest message they wrote, 0 for none.
CREATE TABLE members (
    conversation UUID NOT NULL,
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    since BIGINT NOT NULL,             -- seq of the event that made them a member
    last_sent BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id)
);
CREATE INDEX members_of_user ON members (user_id, conversation);

-- Which events a person may see: from_seq to until_seq, both included; until_seq NULL: still open.
-- A new interval starts at 1 where the conversation shows all history, else at the event that
-- made them a member; it ends at the event that ended the membership.
CREATE TABLE intervals (
    user_id UUID NOT NULL,
    conversation UUID NOT NULL,
    since BIGINT NOT NULL,             -- seq of the event that opened it
    from_seq BIGINT NOT NULL,
    until_seq BIGINT,
    PRIMARY KEY (user_id, conversation, since)
);
CREATE INDEX intervals_of_conversation ON intervals (conversation, since);

-- Every event of every conversation, one row each. For message.sent, kind and body are as they
-- are now: after an edit the new body, after a recall or erasure NULL. For message.edited, body is
-- what it set: NULL once the message is recalled or erased.
CREATE TABLE timeline (
    conversation UUID NOT NULL,
    seq BIGINT NOT NULL,
    sequence BIGINT NOT NULL,          -- of the commit, in the conversation's partition
    at BIGINT NOT NULL,
    actor UUID NOT NULL,
    command UUID NOT NULL,
    type TEXT NOT NULL,                -- event type
    kind TEXT,                         -- message.sent: message kind
    body TEXT,                         -- message.sent: JSON; message.edited: the body it set
    reply_to BIGINT,
    message_number BIGINT NOT NULL,    -- messages sent up to and including this event
    target BIGINT,                     -- message.edited, message.recalled: which message
    data TEXT,                         -- all but message.sent: public data as JSON, and "title"
    edited_at BIGINT,
    edits BIGINT NOT NULL,             -- how often edited
    recalled_at BIGINT,
    PRIMARY KEY (conversation, seq)
);
CREATE INDEX timeline_by_time ON timeline (conversation, at, seq);
CREATE INDEX timeline_by_position ON timeline (conversation, sequence);
CREATE INDEX timeline_target ON timeline (conversation, target, seq) WHERE target IS NOT NULL;
CREATE INDEX timeline_renamed ON timeline (conversation, seq) WHERE type = 'conversation.renamed';
CREATE INDEX timeline_recalled ON timeline (conversation, seq) WHERE recalled_at IS NOT NULL;

-- Bodies that an edit replaced: number 0 is the original. NULL when recalled or erased.
CREATE TABLE edits (
    conversation UUID NOT NULL,
    message BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,                -- when this body was set
    body TEXT,
    PRIMARY KEY (conversation, message, number)
);

-- Read and received marks, cumulative.
CREATE TABLE marks (
    conversation UUID NOT NULL,
    user_id UUID NOT NULL,
    read_seq BIGINT NOT NULL,
    received_seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,      -- position of the newest move
    sequence BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id)
);
CREATE INDEX marks_of_user ON marks (user_id, conversation);
CREATE INDEX marks_moved ON marks (conversation, partition_id, sequence);

-- Where the events of user and directory streams stand (those of conversations: timeline).
CREATE TABLE stream_events (
    stream TEXT NOT NULL,
    version BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (stream, version)
);
