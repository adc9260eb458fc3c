//! The bytes of all names, one behind the other: a name costs its length and one byte, where an allocation of its own
//! would cost twice that and a pointer.
//!
//! Names that went leave holes. Once those are more than half of everything, what lives is copied together: each name
//! moves once for as many bytes as were thrown away, at most.

/// Bytes of a chunk: chunks are never copied when there are more.
const CHUNK: usize = 64 << 10;
/// Fewer holes than this are not worth the copying.
const FEW: usize = CHUNK;

/// Where a name is. 0 is the empty name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name(u32);

/// The bytes of all names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    chunks: Vec<Vec<u8>>,
    /// Bytes of names that went.
    holes: usize,
    /// Bytes of those that live.
    live: usize,
}

impl Names {
    /// Keeps a name of at most 255 bytes, the most that a component has.
    pub(crate) fn add(&mut self, name: &str) -> Name {
        let Ok(length) = u8::try_from(name.len()) else {
            unreachable!("names are checked where they come from");
        };
        if length == 0 {
            return Name::default();
        }
        let bytes = name.len() + 1;
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() + bytes > CHUNK)
        {
            self.chunks.push(Vec::new());
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        if chunk.capacity() == 0 {
            // The first of a small mount grows; later ones are filled for certain.
            chunk.reserve_exact(if number == 0 { 1 << 10 } else { CHUNK });
        }
        // 0 stands for the empty name.
        let at = number * CHUNK + chunk.len() + 1;
        chunk.push(length);
        chunk.extend_from_slice(name.as_bytes());
        self.live += bytes;
        Name(u32::try_from(at).expect("2^32 bytes of names don't fit in memory"))
    }

    pub(crate) fn get(&self, name: Name) -> &str {
        let Some(at) = (name.0 as usize).checked_sub(1) else {
            return "";
        };
        let chunk = &self.chunks[at / CHUNK];
        let start = at % CHUNK + 1;
        let end = start + usize::from(chunk[start - 1]);
        std::str::from_utf8(&chunk[start..end]).expect("a name was put there")
    }

    /// A name goes.
    pub(crate) fn remove(&mut self, name: Name) {
        let bytes = self.get(name).len() + 1;
        if name != Name::default() {
            self.live -= bytes;
            self.holes += bytes;
        }
    }

    /// It is time to copy what lives together: into an empty one, in place of this.
    pub(crate) fn is_sparse(&self) -> bool {
        self.holes > FEW && self.holes > self.live
    }

    /// Bytes allocated.
    #[cfg(test)]
    pub(crate) fn allocated(&self) -> usize {
        let chunks = self.chunks.iter().map(Vec::capacity).sum::<usize>();
        chunks + self.chunks.capacity() * size_of::<Vec<u8>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        let mut names = Names::default();
        let long = "ü".repeat(127);
        let words: Vec<String> = (0..5_000).map(|i| format!("{long}{}", i % 10)).collect();
        let kept: Vec<Name> = words.iter().map(|word| names.add(word)).collect();
        assert_eq!(
            {
                let empty = names.add("");
                names.get(empty)
            },
            ""
        );
        for (name, word) in kept.iter().zip(&words) {
            assert_eq!(names.get(*name), word);
        }
        assert!(names.chunks.len() > 10);
        for name in &kept[..2_500] {
            names.remove(*name);
        }
        assert!(!names.is_sparse());
        names.remove(kept[2_500]);
        assert!(names.is_sparse());
    }
}
