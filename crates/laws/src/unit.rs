//! Numbers at random by their place.

/// A number in [0, 1) from a key: SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) fn unit(keys: [u64; 4]) -> f64 {
    let mix = |state: u64, key: u64| {
        let z = (state ^ key).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (keys.into_iter().fold(0, mix) >> 11) as f64 / (1_u64 << 53) as f64
}
