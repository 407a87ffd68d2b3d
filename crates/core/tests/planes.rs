//! Every ready-made block on planes against the same block at duals, which knows nothing of planes.

use std::sync::Arc;

use pushpull_core::blocks::{
    Activation, Add, LayerNorm, Linear, LogSoftmax, Loss, Map, Mul, Scale, Select, Sin, Softmax,
    Sum,
};
use pushpull_core::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use pushpull_core::{
    Accum, AnyBlock, Block, Dims, Dual, Keeps, Mat, MatMut, Op, Point, Real, Scalar, SecondOrder,
    Spec,
};

const BATCH: usize = 5;

type D = Dual<f64>;

/// Numbers in (0.1, 1.1) without a pattern: inside every domain, off every kink.
fn numbers(n: usize, seed: f64) -> Vec<f64> {
    let fraction = |i: usize| (seed + 0.618_033_988_75 * (i + 1) as f64).fract();
    (0..n).map(|i| 0.1 + fraction(i)).collect()
}

fn signed(n: usize, seed: f64) -> Vec<f64> {
    numbers(n, seed).into_iter().map(|x| x - 0.6).collect()
}

fn duals(value: &[f64], dot: &[f64]) -> Vec<D> {
    let pairs = value.iter().zip(dot);
    pairs.map(|(&value, &dot)| Dual::new(value, dot)).collect()
}

fn derivatives(duals: &[D]) -> Vec<f64> {
    duals.iter().map(|dual| dual.derivative).collect()
}

fn values(duals: &[D]) -> Vec<f64> {
    duals.iter().map(|dual| dual.value).collect()
}

fn close(what: &str, got: &[f64], want: &[f64]) -> Result<(), String> {
    let scale = want.iter().fold(1.0_f64, |max, x| max.max(x.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        // NaN fails too.
        if got.is_nan() || (got - want).abs() > 1e-13 * scale {
            return Err(format!("{what}[{i}]: {got}, at duals {want}"));
        }
    }
    Ok(())
}

/// What the three maps at duals say.
struct Expected {
    y: Vec<D>,
    extra: Vec<D>,
    x_bar: Vec<D>,
    params_bar: Vec<D>,
}

fn expected(block: &impl Block<D>, params: &[D], x: &[D], y_bar: &[D]) -> Expected {
    let (dims, keeps) = (block.dims(), block.keeps());
    let zeros = |n: usize| vec![Dual::constant(0.0); n];
    let (mut y, mut extra) = (zeros(dims.n_out * BATCH), zeros(keeps.extra * BATCH));
    let (mut x_bar, mut params_bar) = (zeros(dims.n_in * BATCH), zeros(dims.n_params));
    let mut scratch = zeros(block.dot_scratch_len(BATCH) + 64);
    let x = Mat::new(x, dims.n_in, BATCH);
    block.forward(
        params,
        x,
        MatMut::new(&mut y, dims.n_out, BATCH),
        &mut extra,
    );
    let at = Point {
        params,
        x,
        y: Mat::new(&y, dims.n_out, BATCH),
        extra: &extra,
        batch: BATCH,
    };
    let y_bar = Mat::new(y_bar, dims.n_out, BATCH);
    let target = MatMut::new(&mut x_bar, dims.n_in, BATCH);
    block.vjp_input(&at, y_bar, target, &mut scratch);
    if dims.n_params > 0 {
        block.vjp_params(&at, y_bar, Accum::Set, &mut params_bar, &mut scratch);
    }
    Expected {
        y,
        extra,
        x_bar,
        params_bar,
    }
}

/// One structural case: which tangents are there, and whether x lies beside its own.
fn agrees(
    block: &(impl Block<f64> + Block<D>),
    (x_moves, params_move, joined): (bool, bool, bool),
) -> Result<(), String> {
    let (dims, keeps): (Dims, Keeps) = (Spec::dims(block), Spec::keeps(block));
    let zero_unless = |moves: bool, dot: Vec<f64>| if moves { dot } else { vec![0.0; dot.len()] };
    let (params, x) = (signed(dims.n_params, 0.3), numbers(dims.n_in * BATCH, 0.7));
    let params_dot = zero_unless(params_move, signed(dims.n_params, 0.11));
    let x_dot = zero_unless(x_moves, signed(dims.n_in * BATCH, 0.45));
    let (y_bar, y_bar_dot) = (
        signed(dims.n_out * BATCH, 0.21),
        signed(dims.n_out * BATCH, 0.93),
    );
    let want = expected(
        block,
        &duals(&params, &params_dot),
        &duals(&x, &x_dot),
        &duals(&y_bar, &y_bar_dot),
    );

    let Some(second) = Block::<f64>::second(block) else {
        return Err("no second derivatives".into());
    };
    let nan = |n: usize| vec![f64::NAN; n];
    let mut scratch = nan(Spec::dot_scratch_len(block, BATCH));
    let (mut y, mut extra) = (nan(2 * dims.n_out * BATCH), nan(keeps.extra * BATCH));
    let mut extra_dot = extra.clone();
    let beside = [&x[..], &x_dot].concat();
    let moved = params_move.then_some(&params_dot[..]);
    let pair = if joined && x_moves {
        Planes::values(Mat::new(&beside, dims.n_in, 2 * BATCH))
    } else {
        let dot = x_moves.then(|| Mat::new(&x_dot, dims.n_in, BATCH));
        Planes::new(Mat::new(&x, dims.n_in, BATCH), dot)
    };
    let target = PlanesMut::values(MatMut::new(&mut y, dims.n_out, 2 * BATCH));
    second.forward_dot(
        &params,
        moved,
        pair,
        target,
        [&mut extra, &mut extra_dot],
        &mut scratch,
    );
    let wanted_y = [values(&want.y), derivatives(&want.y)].concat();
    close("y", &y, &wanted_y)?;
    close("extra", &extra, &values(&want.extra))?;
    close("extra_dot", &extra_dot, &derivatives(&want.extra))?;

    // What is not declared to be kept is not there.
    let nothing = Planes::new(Mat::empty(), None);
    let at = DotPoint {
        params: &params,
        params_dot: moved,
        x: if keeps.x { pair } else { nothing },
        y: if keeps.y {
            Planes::values(Mat::new(&y, dims.n_out, 2 * BATCH))
        } else {
            nothing
        },
        extra: &extra,
        extra_dot: &extra_dot,
        batch: BATCH,
    };
    let bars = [&y_bar_dot[..], &y_bar].concat();
    let bars = Cotangents::new(Mat::new(&bars, dims.n_out, 2 * BATCH));
    let mut x_bar = nan(2 * dims.n_in * BATCH);
    let target = PlanesMut::cotangents(MatMut::new(&mut x_bar, dims.n_in, 2 * BATCH));
    scratch.fill(f64::NAN);
    second.vjp_input_dot(&at, bars, target, &mut scratch);
    let wanted_bar = [derivatives(&want.x_bar), values(&want.x_bar)].concat();
    close("x_bar", &x_bar, &wanted_bar)?;
    if dims.n_params == 0 {
        return Ok(());
    }
    let mut params_bar_dot = nan(dims.n_params);
    let wanted = derivatives(&want.params_bar);
    second.vjp_params_dot(&at, bars, Accum::Set, &mut params_bar_dot, &mut scratch);
    close("params_bar_dot", &params_bar_dot, &wanted)?;
    second.vjp_params_dot(&at, bars, Accum::Add, &mut params_bar_dot, &mut scratch);
    let twice: Vec<f64> = wanted.iter().map(|x| 2.0 * x).collect();
    close("params_bar_dot, added", &params_bar_dot, &twice)
}

/// Every structural case that a block can meet.
fn check(block: &(impl Block<f64> + Block<D>)) -> Result<(), String> {
    if Block::<f64>::second(block).is_none() {
        return Err("it does not say that it runs on planes".into());
    }
    let has_params = Spec::dims(block).n_params > 0;
    for case in [
        (true, false, true),
        (true, false, false),
        (true, true, true),
        (true, true, false),
        (false, true, false),
    ] {
        if has_params || !case.1 {
            agrees(block, case).map_err(|fault| format!("{case:?}: {fault}"))?;
        }
    }
    Ok(())
}

#[test]
fn every_block_on_planes_is_itself_at_duals() {
    fn holds(block: &(impl Block<f64> + Block<D>)) {
        check(block).unwrap_or_else(|fault| panic!("{block:?}: {fault}"));
    }
    for n in [1, 7] {
        holds(&Linear::new(n, 6));
        holds(&Linear::without_bias(n, 6));
        holds(&LayerNorm::new(n + 1));
        holds(&Softmax::new(n));
        holds(&LogSoftmax::new(n));
        holds(&Scale::new(n, -1.5));
        holds(&Sum::new(n));
        holds(&Add::new(n, 3));
        holds(&Mul::new(n));
    }
    holds(&Select::new(4, [3, 0, 3]));
    for activation in Activation::ALL {
        for n in [1, 7] {
            holds(&Behind(activation.block(n)));
        }
    }
    for loss in Loss::ALL {
        for n in [1, 7] {
            holds(&Behind(loss.block(n)));
        }
    }
}

/// The second derivatives of a block that has them.
fn second<T: Scalar>(block: &dyn AnyBlock) -> &dyn SecondOrder<T> {
    T::of(block).second().unwrap()
}

/// A block behind a pointer.
#[derive(Debug)]
struct Behind(Arc<dyn AnyBlock>);

impl Spec for Behind {
    fn dims(&self) -> Dims {
        self.0.dims()
    }
    fn keeps(&self) -> Keeps {
        self.0.keeps()
    }
    fn dot_scratch_len(&self, batch: usize) -> usize {
        self.0.dot_scratch_len(batch)
    }
}

impl<T: Scalar> Block<T> for Behind {
    fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
        T::of(&*self.0).forward(params, x, y, extra);
    }
    fn jvp_input(&self, at: &Point<'_, T>, x: Mat<'_, T>, y: MatMut<'_, T>, scratch: &mut [T]) {
        T::of(&*self.0).jvp_input(at, x, y, scratch);
    }
    fn vjp_input(&self, at: &Point<'_, T>, y: Mat<'_, T>, x: MatMut<'_, T>, scratch: &mut [T]) {
        T::of(&*self.0).vjp_input(at, y, x, scratch);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Scalar> SecondOrder<T> for Behind {
    fn forward_dot(
        &self,
        params: &[T],
        params_dot: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        second(&*self.0).forward_dot(params, params_dot, x, y, [extra, extra_dot], scratch);
    }

    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        second(&*self.0).vjp_input_dot(at, y_bar, x_bar, scratch);
    }
}

/// What is wrong with a linear layer on planes.
#[derive(Clone, Copy, Debug)]
enum Slip {
    None,
    /// The tangent of the output is wrong in the ninth digit.
    Tangent,
    /// `W_dot' y_bar` is forgotten.
    Curvature,
    /// `y_bar x_dot'` is forgotten.
    ParamsCurvature,
    /// The cotangent's derivative is not where it belongs.
    Swapped,
    /// Parameters are set where they should be added.
    Overwrites,
}

#[derive(Debug)]
struct Slipping(Linear, Slip);

impl Spec for Slipping {
    fn dims(&self) -> Dims {
        self.0.dims()
    }
    fn keeps(&self) -> Keeps {
        self.0.keeps()
    }
}

impl<T: Real> Block<T> for Slipping {
    fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
        self.0.forward(params, x, y, extra);
    }
    fn jvp_input(&self, at: &Point<'_, T>, x: Mat<'_, T>, y: MatMut<'_, T>, scratch: &mut [T]) {
        self.0.jvp_input(at, x, y, scratch);
    }
    fn vjp_input(&self, at: &Point<'_, T>, y: Mat<'_, T>, x: MatMut<'_, T>, scratch: &mut [T]) {
        self.0.vjp_input(at, y, x, scratch);
    }
    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        scratch: &mut [T],
    ) {
        self.0.vjp_params(at, y_bar, acc, params_bar, scratch);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Slipping {
    fn forward_dot(
        &self,
        params: &[T],
        params_dot: Option<&[T]>,
        x: Planes<'_, T>,
        mut y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        self.0.forward_dot(
            params,
            params_dot,
            x,
            y.rb_mut(),
            [extra, extra_dot],
            scratch,
        );
        if matches!(self.1, Slip::Tangent) {
            let (_, mut dot) = y.split();
            for j in 0..dot.ncols() {
                let entries = dot.col_mut(j).iter_mut();
                entries.for_each(|entry| *entry *= T::from_f64(1.0 + 1e-9));
            }
        }
    }

    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let mut at = *at;
        match self.1 {
            Slip::Curvature => at.params_dot = None,
            Slip::Swapped => {
                let swapped = PlanesMut::values(x_bar.both());
                return self.0.vjp_input_dot(&at, y_bar, swapped, scratch);
            }
            _ => {}
        }
        self.0.vjp_input_dot(&at, y_bar, x_bar, scratch);
    }

    fn vjp_params_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        acc: Accum,
        params_bar_dot: &mut [T],
        scratch: &mut [T],
    ) {
        let (mut at, mut acc) = (*at, acc);
        match self.1 {
            Slip::ParamsCurvature => at.x = Planes::new(at.x.value, None),
            Slip::Overwrites => acc = Accum::Set,
            _ => {}
        }
        self.0
            .vjp_params_dot(&at, y_bar, acc, params_bar_dot, scratch);
    }
}

#[test]
fn every_planted_fault_is_found() {
    check(&Slipping(Linear::new(3, 2), Slip::None)).unwrap();
    for slip in [
        Slip::Tangent,
        Slip::Curvature,
        Slip::ParamsCurvature,
        Slip::Swapped,
        Slip::Overwrites,
    ] {
        let outcome = check(&Slipping(Linear::new(3, 2), slip));
        assert!(outcome.is_err(), "{slip:?} passes");
    }
    // A nonlinearity that leaves the provided map in place says that its Jacobian is constant.
    #[derive(Debug)]
    struct Lazy(Map<Sin>);
    impl Spec for Lazy {
        fn dims(&self) -> Dims {
            Spec::dims(&self.0)
        }
        fn keeps(&self) -> Keeps {
            Spec::keeps(&self.0)
        }
        fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
            Spec::scratch_len(&self.0, op, batch, seeds)
        }
    }
    impl<T: Real> SecondOrder<T> for Lazy {}
    impl<T: Real> Block<T> for Lazy {
        fn second(&self) -> Option<&dyn SecondOrder<T>> {
            Some(self)
        }
        fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
            self.0.forward(params, x, y, extra);
        }
        fn jvp_input(&self, at: &Point<'_, T>, x: Mat<'_, T>, y: MatMut<'_, T>, s: &mut [T]) {
            self.0.jvp_input(at, x, y, s);
        }
        fn vjp_input(&self, at: &Point<'_, T>, y: Mat<'_, T>, x: MatMut<'_, T>, s: &mut [T]) {
            self.0.vjp_input(at, y, x, s);
        }
    }
    let fault = check(&Lazy(Map::new(Sin, 4))).unwrap_err();
    assert!(fault.contains("x_bar"), "{fault}");
}
