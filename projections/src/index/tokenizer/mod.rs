//! How text becomes tokens, the same for messages and for queries.
//!
//! - Words of alphabetic scripts, numbers, and mixtures of both are tokens. Everything that is no
//!   letter and no digit stands between them, also apostrophes, underscores and emoji: `don't` is
//!   `don` `t`, and as a query it is the phrase of both. A word of more than
//!   [`MAX_TOKEN_BYTES`] bytes is cut into pieces that stand one after another.
//! - A run of Han, Kana and Hangul gives a pair of each two neighbours, the last character alone,
//!   and the first one marked as such: every character has a position of its own, what contains a
//!   character has a term that begins with it, and any longer piece of the run is a phrase.
//! - Runs of Thai, Lao, Khmer and Burmese are cut by the dictionaries of ICU (not by its neural
//!   networks: those calculate with floating point, and a rebuild must give the same tokens).
//! - Case, width, compatibility forms and accents are folded. Offsets are those of the text before.

mod fold;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use fold::{Class, Folded};

/// The name under which the index knows the tokenizer.
pub(super) const TOKENIZER: &str = "hansard";
/// The longest token, in bytes of UTF-8 after folding.
pub const MAX_TOKEN_BYTES: usize = 255;
/// Marks the first character of a run; never part of a token otherwise.
const FIRST: char = '^';

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A word, a number, or a piece of a very long one.
    Word,
    /// Two neighbours in a run of Han, Kana and Hangul.
    Pair,
    /// The last character of such a run, at its own position.
    Last,
    /// The first character of such a run, marked, at the position of the first pair (of the last
    /// character, when the run has but one).
    First,
}

/// A token, as queries and highlights want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextToken {
    pub kind: TokenKind,
    /// The term in the index.
    pub text: String,
    /// Where it starts and ends in the text, in bytes.
    pub from: usize,
    pub to: usize,
    /// Words and characters of runs count one each, from 0.
    pub position: usize,
}

/// The tokens of `text`, in order of position.
#[must_use]
pub fn tokenize(text: &str) -> Vec<TextToken> {
    let mut tokens = Tokens::default();
    tokens.read(text);
    let token = |piece: &Piece| {
        let mut text = String::new();
        tokens.write(piece, &mut text);
        let (from, to) = tokens.place(piece);
        TextToken { kind: piece.kind, text, from, to, position: piece.position }
    };
    tokens.pieces.iter().map(token).collect()
}

/// The tokenizer of the index. A clone has its own buffers.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageTokenizer {
    tokens: Tokens,
}

impl Tokenizer for MessageTokenizer {
    type TokenStream<'a> = MessageTokenStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> MessageTokenStream<'a> {
        self.tokens.read(text);
        MessageTokenStream { tokens: &self.tokens, next: 0, token: Token::default() }
    }
}

/// The tokens of one text.
pub(super) struct MessageTokenStream<'a> {
    tokens: &'a Tokens,
    next: usize,
    token: Token,
}

impl TokenStream for MessageTokenStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(piece) = self.tokens.pieces.get(self.next) else { return false };
        self.next += 1;
        self.token.text.clear();
        self.tokens.write(piece, &mut self.token.text);
        (self.token.offset_from, self.token.offset_to) = self.tokens.place(piece);
        self.token.position = piece.position;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// Folded characters `first..end`, never none.
#[derive(Debug, Clone, Copy)]
struct Piece {
    kind: TokenKind,
    first: usize,
    end: usize,
    position: usize,
}

/// A text folded and cut, with buffers that are used again.
#[derive(Debug, Clone, Default)]
struct Tokens {
    folded: Vec<Folded>,
    pieces: Vec<Piece>,
    position: usize,
}

impl Tokens {
    fn read(&mut self, text: &str) {
        fold::fold(text, &mut self.folded);
        self.pieces.clear();
        self.position = 0;
        let mut first = 0;
        while let Some(&Folded { class, .. }) = self.folded.get(first) {
            let belongs = |folded: &Folded| folded.class == class || folded.class == Class::Mark;
            let rest = self.folded.iter().skip(first + 1);
            let end = first + 1 + rest.take_while(|folded| belongs(folded)).count();
            match class {
                Class::Word => self.add_word(first, end),
                Class::Cjk => self.add_run(first, end),
                Class::Complex => self.add_segments(first, end),
                Class::Mark | Class::Separator => {}
            }
            first = end;
        }
    }

    fn add_word(&mut self, mut first: usize, end: usize) {
        let mut bytes = 0;
        for index in first..end {
            let length = self.folded[index].character.len_utf8();
            if bytes + length > MAX_TOKEN_BYTES {
                self.add(TokenKind::Word, first, index);
                self.position += 1;
                first = index;
                bytes = 0;
            }
            bytes += length;
        }
        self.add(TokenKind::Word, first, end);
        self.position += 1;
    }

    fn add_run(&mut self, first: usize, end: usize) {
        let mut start = first;
        let mut stop = self.after_character(start, end);
        self.pieces.push(Piece { kind: TokenKind::First, first, end: stop, position: self.position });
        while stop < end {
            let after = self.after_character(stop, end);
            self.add(TokenKind::Pair, start, after);
            self.position += 1;
            (start, stop) = (stop, after);
        }
        self.add(TokenKind::Last, start, end);
        self.position += 1;
    }

    /// Where the character at `index` ends, with its marks.
    fn after_character(&self, index: usize, end: usize) -> usize {
        let rest = self.folded[index + 1..end].iter();
        index + 1 + rest.take_while(|folded| folded.class == Class::Mark).count()
    }

    fn add_segments(&mut self, first: usize, end: usize) {
        let run: String = self.folded[first..end].iter().map(|folded| folded.character).collect();
        let mut start = first;
        let mut start_byte = 0;
        for boundary in SEGMENTER.segment_str(&run) {
            let length = run.get(start_byte..boundary).map_or(0, |segment| segment.chars().count());
            if length > 0 {
                self.add_word(start, start + length);
                start += length;
                start_byte = boundary;
            }
        }
    }

    fn add(&mut self, kind: TokenKind, first: usize, end: usize) {
        self.pieces.push(Piece { kind, first, end, position: self.position });
    }

    fn write(&self, piece: &Piece, out: &mut String) {
        if piece.kind == TokenKind::First {
            out.push(FIRST);
        }
        out.extend(self.folded[piece.first..piece.end].iter().map(|folded| folded.character));
    }

    fn place(&self, piece: &Piece) -> (usize, usize) {
        (self.folded[piece.first].from, self.folded[piece.end - 1].to)
    }
}
