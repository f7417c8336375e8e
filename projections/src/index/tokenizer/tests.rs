use proptest::prelude::*;
use tantivy::tokenizer::{TokenStream as _, Tokenizer as _};

use super::*;

/// The terms, without the marked first characters of runs.
fn terms(text: &str) -> Vec<String> {
    let tokens = tokenize(text).into_iter();
    tokens.filter(|token| token.kind != TokenKind::First).map(|token| token.text).collect()
}

/// The same terms for each text.
fn same(texts: &[&str]) {
    for text in texts {
        assert_eq!(terms(text), terms(texts[0]), "{text:?}");
        assert!(!terms(text).is_empty());
    }
}

#[test]
fn words_are_letters_and_digits() {
    assert_eq!(terms("Kernel panic: v6.12, x86_64!"), ["kernel", "panic", "v6", "12", "x86", "64"]);
    assert_eq!(terms("don't don’t"), ["don", "t", "don", "t"]);
    assert_eq!(terms("https://例え.jp/a?b=1#c"), ["https", "例え", "え", "jp", "a", "b", "1", "c"]);
    assert_eq!(terms("great👍🏽job 👩‍💻"), ["great", "job"]);
    assert_eq!(terms(" \n\t…--- "), Vec::<String>::new());
}

#[test]
fn case_width_and_accents_are_folded() {
    same(&["ABC", "abc", "ＡＢＣ", "ａｂｃ", "ÀB\u{301}ç"]);
    same(&["café", "cafe\u{301}", "CAFÉ", "cafe"]);
    same(&["Straße", "STRASSE", "strasse"]);
    same(&["ΟΔΟΣ", "οδός", "οδοσ"]);
    same(&["İstanbul", "istanbul"]);
    same(&["ёлка", "ЕЛКА"]);
    same(&["שָׁלוֹם", "שלום"]);
    same(&["ﬁle", "file", "fi\u{ad}le", "\u{feff}FILE"]);
    same(&["²①", "21"]);
    // Marks that make another word stay.
    assert_ne!(terms("कि"), terms("कु"));
    assert_ne!(terms("か"), terms("が"));
}

#[test]
fn runs_give_pairs_and_their_last_character() {
    assert_eq!(terms("北京大学"), ["北京", "京大", "大学", "学"]);
    assert_eq!(terms("三点"), ["三点", "点"]);
    assert_eq!(terms("学"), ["学"]);
    assert_eq!(terms("서울대학교"), ["서울", "울대", "대학", "학교", "교"]);
    assert_eq!(terms("ファイルサーバー。"), ["ファ", "ァイ", "イル", "ルサ", "サー", "ーバ", "バー", "ー"]);
    assert_eq!(terms("食べる・時々"), ["食べ", "べる", "る", "時々", "々"]);
    same(&["サーバー", "ｻｰﾊﾞｰ", "サーハ\u{3099}ー"]);
    same(&["서울", "\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}"]);
    same(&["葛", "葛\u{e0100}"]);
}

#[test]
fn every_character_of_a_run_has_a_position() {
    let tokens = tokenize("用Rust写的 code");
    let seen: Vec<_> = tokens.iter().map(|token| (token.text.as_str(), token.position)).collect();
    assert_eq!(seen, [("^用", 0), ("用", 0), ("rust", 1), ("^写", 2), ("写的", 2), ("的", 3), ("code", 4)]);
}

#[test]
fn thai_lao_khmer_and_burmese_are_cut_by_dictionary() {
    assert_eq!(terms("ฉันรักกรุงเทพ"), ["ฉัน", "รัก", "กรุงเทพ"]);
    assert!(terms("ไปกรุงเทพฯ พรุ่งนี้").contains(&"กรุงเทพ".to_owned()));
    for text in ["ສະບາຍດີ", "សួស្តីពិភពលោក", "မင်္ဂလာပါ"]
    {
        assert_eq!(terms(text).concat(), text);
    }
    assert_eq!(terms("น้ำ"), ["น้ำ"]);
}

#[test]
fn offsets_are_those_of_the_text_as_it_was() {
    let text = "Ｃafe\u{301} ｻｰﾊﾞｰ ﬁ";
    let tokens = tokenize(text);
    let seen: Vec<_> = tokens.iter().map(|token| &text[token.from..token.to]).collect();
    assert_eq!(seen, ["Ｃafe\u{301}", "ｻ", "ｻｰ", "ｰﾊﾞ", "ﾊﾞｰ", "ｰ", "ﬁ"]);
}

#[test]
fn a_very_long_word_is_cut_and_nothing_is_lost() {
    let word = "x".repeat(3 * MAX_TOKEN_BYTES + 1);
    let tokens = tokenize(&word);
    assert_eq!(tokens.iter().map(|token| token.text.len()).collect::<Vec<_>>(), [255, 255, 255, 1]);
    assert_eq!(tokens.iter().map(|token| token.position).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let marks = format!("か{}", "\u{9be}".repeat(10_000));
    assert!(tokenize(&marks).iter().all(|token| token.text.len() <= MAX_TOKEN_BYTES));
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zé ]{0,4}",
        "[ก-๛]{0,6}",
        "[က-႟ក-៹]{0,6}",
        "[一-三あ-んーｦ-ﾟ가-갛ᄀ-ᇿ]{0,6}",
        "[\u{300}-\u{340}\u{3099}\u{200b}-\u{200f}ﷺ㍿½]{0,3}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn tokens_stand_in_order_on_characters_of_the_text(text in texts()) {
        let tokens = tokenize(&text);
        for token in &tokens {
            prop_assert!(token.from < token.to && text.get(token.from..token.to).is_some());
            prop_assert!((1..=MAX_TOKEN_BYTES + 1).contains(&token.text.len()));
        }
        for pair in tokens.windows(2) {
            prop_assert!(pair[0].from <= pair[1].from);
            prop_assert!((0..=1).contains(&(pair[1].position - pair[0].position)));
        }
    }

    #[test]
    fn the_index_is_given_the_same_tokens(one in texts(), other in texts()) {
        let mut tokenizer = MessageTokenizer::default();
        for text in [&one, &other] {
            let mut stream = tokenizer.token_stream(text);
            for token in tokenize(text) {
                prop_assert!(stream.advance());
                let given = stream.token();
                prop_assert_eq!(&given.text, &token.text);
                prop_assert_eq!(given.offset_from..given.offset_to, token.from..token.to);
                prop_assert_eq!(given.position, token.position);
            }
            prop_assert!(!stream.advance());
        }
    }

    #[test]
    fn a_piece_of_a_run_is_a_phrase_of_it(run in "[一-五あ-うァ-ウ]{2,12}", from in 0_usize..11, length in 2_usize..12) {
        let characters: Vec<char> = run.chars().collect();
        let from = from.min(characters.len() - 2);
        let piece: String = characters[from..].iter().take(length).collect();
        let pairs = |text: &str| {
            let tokens = tokenize(text).into_iter().filter(|token| token.kind == TokenKind::Pair);
            tokens.map(|token| token.text).collect::<Vec<_>>()
        };
        let wanted = pairs(&piece);
        prop_assert!(pairs(&run).windows(wanted.len()).any(|window| window == wanted));
    }
}
