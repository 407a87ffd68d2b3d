//! `cargo bench --bench kernels`: the three products of a linear layer by every kernel and the elementwise functions, on
//! one thread beside the peak of fused multiply-adds measured in the same run. Prints; writes nothing.
//!
//! - `-- --quick`: few rounds, to see that it runs.
//! - `-- --part products|functions`: one part alone.

use std::hint::black_box;

use pushpull::blocks::Activation;
use pushpull::linalg::{Kernel, Native, product, product_by};
use pushpull::{Accum, Mat, MatMut, Scalar};
use pushpull_bench::peak;
use pushpull_bench::rounds::{Effort, interleaved};

/// A layer of the networks of the grid: (outputs, inputs, batch).
const LAYERS: [(usize, usize, usize); 17] = [
    (4, 2, 1),
    (1, 4, 1),
    (4, 2, 32),
    (1, 4, 32),
    (16, 4, 32),
    (16, 16, 32),
    (3, 16, 32),
    (64, 64, 32),
    (32, 64, 128),
    (10, 32, 128),
    (128, 64, 128),
    (128, 128, 128),
    (10, 128, 128),
    (128, 784, 64),
    (512, 784, 128),
    (1024, 1024, 256),
    (10, 1024, 256),
];

fn numbers<T: Scalar>(len: usize) -> Vec<T> {
    (0..len)
        .map(|i| T::from_f64((1.0 + 1.7 * i as f64).sin()))
        .collect()
}

/// The three products of a layer, by a kernel or by the one that is chosen.
fn products<T: Scalar + Native>(
    (m, n, batch): (usize, usize, usize),
    kernel: Option<Kernel>,
) -> [Box<dyn FnMut()>; 3] {
    let run = move |c: MatMut<'_, T>, which: usize, w: &[T], x: &[T], v: &[T]| {
        let (w, x, v) = (
            Mat::new(w, m, n),
            Mat::new(x, n, batch),
            Mat::new(v, m, batch),
        );
        match (which, kernel) {
            (0, Some(kernel)) => product_by(kernel, c, Accum::Set, w, x),
            (1, Some(kernel)) => product_by(kernel, c, Accum::Set, w.t(), v),
            (_, Some(kernel)) => product_by(kernel, c, Accum::Set, v, x.t()),
            (0, None) => product(c, Accum::Set, w, x),
            (1, None) => product(c, Accum::Set, w.t(), v),
            (_, None) => product(c, Accum::Set, v, x.t()),
        }
    };
    [(m, batch), (n, batch), (m, n)]
        .map(|(rows, columns)| rows * columns)
        .into_iter()
        .enumerate()
        .map(|(which, len)| {
            let shape = [(m, batch), (n, batch), (m, n)][which];
            let (w, x, v) = (
                numbers::<T>(m * n),
                numbers::<T>(n * batch),
                numbers::<T>(m * batch),
            );
            let mut c = numbers::<T>(len);
            Box::new(move || {
                run(MatMut::new(&mut c, shape.0, shape.1), which, &w, &x, &v);
                black_box(&c);
            }) as Box<dyn FnMut()>
        })
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|_| unreachable!("three products"))
}

fn print_products<T: Scalar + Native>(peak: f64, effort: Effort) {
    println!(
        "\nproducts, {}: GFLOP/s of plain loops, library, panels; chosen, and its share of the peak",
        T::NAME
    );
    println!(
        "{:>18}  {:^37}  {:^37}  {:^37}",
        "out x in, batch", "W X", "W' V", "V X'"
    );
    for layer in LAYERS {
        let (m, n, batch) = layer;
        let flops = (2 * m * n * batch) as f64;
        let mut runs = Vec::new();
        for kernel in Kernel::ALL.map(Some).into_iter().chain([None]) {
            // Plain loops over a large matrix only cost time.
            if kernel == Some(Kernel::Plain) && flops > 1e6 {
                runs.extend((0..3).map(|_| Box::new(|| {}) as Box<dyn FnMut()>));
            } else {
                runs.extend(products::<T>(layer, kernel));
            }
        }
        let times = interleaved(&mut runs, effort);
        print!("{:>18}", format!("{m} x {n}, {batch}"));
        for which in 0..3 {
            let rate = |kernel: usize| {
                if kernel == 0 && flops > 1e6 {
                    0.0
                } else {
                    flops / times[3 * kernel + which].median()
                }
            };
            print!(
                "  {:7.2} {:7.2} {:7.2}; {:7.2} {:3.0}%",
                rate(0) / 1e9,
                rate(1) / 1e9,
                rate(2) / 1e9,
                rate(3) / 1e9,
                100.0 * rate(3) / peak
            );
        }
        println!();
    }
}

fn print_functions<T: Scalar>(effort: Effort) {
    const N: usize = 2_048;
    println!(
        "\nfunctions, {}: ns an entry of {N}, forward and pullback",
        T::NAME
    );
    let mut runs: Vec<Box<dyn FnMut()>> = Vec::new();
    for activation in Activation::ALL {
        let graph = {
            let mut b = pushpull::Builder::new();
            let x = b.input("x", N);
            let y = b.block(activation.block(N), x);
            b.build(y)
        };
        let Ok(graph) = graph else { continue };
        let block = graph.nodes()[0].block.clone();
        let x: Vec<T> = numbers::<T>(N)
            .into_iter()
            .map(|x| x + T::from_f64(1.5))
            .collect();
        let mut y = vec![T::zero(); N];
        // What a record keeps besides x and y: the slopes of saturating functions.
        let mut extra = vec![T::zero(); block.keeps().extra];
        let forward = |x: &[T], y: &mut [T], extra: &mut [T]| {
            let (x, y) = (Mat::new(x, N, 1), MatMut::new(y, N, 1));
            T::of(&*block).forward(&[], x, y, extra);
        };
        forward(&x, &mut y, &mut extra);
        let kept_extra = extra.clone();
        let (own, input) = (block.clone(), x.clone());
        runs.push(Box::new(move || {
            let (x, into) = (Mat::new(&input, N, 1), MatMut::new(&mut y, N, 1));
            T::of(&*own).forward(&[], x, into, &mut extra);
            black_box((&y, &extra));
        }));
        let (mut x_bar, y_bar) = (vec![T::zero(); N], numbers::<T>(N));
        runs.push(Box::new(move || {
            let kept = Mat::new(&x, N, 1);
            let at = pushpull::Point {
                params: &[],
                x: kept,
                y: kept,
                extra: &kept_extra,
                batch: 1,
            };
            T::of(&*block).vjp_input(
                &at,
                Mat::new(&y_bar, N, 1),
                MatMut::new(&mut x_bar, N, 1),
                &mut [],
            );
            black_box(&x_bar);
        }));
    }
    let times = interleaved(&mut runs, effort);
    for (activation, times) in Activation::ALL.iter().zip(times.chunks_exact(2)) {
        let each = |seconds: f64| seconds * 1e9 / N as f64;
        println!(
            "{:>12}  {:6.3}  {:6.3}",
            activation.name(),
            each(times[0].median()),
            each(times[1].median())
        );
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut effort, mut part) = (
        Effort {
            rounds: 11,
            slice: 2e-3,
        },
        None,
    );
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => {
                effort = Effort {
                    rounds: 1,
                    slice: 1e-4,
                }
            }
            "--part" => part = arguments.next(),
            other => {
                return Err(
                    format!("unknown argument {other:?}; there are: --quick, --part NAME").into(),
                );
            }
        }
    }
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let peaks = [peak::measure(false, effort), peak::measure(true, effort)];
    println!(
        "peak of fused multiply-adds, one thread: {:.1} GFLOP/s f32, {:.1} f64",
        peaks[0] / 1e9,
        peaks[1] / 1e9
    );
    if wanted("functions") {
        print_functions::<f32>(effort);
        print_functions::<f64>(effort);
    }
    if wanted("products") {
        print_products::<f32>(peaks[0], effort);
        print_products::<f64>(peaks[1], effort);
    }
    Ok(())
}
