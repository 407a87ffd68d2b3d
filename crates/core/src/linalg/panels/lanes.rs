//! Floats as the lanes of the vectors of AVX2 and AVX-512.

use pulp::x86::{V3, V4};
use pulp::{Simd, bytemuck, cast, f32x8, f32x16, f64x4, f64x8};

use super::super::lent::lent;
use super::{Packed, RefCell};
use crate::Real;

/// A float that has vectors in the instructions `S`.
pub trait Lanes<S>: Real + faer::traits::ComplexField {
    /// A vector.
    type Vector: Copy;

    /// Its lanes.
    const LANES: usize;

    /// The same number in every lane.
    fn splat(simd: S, x: Self) -> Self::Vector;
    /// `a * b + c`, rounded once.
    fn fma(simd: S, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The whole vectors of a slice.
    fn vectors(slice: &[Self]) -> &[Self::Vector];
    /// The whole vectors of a slice.
    fn vectors_mut(slice: &mut [Self]) -> &mut [Self::Vector];
    /// The numbers of vectors.
    fn numbers(vectors: &[Self::Vector]) -> &[Self];
    /// As many columns as a vector has lanes, `stride` apart, as rows `step` apart.
    fn transpose(simd: S, columns: &[Self], stride: usize, to: &mut [Self], step: usize);
    /// W columns, no more than a vector has lanes, `stride` apart, as rows.
    fn narrow<const W: usize>(simd: S, columns: &[Self], stride: usize, to: &mut [[Self; W]]);
    /// Lends this thread's buffers.
    fn with_packed(lend: impl FnOnce(&mut Packed<Self>));
}

macro_rules! lanes {
    ($simd:ident $t:ident $vector:ident $lanes:literal $splat:ident $fma:ident $as_simd:ident $as_mut_simd:ident $transpose:ident) => {
        impl Lanes<$simd> for $t {
            type Vector = $vector;

            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(simd: $simd, x: Self) -> $vector {
                simd.$splat(x)
            }
            #[inline(always)]
            fn fma(simd: $simd, a: $vector, b: $vector, c: $vector) -> $vector {
                simd.$fma(a, b, c)
            }
            #[inline(always)]
            fn vectors(slice: &[Self]) -> &[$vector] {
                $simd::$as_simd(slice).0
            }
            #[inline(always)]
            fn vectors_mut(slice: &mut [Self]) -> &mut [$vector] {
                $simd::$as_mut_simd(slice).0
            }
            #[inline(always)]
            fn numbers(vectors: &[$vector]) -> &[Self] {
                bytemuck::cast_slice(vectors)
            }
            #[inline(always)]
            fn transpose(
                simd: $simd,
                columns: &[Self],
                stride: usize,
                to: &mut [Self],
                step: usize,
            ) {
                let mut square = [<Self as Lanes<$simd>>::splat(simd, 0.0); $lanes];
                for i in 0..$lanes {
                    square[i] =
                        <Self as Lanes<$simd>>::vectors(&columns[i * stride..][..$lanes])[0];
                }
                let rows = $transpose(simd, square);
                for l in 0..$lanes {
                    <Self as Lanes<$simd>>::vectors_mut(&mut to[l * step..][..$lanes])[0] = rows[l];
                }
            }
            #[inline(always)]
            fn narrow<const W: usize>(
                simd: $simd,
                columns: &[Self],
                stride: usize,
                to: &mut [[Self; W]],
            ) {
                // Where a vector has more lanes than a tile has columns, the rest of the square stays empty.
                // `min` is for the compiler alone, which also builds what no caller may ask for: more columns than lanes.
                let mut square = [<Self as Lanes<$simd>>::splat(simd, 0.0); $lanes];
                for i in 0..W.min($lanes) {
                    square[i] =
                        <Self as Lanes<$simd>>::vectors(&columns[i * stride..][..$lanes])[0];
                }
                let rows = $transpose(simd, square);
                for l in 0..$lanes {
                    to[l] = <Self as Lanes<$simd>>::numbers(&rows[l..=l])
                        .as_chunks::<W>()
                        .0[0];
                }
            }
            fn with_packed(lend: impl FnOnce(&mut Packed<Self>)) {
                thread_local! {
                    // Grows to the largest blocks on this thread and stays: the kernel's buffer, not the engine's.
                    static PACKED: RefCell<Packed<$t>> = const { RefCell::new(Packed::NEW) };
                }
                lent(&PACKED, lend);
            }
        }
    };
}

lanes!(V3 f32 f32x8 8 splat_f32x8 mul_add_f32x8 as_simd_f32s as_mut_simd_f32s transpose_8_halves);
lanes!(V3 f64 f64x4 4 splat_f64x4 mul_add_f64x4 as_simd_f64s as_mut_simd_f64s transpose_4_halves);
lanes!(V4 f32 f32x16 16 splat_f32x16 mul_add_f32x16 as_simd_f32s as_mut_simd_f32s transpose_16);
lanes!(V4 f64 f64x8 8 splat_f64x8 mul_add_f64x8 as_simd_f64s as_mut_simd_f64s transpose_8);

/// Of the quarters of two vectors, the first and third of each.
const EVEN: i32 = 0x88;
/// And the second and fourth.
const ODD: i32 = 0xdd;

/// Pairs of lanes, then fours, then the four quarters of the vectors change places.
#[inline(always)]
fn transpose_16(simd: V4, r: [f32x16; 16]) -> [f32x16; 16] {
    let avx = simd.avx512f;
    let mut s = r;
    for i in (0..16).step_by(2) {
        let (a, b) = (cast(r[i]), cast(r[i + 1]));
        s[i] = cast(avx._mm512_unpacklo_ps(a, b));
        s[i + 1] = cast(avx._mm512_unpackhi_ps(a, b));
    }
    let mut r = s;
    for i in (0..16).step_by(4) {
        for h in 0..2 {
            let (a, b) = (cast(s[i + h]), cast(s[i + h + 2]));
            r[i + 2 * h] = cast(avx._mm512_unpacklo_pd(a, b));
            r[i + 2 * h + 1] = cast(avx._mm512_unpackhi_pd(a, b));
        }
    }
    let mut rows = r;
    for q in 0..4 {
        let [a, b, c, d] = [cast(r[q]), cast(r[4 + q]), cast(r[8 + q]), cast(r[12 + q])];
        let even = avx._mm512_shuffle_f32x4::<EVEN>(a, b);
        let odd = avx._mm512_shuffle_f32x4::<ODD>(a, b);
        let even_after = avx._mm512_shuffle_f32x4::<EVEN>(c, d);
        let odd_after = avx._mm512_shuffle_f32x4::<ODD>(c, d);
        rows[q] = cast(avx._mm512_shuffle_f32x4::<EVEN>(even, even_after));
        rows[4 + q] = cast(avx._mm512_shuffle_f32x4::<EVEN>(odd, odd_after));
        rows[8 + q] = cast(avx._mm512_shuffle_f32x4::<ODD>(even, even_after));
        rows[12 + q] = cast(avx._mm512_shuffle_f32x4::<ODD>(odd, odd_after));
    }
    rows
}

/// Pairs of lanes, then the four quarters of the vectors change places.
#[inline(always)]
fn transpose_8(simd: V4, r: [f64x8; 8]) -> [f64x8; 8] {
    let avx = simd.avx512f;
    let mut s = r;
    for i in (0..8).step_by(2) {
        let (a, b) = (cast(r[i]), cast(r[i + 1]));
        s[i] = cast(avx._mm512_unpacklo_pd(a, b));
        s[i + 1] = cast(avx._mm512_unpackhi_pd(a, b));
    }
    let mut rows = s;
    for q in 0..2 {
        let [a, b, c, d] = [cast(s[q]), cast(s[2 + q]), cast(s[4 + q]), cast(s[6 + q])];
        let even = avx._mm512_shuffle_f64x2::<EVEN>(a, b);
        let odd = avx._mm512_shuffle_f64x2::<ODD>(a, b);
        let even_after = avx._mm512_shuffle_f64x2::<EVEN>(c, d);
        let odd_after = avx._mm512_shuffle_f64x2::<ODD>(c, d);
        rows[q] = cast(avx._mm512_shuffle_f64x2::<EVEN>(even, even_after));
        rows[2 + q] = cast(avx._mm512_shuffle_f64x2::<EVEN>(odd, odd_after));
        rows[4 + q] = cast(avx._mm512_shuffle_f64x2::<ODD>(even, even_after));
        rows[6 + q] = cast(avx._mm512_shuffle_f64x2::<ODD>(odd, odd_after));
    }
    rows
}

/// The lower halves of two vectors.
const LOWER: i32 = 0x20;
/// And the upper.
const UPPER: i32 = 0x31;

/// Pairs of lanes, then fours, then the two halves of the vectors change places.
#[inline(always)]
fn transpose_8_halves(simd: V3, r: [f32x8; 8]) -> [f32x8; 8] {
    let avx = simd.avx;
    let mut s = r;
    for i in (0..8).step_by(2) {
        let (a, b) = (cast(r[i]), cast(r[i + 1]));
        s[i] = cast(avx._mm256_unpacklo_ps(a, b));
        s[i + 1] = cast(avx._mm256_unpackhi_ps(a, b));
    }
    let mut r = s;
    for i in (0..8).step_by(4) {
        for h in 0..2 {
            let (a, b) = (cast(s[i + h]), cast(s[i + h + 2]));
            r[i + 2 * h] = cast(avx._mm256_unpacklo_pd(a, b));
            r[i + 2 * h + 1] = cast(avx._mm256_unpackhi_pd(a, b));
        }
    }
    let mut rows = r;
    for q in 0..4 {
        let (a, b) = (cast(r[q]), cast(r[4 + q]));
        rows[q] = cast(avx._mm256_permute2f128_ps::<LOWER>(a, b));
        rows[4 + q] = cast(avx._mm256_permute2f128_ps::<UPPER>(a, b));
    }
    rows
}

/// Pairs of lanes, then the two halves of the vectors change places.
#[inline(always)]
fn transpose_4_halves(simd: V3, r: [f64x4; 4]) -> [f64x4; 4] {
    let avx = simd.avx;
    let mut rows = r;
    for h in 0..2 {
        let unpack = |a, b| match h {
            0 => avx._mm256_unpacklo_pd(a, b),
            _ => avx._mm256_unpackhi_pd(a, b),
        };
        let first = unpack(cast(r[0]), cast(r[1]));
        let second = unpack(cast(r[2]), cast(r[3]));
        rows[h] = cast(avx._mm256_permute2f128_pd::<LOWER>(first, second));
        rows[2 + h] = cast(avx._mm256_permute2f128_pd::<UPPER>(first, second));
    }
    rows
}
