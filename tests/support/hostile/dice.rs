//! Choices made by the bytes of a fuzzer. When they run out, every choice is the usual one.

/// Where numbers change their meaning: signs, widths, and the 56 bits of a sequence number.
const BOUNDARIES: [u64; 16] = [
    0,
    1,
    2,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 56) - 1,
    1 << 56,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    u64::MAX - 2,
    u64::MAX - 1,
    u64::MAX,
    1 << 20,
];

/// Choices from the bytes of a fuzzer.
#[derive(Debug)]
pub struct Dice<'a>(&'a [u8]);

impl<'a> Dice<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; 0 behind the last.
    pub fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    /// Below `sides`, of which there are 1 to 256.
    pub fn roll(&mut self, sides: usize) -> usize {
        usize::from(self.byte()) % sides
    }

    /// True once in so many times.
    pub fn seldom(&mut self, sides: usize) -> bool {
        self.roll(sides) == sides - 1
    }

    /// Mostly `usual`; now and then one beside it, one at a boundary, or any.
    pub fn number(&mut self, usual: u64) -> u64 {
        match self.byte() {
            0..=215 => usual,
            216..=223 => usual.wrapping_add(1),
            224..=231 => usual.wrapping_sub(1),
            232..=252 => BOUNDARIES[self.roll(BOUNDARIES.len())],
            253.. => (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte())),
        }
    }

    /// One of them.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }

    /// At most so many bytes.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.roll(most + 1).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes.to_vec()
    }
}
