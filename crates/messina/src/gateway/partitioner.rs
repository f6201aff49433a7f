//! Which partition a key belongs to.

/// Kafka's default partitioner: murmur2 of the key (KIP-480 keeps it for records with a key), so that a key
/// lands on the same partition whether the record comes from here or from a Kafka producer.
pub fn partition_of(key: &[u8], partitions: usize) -> usize {
    let positive = murmur2(key) & 0x7fff_ffff;
    positive as usize % partitions.max(1)
}

/// The 32-bit murmur2 of Kafka's `Utils.murmur2`, seed 0x9747b28c.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let last = tail
            .iter()
            .rev()
            .fold(0, |last, byte| (last << 8) | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_is_kafkas() {
        // Values of org.apache.kafka.common.utils.Utils.murmur2, as Kafka's own tests state them.
        assert_eq!(murmur2(b"21").cast_signed(), -973_932_308);
        assert_eq!(murmur2(b"foobar").cast_signed(), -790_332_482);
        assert_eq!(
            murmur2(b"a-little-bit-long-string").cast_signed(),
            -985_981_536
        );
        assert_eq!(
            murmur2(b"a-little-bit-longer-string").cast_signed(),
            -1_486_304_829
        );
        assert_eq!(
            murmur2(b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8").cast_signed(),
            -58_897_971
        );
        assert_eq!(murmur2(b"abc").cast_signed(), 479_470_107);
    }
}
