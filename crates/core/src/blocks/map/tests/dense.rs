//! The sweep that the stated errors come from. It takes a quarter of an hour, so it is run by hand:
//! `cargo test --release -p pushpull-core --lib dense -- --ignored --nocapture`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Numbers taken at once.
const PIECE: usize = 1 << 16;

/// How many f64 numbers are drawn.
const DRAWN: usize = 200_000;

/// Every f32 from 2^-14 to 2^8 of either sign, where the functions are neither linear nor constant, and every 61st elsewhere.
fn pieces() -> impl Iterator<Item = Vec<f32>> {
    let dense = (127 - 14) << 23..(127 + 8) << 23;
    let of_both = move |bits: u32| {
        let step = if dense.contains(&bits) { 1 } else { 61 };
        let end = bits + PIECE as u32;
        (bits..end)
            .step_by(step)
            .map(f32::from_bits)
            .flat_map(|x| [x, -x])
            .collect()
    };
    (0..f32::INFINITY.to_bits()).step_by(PIECE).map(of_both)
}

/// Three in four where a function is neither linear nor constant, the others anywhere.
fn drawn() -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(2026);
    let mut number = move |i: usize| {
        let exponent = match i % 4 {
            0 => rng.random_range(-1_022..1_023),
            1 => rng.random_range(-12..-1),
            _ => rng.random_range(-2..6),
        };
        let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        sign * rng.random_range(1.0..2.0) * 2_f64.powi(exponent)
    };
    (0..DRAWN).map(&mut number).collect()
}

/// Runs every function, as many at once as there are cores, prints where its errors are largest, and holds them against the
/// stated ones from a column on.
fn of_every_function(column: usize, worst: impl Fn(&str, &dyn crate::AnyBlock) -> Worst + Sync) {
    let (functions, above) = (functions(), Mutex::new(Vec::new()));
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some((name, block)) = functions.get(next.fetch_add(1, Relaxed)) {
            let Worst(found) = worst(name, &**block);
            let at = found.map(|(_, _, x)| format!("{x:e}")).join(", ");
            let errors = found.map(|(error, ..)| format!("{error:.3}")).join(" ");
            println!("(\"{name}\", [{at}]), // {errors}");
            let stated = stated(name).unwrap_or_default();
            for (order, (error, form, x)) in found.into_iter().enumerate() {
                let stated = stated[column + order];
                if error.is_nan() || error > stated {
                    let fault =
                        format!("{name}, {order}: {error:.3} at {x:e}, {form:?}, {stated} stated");
                    above.lock().unwrap().push(fault);
                }
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(run);
        }
    });
    let above = above.into_inner().unwrap();
    assert!(above.is_empty(), "{above:#?}");
}

#[test]
#[ignore = "minutes in a release build"]
fn every_f32_keeps_what_is_stated() {
    of_every_function(0, |name, block| {
        let mut worst = Worst::NONE;
        for xs in pieces() {
            let as_f64: Vec<f64> = xs.iter().map(|&x| x.into()).collect();
            let exact = forms::plain_jets::<f64>(block, &as_f64);
            // The forms differ in few entries: all of them are held to the table where errors are largest.
            let jets = forms::plain_jets::<f32>(block, &xs);
            see_f32(&mut worst, name, (Form::Plain, &jets), &xs, &exact);
        }
        worst
    });
}

#[test]
#[ignore = "minutes in a release build"]
fn many_f64_keep_what_is_stated() {
    let xs = drawn();
    of_every_function(3, |name, block| {
        let mut reference = Reference::new();
        let exact: Vec<_> = xs.iter().map(|&x| reference.jet(name, x)).collect();
        let mut worst = Worst::NONE;
        for (form, jets) in forms::jets::<f64>(block, &xs) {
            worst.see(form, &jets, &xs, |i, order, got| {
                reference::ulps(got, &exact[i][order], near_a_root(name, xs[i], order))
            });
        }
        worst
    });
}
