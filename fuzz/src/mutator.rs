//! Small changes to known inputs, all of them drawn from one seed.

/// A generator of pseudo-random numbers (`SplitMix64`): one seed, one sequence, on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number() % limit).unwrap_or(0)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }
}

/// Bytes that lie at the borders of what decoders distinguish.
const BORDERS: [u8; 10] = [0x00, 0x01, 0x7F, 0x80, 0xFF, b'"', b'{', b',', b'\\', 0xC0];

/// The longest input a mutation makes.
const LONGEST: usize = 4096;

/// One to eight changes to `input`; `other` is what pieces are taken from.
pub fn mutate(random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(8) {
        change(random, &mut bytes, other);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(16)).min(bytes.len());
    let border = BORDERS
        .get(random.below(BORDERS.len()))
        .copied()
        .unwrap_or_default();
    match random.below(7) {
        0 => bytes.insert(at, random.byte()),
        1 => bytes.insert(at, border),
        2 => drop(bytes.drain(at..end)),
        3 => bytes.extend_from_within(at..end),
        4 => bytes.truncate(at),
        5 => {
            let from = random.below(other.len() + 1);
            let piece = other.iter().skip(from).take(random.below(32)).copied();
            bytes.splice(at..at, piece);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_of_inputs() {
        let run = || {
            let mut random = Random::new(7);
            (0..100)
                .map(|_| mutate(&mut random, b"some input", b"another"))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
    }
}
