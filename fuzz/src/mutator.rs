//! Small changes to known inputs, all of them drawn from one seed.

use messina::simulator::Random;

/// Bytes that lie at the borders of what decoders distinguish.
const BORDERS: [u8; 10] = [0x00, 0x01, 0x7F, 0x80, 0xFF, b'"', b'{', b',', b'\\', 0xC0];

/// The longest input a mutation makes.
const LONGEST: usize = 4096;

/// One to eight changes to `input`; `other` is what pieces are taken from.
pub fn mutate(random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=below(random, 8) {
        change(random, &mut bytes, other);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = below(random, bytes.len() + 1);
    let end = (at + below(random, 16)).min(bytes.len());
    let border = BORDERS
        .get(below(random, BORDERS.len()))
        .copied()
        .unwrap_or_default();
    match below(random, 7) {
        0 => bytes.insert(at, byte(random)),
        1 => bytes.insert(at, border),
        2 => drop(bytes.drain(at..end)),
        3 => bytes.extend_from_within(at..end),
        4 => bytes.truncate(at),
        5 => {
            let from = below(random, other.len() + 1);
            let piece = other.iter().skip(from).take(below(random, 32)).copied();
            bytes.splice(at..at, piece);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << below(random, 8);
            }
        }
    }
}

/// A number below `limit`; 0 for 0.
pub fn below(random: &mut Random, limit: usize) -> usize {
    let drawn = random.below(u64::try_from(limit).unwrap_or(u64::MAX));
    usize::try_from(drawn).unwrap_or(0)
}

fn byte(random: &mut Random) -> u8 {
    random.number().to_le_bytes()[0]
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
