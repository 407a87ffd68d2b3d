//! The peak of fused multiply-adds on one thread: what every rate is divided by.

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

use crate::rounds::{Effort, interleaved};

/// Fused multiply-adds that wait for nothing: what the arithmetic units can do.
struct Chains {
    double: bool,
}

const STEPS: usize = 4_096;
const CHAINS: usize = 12;

impl WithSimd for Chains {
    /// Flops done.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let lanes = if self.double {
            let (a, mut sums) = (
                simd.splat_f64s(black_box(0.5)),
                [simd.splat_f64s(1.0); CHAINS],
            );
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = simd.mul_add_e_f64s(*sum, a, a);
                }
            }
            black_box(sums);
            S::F64_LANES
        } else {
            let (a, mut sums) = (
                simd.splat_f32s(black_box(0.5)),
                [simd.splat_f32s(1.0); CHAINS],
            );
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = simd.mul_add_e_f32s(*sum, a, a);
                }
            }
            black_box(sums);
            S::F32_LANES
        };
        (2 * lanes * CHAINS * STEPS) as f64
    }
}

/// Flops a second, the median of at least five rounds; `double` for f64.
pub fn measure(double: bool, effort: Effort) -> f64 {
    let mut run: [Box<dyn FnMut()>; 1] = [Box::new(move || {
        black_box(Arch::new().dispatch(Chains { double }));
    })];
    let rounds = effort.rounds.max(5);
    let flops = Arch::new().dispatch(Chains { double });
    flops / interleaved(&mut run, Effort { rounds, ..effort })[0].median()
}
