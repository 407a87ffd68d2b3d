//! Every ready-made block keeps every law, at several sizes.

#[path = "../../../tests/common/seeds.rs"]
#[allow(dead_code)] // Cases are drawn by the checker, which takes a seed.
mod seeds;

use pushpull_core::AnyBlock;
use pushpull_core::blocks::{
    Abs, Activation, Add, Atan2, Bias, Broadcast, Clamp, Columns, Cos, Div, Elu, Extent, LayerNorm,
    LeakyRelu, Linear, LogSoftmax, LogSumExp, Loss, Map, MatMul, Max, Maximum, Minimum, Mul, Norm,
    OnTop, Over, Parameter, Pow, Power, Recip, Scale, Select, Shift, Softmax, Sqrt, Sub, Submatrix,
    Sums, Transpose, Where, Zip,
};
use pushpull_laws::{Check, CountingAllocator, Law, Violation};

// With it `check` sees what maps allocate, too.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// The seed is shown by a test that fails.
fn told(outcome: Result<(), Violation>) -> Result<(), Violation> {
    outcome.inspect_err(|_| println!("PROPTEST_RNG_SEED={}", seeds::seed()))
}

fn check(block: &dyn AnyBlock) -> Result<(), Violation> {
    told(Check::new().seed(seeds::seed()).run(block))
}

fn check_family<B: AnyBlock>(family: impl Fn(usize) -> B) -> Result<(), Violation> {
    told(Check::new().seed(seeds::seed()).run_family(family))
}

#[test]
fn every_nonlinearity_keeps_the_laws() -> Result<(), Violation> {
    for activation in Activation::ALL {
        for n in [1, 2, 5, 17] {
            check(&*activation.block(n))?;
        }
    }
    // Settings for which the derivative cannot be had from the output.
    for slope in [-0.5, 0.0, 0.3] {
        check(&Map::new(LeakyRelu { slope }, 4))?;
        check(&Map::new(Elu { alpha: slope }, 4))?;
    }
    Ok(())
}

#[test]
fn every_loss_keeps_the_laws() -> Result<(), Violation> {
    for loss in Loss::ALL {
        for n in [1, 2, 3, 10] {
            check(&*loss.block(n))?;
        }
    }
    Ok(())
}

#[test]
fn every_other_block_keeps_the_laws() -> Result<(), Violation> {
    for (n_in, n_out) in [(1, 1), (1, 3), (4, 1), (3, 3), (5, 2), (17, 9)] {
        check(&Linear::new(n_in, n_out))?;
        check(&Linear::without_bias(n_in, n_out))?;
    }
    for terms in 1..4 {
        check_family(|n| Add::new(n, terms))?;
    }
    for factor in [-3.0, 0.0, 1.0, 1e-12, 1e12] {
        check_family(|n| Scale::new(n, factor))?;
    }
    for divisor in [-3.0, 49.0, 1e-12] {
        check_family(|n| Scale::divided(n, divisor))?;
    }
    check_family(Mul::new)?;
    check_family(Softmax::new)?;
    check_family(LogSoftmax::new)?;
    check_family(LayerNorm::new)?;
    check_family(|n| LayerNorm::new(n).with_eps(0.1))?;
    check_family(|n| Select::new(n, (0..n).rev()))?;
    check_family(|n| Select::new(n + 1, vec![n, 0, n]))?;
    check_family(|n| Select::new(n + 3, 1..3))
}

#[test]
fn the_laws_hold_far_out_too() -> Result<(), Violation> {
    let far = Check::new().seed(seeds::seed()).domain(-1e3..=1e3);
    for name in ["sigmoid", "tanh", "relu", "softplus", "silu", "gelu"] {
        let activation: Activation = name.parse().expect("a name of the list");
        told(far.run(&*activation.block(3)))?;
    }
    Ok(())
}

#[test]
fn every_block_on_matrices_keeps_the_laws() -> Result<(), Violation> {
    for (m, n) in [(1, 1), (1, 3), (4, 1), (3, 3), (5, 2)] {
        check(&Transpose::new(m, n))?;
        check(&Parameter::new(m, n))?;
        check(&Submatrix::new(m, n, 0..m, 0..1))?;
        check(&Submatrix::new(m + 1, n + 2, 1..m + 1, 1..n + 1))?;
        check(&OnTop::new([m, 1, n], n))?;
        for extent in [Extent::Column, Extent::Row, Extent::Scalar] {
            check(&Broadcast::new(m, n, extent))?;
            check(&Sums::new(m, n, extent))?;
        }
    }
    for (m, k, n) in [(1, 1, 1), (2, 3, 1), (1, 4, 2), (3, 3, 3), (5, 2, 4)] {
        check(&MatMul::new(m, k, n))?;
    }
    check_family(Bias::new)?;
    check_family(Sub::new)?;
    check_family(Div::new)?;
    check_family(Max::new)?;
    check_family(Norm::new)?;
    check_family(LogSumExp::new)?;
    // A condition jumps: Taylor's theorem does not hold across it.
    let all_but_taylor: Vec<Law> = Law::ALL
        .into_iter()
        .filter(|&law| law != Law::Taylor)
        .collect();
    let smooth = Check::new().seed(seeds::seed()).laws(&all_but_taylor);
    told(smooth.run_family(Where::new))?;
    check_family(|n| Zip::new(Maximum, n))?;
    check_family(|n| Zip::new(Minimum, n))?;
    check_family(|n| Zip::new(Pow, n))?;
    // The angle jumps behind the origin, where the same theorem does not hold.
    let ahead = Check::new().seed(seeds::seed()).domain(0.1..=2.0);
    told(ahead.run_family(|n| Zip::new(Atan2, n)))
}

#[test]
fn every_block_keeps_the_laws_on_columns_with_its_parameters_as_values() -> Result<(), Violation> {
    for count in [1, 2, 3] {
        check_family(|n| Columns::new(Softmax::new(n), count))?;
        check_family(|n| Columns::new(LogSoftmax::new(n), count))?;
        check_family(|n| Columns::new(LayerNorm::new(n), count))?;
        check_family(|n| Columns::new(Linear::new(n, 2), count))?;
        check_family(|n| Columns::new(Linear::without_bias(n, 3), count))?;
        check_family(|n| Columns::new(LogSumExp::new(n), count))?;
        for loss in Loss::ALL {
            check_family(|n| Columns::new(loss.block(n), count))?;
        }
    }
    Ok(())
}

#[test]
fn every_other_function_keeps_the_laws() -> Result<(), Violation> {
    check_family(|n| Map::new(Abs, n))?;
    check_family(|n| Map::new(Sqrt, n))?;
    check_family(|n| Map::new(Recip, n))?;
    check_family(|n| Map::new(Cos, n))?;
    for exponent in [-1.0, 0.0, 0.5, 1.0, 2.0, 2.5] {
        check_family(|n| Map::new(Power { exponent }, n))?;
    }
    for (low, high) in [(-0.5, 0.5), (f64::NEG_INFINITY, 0.25), (1.0, 1.0)] {
        check_family(|n| Map::new(Clamp { low, high }, n))?;
    }
    check_family(|n| Map::new(Over { numerator: -2.0 }, n))?;
    check_family(|n| Map::new(Shift { by: -1.5 }, n))
}
