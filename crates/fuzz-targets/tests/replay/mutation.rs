//! Inputs made of others, the same ones for a seed.

/// Bytes of an input, at most.
const MOST: usize = 4096;

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 for none.
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One of the inputs, changed in one to four places.
    pub fn mutation(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.one_of(corpus).clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(MOST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        /// What parsers count, end and escape with.
        const WORDS: [&[u8]; 20] = [
            b"\n",
            b"\r",
            b"\0",
            b"\t",
            b"\x1b[31m",
            b"\xff",
            b"\xef\xbb\xbf",
            b"\xe2\x80\xa8",
            b"'",
            b"\"",
            b"{",
            b"(",
            b",",
            b":",
            b"-1",
            b"nan",
            b"inf",
            b"1e999",
            b"18446744073709551615",
            b"4294967296",
        ];
        const NUMBERS: [u64; 8] = [
            0,
            1,
            0x7f,
            0xffff,
            u32::MAX as u64,
            1 << 40,
            i64::MAX as u64,
            u64::MAX,
        ];
        let at = self.below(bytes.len());
        match self.below(7) {
            _ if bytes.is_empty() => bytes.extend_from_slice(self.one_of::<&[u8]>(&WORDS)),
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = self.next() as u8,
            2 => bytes.truncate(at),
            // A head of this one, a tail of another.
            3 => {
                let other = self.one_of(corpus);
                let from = self.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            4 => {
                let word = *self.one_of(&WORDS);
                bytes.splice(at..at, word.iter().copied());
            }
            5 => {
                let number = self.one_of(&NUMBERS).to_le_bytes();
                let room = bytes.len() - at;
                let n = [1, 2, 4, 8][self.below(4)].min(room);
                bytes[at..at + n].copy_from_slice(&number[..n]);
            }
            _ => {
                let end = at + self.below(bytes.len() - at);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}
