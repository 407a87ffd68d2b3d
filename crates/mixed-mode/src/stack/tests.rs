use super::{Shape, Stack, StackMut};
use crate::search::Form;

/// Entry (r, c) of sample s.
fn entry(shape: Shape, data: &[f64], r: usize, c: usize, s: usize) -> f64 {
    let s = s % shape.samples;
    match shape.form {
        Form::Columns | Form::Params => data[(c * shape.samples + s) * shape.rows + r],
        Form::Rows => data[(r * shape.samples + s) * shape.cols + c],
        Form::Diagonal if r == c => data[s * shape.rows + r],
        Form::Diagonal => 0.0,
    }
}

fn numbers(shape: Shape, from: f64) -> Vec<f64> {
    (0..shape.len())
        .map(|i| (from + 1.3 * i as f64).sin())
        .collect()
}

/// Every form, for all samples and for one.
fn shapes(rows: usize, cols: usize) -> Vec<Shape> {
    let forms = [Form::Params, Form::Diagonal, Form::Columns, Form::Rows];
    let forms = forms
        .into_iter()
        .filter(|&form| form != Form::Diagonal || rows == cols);
    forms
        .flat_map(|form| {
            [1, 3].map(|samples| Shape {
                rows,
                cols,
                samples,
                form,
            })
        })
        .filter(|shape| shape.form != Form::Params || shape.samples == 1)
        .collect()
}

fn targets(rows: usize, cols: usize) -> [Shape; 2] {
    [Form::Columns, Form::Rows].map(|form| Shape {
        rows,
        cols,
        samples: 3,
        form,
    })
}

#[test]
fn every_form_can_be_laid_out_as_tangents_and_as_cotangents() {
    for (rows, cols) in [(4, 2), (3, 3)] {
        for from in shapes(rows, cols) {
            for shape in targets(rows, cols) {
                let data = numbers(from, 0.3);
                let mut target = vec![f64::NAN; shape.len()];
                let source = Stack {
                    shape: from,
                    data: &data,
                };
                StackMut {
                    shape,
                    data: &mut target,
                }
                .lay(source);
                for s in 0..3 {
                    for (r, c) in (0..rows).flat_map(|r| (0..cols).map(move |c| (r, c))) {
                        let (got, want) =
                            (entry(shape, &target, r, c, s), entry(from, &data, r, c, s));
                        assert_eq!(got, want, "{from:?} as {shape:?} at ({r}, {c}), {s}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_product_is_the_product_of_every_sample_in_every_form() {
    let (m, k, n) = (4, 3, 5);
    let dense = |shape: &Shape| shape.form != Form::Diagonal;
    for upper in shapes(m, k).into_iter().filter(dense) {
        for lower in shapes(k, n).into_iter().filter(dense) {
            for shape in targets(m, n) {
                let (u, l) = (numbers(upper, 0.2), numbers(lower, 0.7));
                let mut target = vec![f64::NAN; shape.len()];
                let mut stack = StackMut {
                    shape,
                    data: &mut target,
                };
                let (up, low) = (
                    Stack {
                        shape: upper,
                        data: &u,
                    },
                    Stack {
                        shape: lower,
                        data: &l,
                    },
                );
                stack.multiply(up, low);
                for s in 0..3 {
                    for (r, c) in (0..m).flat_map(|r| (0..n).map(move |c| (r, c))) {
                        let want: f64 = (0..k)
                            .map(|i| entry(upper, &u, r, i, s) * entry(lower, &l, i, c, s))
                            .sum();
                        let got = entry(shape, &target, r, c, s);
                        assert!((got - want).abs() < 1e-14, "{upper:?} {lower:?} {shape:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_diagonal_scales_rows_or_columns() {
    let diagonals = |n| {
        shapes(n, n)
            .into_iter()
            .filter(|shape| shape.form == Form::Diagonal)
    };
    for shape in targets(4, 2) {
        for (diagonal, by_rows) in diagonals(4)
            .map(|d| (d, true))
            .chain(diagonals(2).map(|d| (d, false)))
        {
            let (d, before) = (numbers(diagonal, 0.4), numbers(shape, 0.1));
            let mut after = before.clone();
            let mut stack = StackMut {
                shape,
                data: &mut after,
            };
            let slopes = Stack {
                shape: diagonal,
                data: &d,
            };
            if by_rows {
                stack.scale_rows(slopes);
            } else {
                stack.scale_columns(slopes);
            }
            for s in 0..3 {
                for (r, c) in (0..4).flat_map(|r| (0..2).map(move |c| (r, c))) {
                    let i = if by_rows { r } else { c };
                    let slope = entry(diagonal, &d, i, i, s);
                    let want = slope * entry(shape, &before, r, c, s);
                    assert_eq!(entry(shape, &after, r, c, s), want);
                }
            }
        }
    }
}
