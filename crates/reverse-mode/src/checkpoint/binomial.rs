//! The optimum for equal stages, in closed form.

/// Stages that the best schedule advances for `stages` equal stages and `slots` kept boundaries, the input among them:
/// `t = r l - C(c + r, c + 1)` with the least r for which `C(c + r, c) >= l`. Each stage is recorded once besides.
/// `None` without a slot.
///
/// Source: Griewank and Walther 2000, "Algorithm 799: revolve", section 2.
///
/// ```
/// use pushpull_reverse_mode::checkpoint::advances;
/// assert_eq!([advances(10, 3), advances(64, 5), advances(100, 10)], [Some(15), Some(172), Some(222)]);
/// assert_eq!(advances(4, 0), None);
/// ```
pub fn advances(stages: usize, slots: usize) -> Option<u64> {
    if slots == 0 {
        return None;
    }
    // C(c + r, c), which grows with r from C(c, c) = 1.
    let (l, c) = (stages as u128, slots as u128);
    let (mut r, mut reach) = (0, 1_u128);
    while reach < l {
        r += 1;
        reach = reach * (c + r) / r;
    }
    // C(c + r, c + 1) = C(c + r, c) r / (c + 1)
    let saved = reach * r / (c + 1);
    u64::try_from(r * l - saved).ok()
}

#[cfg(test)]
mod tests {
    use super::advances;

    /// `t(l, c) = min_k k + t(l - k, c - 1) + t(k, c)`: advance k stages, keep, finish the rest, then the first k.
    #[test]
    fn the_closed_form_solves_the_recurrence() {
        let (stages, slots) = (40, 8);
        let mut t = vec![vec![0; stages + 1]; slots + 1];
        for l in 2..=stages {
            t[1][l] = (l * (l - 1) / 2) as u64;
            for c in 2..=slots {
                let split = |k: usize| k as u64 + t[c - 1][l - k] + t[c][k];
                t[c][l] = (1..l).map(split).min().unwrap();
            }
        }
        for (c, row) in t.iter().enumerate().skip(1) {
            for (l, &want) in row.iter().enumerate().skip(1) {
                assert_eq!(advances(l, c), Some(want), "{l} stages, {c} slots");
            }
        }
    }
}
