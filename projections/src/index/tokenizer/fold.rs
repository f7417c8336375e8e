//! Folding: what makes `Ｅ́` and `e` the same letter, with the place in the text kept for each.

use unicode_normalization::char::{
    canonical_combining_class, compose, decompose_compatible, is_combining_mark,
};

/// How a character takes part in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Letters and digits of scripts that put something between words.
    Word,
    /// Han, Kana, Hangul, Bopomofo: written without anything between words, or searched for parts
    /// of words.
    Cjk,
    /// Thai, Lao, Khmer, Burmese: words need a dictionary.
    Complex,
    /// Belongs to the character before it.
    Mark,
    /// Stands between tokens.
    Separator,
}

/// A folded character and the bytes of the text that it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folded {
    pub(super) character: char,
    pub(super) class: Class,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// More marks in a row than any script uses are left out, so that no token grows without bound.
const MARKS_IN_A_ROW: usize = 8;

/// Says that the word before it goes on: the one without it is to be found.
const THAI_ABBREVIATION: char = '\u{e2f}';

/// Replaces the content of `out` by `text` folded: compatibility forms and width (NFKD), case
/// (upper, then lower: `ß` is `ss`, both sigmas are one), accents left out; what belongs together
/// without being an accent is composed again (Hangul syllables, voiced Kana).
pub(super) fn fold(text: &str, out: &mut Vec<Folded>) {
    out.clear();
    for (from, character) in text.char_indices() {
        let to = from + character.len_utf8();
        if character.is_ascii() {
            let character = character.to_ascii_lowercase();
            out.push(Folded { character, class: class(character), from, to });
        } else if is_complex(character) {
            // Their dictionaries know them as typed.
            out.push(Folded { character, class: Class::Complex, from, to });
        } else if !is_ignorable(character) {
            decompose_compatible(character, |part| {
                if is_accent(part) {
                    widen(out, from, to);
                } else {
                    let folded = part.to_uppercase().flat_map(char::to_lowercase);
                    folded.for_each(|character| push(out, character, from, to));
                }
            });
        }
    }
}

/// An accent is not a character of its own, but a highlight covers it.
fn widen(out: &mut [Folded], from: usize, to: usize) {
    if let Some(last) = out.last_mut().filter(|last| last.to == from && last.class != Class::Separator) {
        last.to = to;
    }
}

fn push(out: &mut Vec<Folded>, character: char, from: usize, to: usize) {
    if let Some(last) = out.last_mut().filter(|last| last.class != Class::Separator)
        && let Some(composed) = compose(last.character, character)
    {
        last.character = composed;
        last.to = to;
        return;
    }
    let class = class(character);
    let marks = out.iter().rev().take(MARKS_IN_A_ROW).filter(|folded| folded.class == Class::Mark).count();
    if class != Class::Mark || marks < MARKS_IN_A_ROW {
        out.push(Folded { character, class, from, to });
    }
}

fn class(character: char) -> Class {
    if character == THAI_ABBREVIATION {
        Class::Separator
    } else if character.is_ascii() {
        if character.is_ascii_alphanumeric() { Class::Word } else { Class::Separator }
    } else if is_cjk(character) {
        Class::Cjk
    } else if is_complex(character) {
        Class::Complex
    } else if character.is_alphanumeric() {
        Class::Word
    } else if is_combining_mark(character) {
        Class::Mark
    } else {
        Class::Separator
    }
}

/// Accents of Latin, Greek and Cyrillic, points of Hebrew, vowels of Arabic and Syriac: what
/// people leave out when they type. Told by canonical combining class. The voiced marks of Kana
/// (8), viramas (9), nuktas (7) and the vowel signs of Indic scripts (0) make another letter or
/// word and stay.
fn is_accent(character: char) -> bool {
    matches!(canonical_combining_class(character), 1 | 10..=36 | 200..=240)
}

/// Characters that say how to show what stands around them, and nothing else: soft hyphen,
/// joiners, direction marks, variation selectors. The zero width space does separate words.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200c}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_cjk(character: char) -> bool {
    match character {
        // Blocks that hold punctuation too: radicals and CJK symbols (々, 〇), Kana (not ・),
        // Bopomofo, the jamo and syllables of Hangul, Han of the basic plane.
        '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{1aff0}'..='\u{1b16f}' => character.is_alphanumeric() && !is_combining_mark(character),
        // Planes 2 and 3 are Han, also what is assigned later.
        '\u{20000}'..='\u{3fffd}' => true,
        _ => false,
    }
}

fn is_complex(character: char) -> bool {
    let in_block = matches!(
        character,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{a9e0}'..='\u{a9ff}'
            | '\u{aa60}'..='\u{aa7f}'
    );
    in_block
        && character != THAI_ABBREVIATION
        && (character.is_alphanumeric() || is_combining_mark(character))
}
