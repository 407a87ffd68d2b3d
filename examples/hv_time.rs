use pushpull::blocks::{Activation, Loss};
use pushpull::nalgebra::DMatrix;
use pushpull::{Dual, HessianVector, Init, Mlp, Reverse, Scalar, Store};
use std::hint::black_box;
use std::time::Instant;

fn run<T: Scalar>(widths: &[usize], act: Activation, batch: usize)
where
    Dual<T>: Scalar,
{
    let graph = Mlp::new(widths, act)
        .loss(Loss::SoftmaxCrossEntropy)
        .build()
        .unwrap();
    let params: Vec<T> = graph.layout().init(Init::Glorot, 1);
    let v: Vec<T> = graph.layout().init(Init::Glorot, 2);
    let classes = widths[widths.len() - 1];
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        T::from_f64(if i < widths[0] {
            ((i * 7 + j * 13) as f64).sin()
        } else if i - widths[0] == j % classes {
            1.0
        } else {
            0.0
        })
    });
    let mut reverse = Reverse::new(&graph, batch, Store::All, 1).unwrap();
    let mut planes = HessianVector::new(&graph, batch, Store::All, 1).unwrap();
    let mut duals = HessianVector::by_duals(&graph, batch, Store::All, 1).unwrap();
    assert!(planes.on_planes());
    let once = |f: &mut dyn FnMut()| {
        let t = Instant::now();
        for _ in 0..10 {
            f()
        }
        t.elapsed().as_secs_f64() * 1e5
    };
    let mut t = [vec![], vec![], vec![], vec![]];
    for _ in 0..60 {
        t[0].push(once(&mut || {
            black_box(reverse.value_and_gradient(&params, &x).unwrap());
        }));
        t[1].push(once(&mut || {
            black_box(planes.hessian_vector(&params, &x, &v).unwrap());
        }));
        t[2].push(once(&mut || {
            black_box(planes.gradient_and_hessian_vector(&params, &x, &v).unwrap());
        }));
        t[3].push(once(&mut || {
            black_box(duals.hessian_vector(&params, &x, &v).unwrap());
        }));
    }
    let ratio = |k: usize| {
        let mut r: Vec<f64> = t[k].iter().zip(&t[0]).map(|(a, b)| a / b).collect();
        r.sort_by(f64::total_cmp);
        (r[15], r[30], r[45])
    };
    let med = |k: usize| {
        let mut r = t[k].clone();
        r.sort_by(f64::total_cmp);
        r[30]
    };
    let c = planes.cost(false).unwrap().flops as f64 / reverse.cost().flops as f64;
    println!(
        "{widths:?} {act} b{batch} {}: gradient {:.1} us; Hv planes {:.1} us ratio {:.3?} (flops {c:.3}); with gradient {:.3?}; duals {:.3?}",
        T::NAME,
        med(0),
        med(1),
        ratio(1),
        ratio(2),
        ratio(3)
    );
}

fn main() {
    for act in [Activation::Relu, Activation::Tanh] {
        run::<f32>(&[64, 128, 128, 10], act, 128);
        run::<f64>(&[64, 128, 128, 10], act, 128);
    }
}
