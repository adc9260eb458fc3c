//! Names that are no UTF-8, as s3fs and ossfs keep them with `use_wtf8`: a byte that fits no UTF-8 becomes the character
//! U+E000 and that byte, in Unicode's private area. A character that is there already goes byte by byte, so that every name
//! comes back as it was.

use std::{borrow::Cow, ffi::OsStr, os::unix::ffi::OsStringExt as _};

const BASE: u32 = 0xE000;

/// The byte that a character stands for.
fn byte(letter: char) -> Option<u8> {
    u8::try_from(u32::from(letter).checked_sub(BASE)?).ok()
}

/// A program's name as a key has it.
pub(super) fn to_key(name: &[u8]) -> Cow<'_, [u8]> {
    let plain =
        std::str::from_utf8(name).is_ok_and(|name| !name.chars().any(|c| byte(c).is_some()));
    if plain {
        return Cow::Borrowed(name);
    }
    let mut key = String::with_capacity(name.len() + 8);
    let escape = |key: &mut String, bytes: &[u8]| {
        let letters = bytes.iter().map(|byte| BASE + u32::from(*byte));
        key.extend(letters.filter_map(char::from_u32));
    };
    for chunk in name.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match byte(letter) {
                Some(_) => escape(&mut key, letter.encode_utf8(&mut [0; 4]).as_bytes()),
                None => key.push(letter),
            }
        }
        escape(&mut key, chunk.invalid());
    }
    Cow::Owned(key.into_bytes())
}

/// A key's name as programs see it.
pub(super) fn to_name(key: &str) -> Cow<'_, OsStr> {
    if !key.chars().any(|letter| byte(letter).is_some()) {
        return Cow::Borrowed(OsStr::new(key));
    }
    let mut name = Vec::with_capacity(key.len());
    for letter in key.chars() {
        match byte(letter) {
            Some(byte) => name.push(byte),
            None => name.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(std::ffi::OsString::from_vec(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn as_others_write_them() {
        assert_eq!(&*to_key(b"a\xe4b"), "a\u{e0e4}b".as_bytes());
        assert_eq!(&*to_key("ä".as_bytes()), "ä".as_bytes());
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in proptest::collection::vec(1..=255u8, 0..50)) {
            let key = String::from_utf8(to_key(&name).into_owned()).unwrap();
            let back = to_name(&key);
            prop_assert_eq!(back.as_bytes(), &*name);
        }

        #[test]
        fn any_text_comes_back(name in "\\PC{0,30}|[\u{dfff0}\u{e000}-\u{e0ff}a-z]{0,30}") {
            let key = String::from_utf8(to_key(name.as_bytes()).into_owned()).unwrap();
            let back = to_name(&key);
            prop_assert_eq!(back.as_bytes(), name.as_bytes());
        }
    }
}
