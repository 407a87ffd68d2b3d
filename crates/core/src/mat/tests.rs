use nalgebra::DMatrix;

use super::{Mat, MatMut};

#[test]
fn sub_views_share_the_numbers() {
    let data: Vec<f64> = (0..12).map(f64::from).collect();
    let matrix = Mat::new(&data, 4, 3);
    let inner = matrix.rows(1..3).cols(1..3);
    assert_eq!(
        inner.to_dmatrix(),
        DMatrix::from_row_slice(2, 2, &[5.0, 9.0, 6.0, 10.0])
    );
    assert_eq!(inner.to_nalgebra().clone_owned(), inner.to_dmatrix());
    assert_eq!(inner.as_slice(), None);
    assert_eq!(matrix.cols(3..3).ncols(), 0);
    assert_eq!(matrix.as_slice(), Some(&data[..]));
}

#[test]
fn writing_through_a_view_leaves_the_gaps_alone() {
    let mut data = [0; 12];
    MatMut::new(&mut data, 4, 3).rows(1..3).fill(7);
    assert_eq!(data, [0, 7, 7, 0, 0, 7, 7, 0, 0, 7, 7, 0]);
}

#[test]
fn nalgebra_converts_both_ways() {
    let mut matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(Mat::from(&matrix).col(1), [2, 5]);
    MatMut::from(&mut matrix).col_mut(1)[0] = 9;
    assert_eq!(matrix[(0, 1)], 9);
}

/// What a panic says.
fn said<R>(program: impl FnOnce() -> R) -> String {
    crate::quiet::catch(program)
        .map(drop)
        .expect_err("it did not panic")
}

#[test]
fn a_shape_that_does_not_fit_is_refused_with_its_sizes_however_large_it_is() {
    fn refused<T: Copy + Default>(len: usize, nrows: usize, ncols: usize, stride: usize) {
        let mut data = vec![T::default(); len];
        let sizes = format!("{nrows} x {ncols} at stride {stride} does not fit into {len}");
        let read = said(|| Mat::with_stride(&data, nrows, ncols, stride));
        let written = said(|| MatMut::with_stride(&mut data, nrows, ncols, stride));
        for message in [read, written] {
            assert!(message.contains(&sizes), "{message:?} for {sizes:?}");
        }
    }
    const HALF: usize = 1 << (usize::BITS - 1);
    for (len, nrows, ncols, stride) in [
        (5, 2, 3, 2),
        // The last column would start at a multiple of 2^64, at 0.
        (64, 64, 65, HALF >> 5),
        (1, 1, 3, HALF),
        (0, 1, 2, usize::MAX),
        (8, 2, 2, usize::MAX),
        (3, 1, usize::MAX, 1),
        (3, 3, usize::MAX, usize::MAX),
        // The last entry itself.
        (7, HALF, 2, HALF),
    ] {
        refused::<f32>(len, nrows, ncols, stride);
        refused::<f64>(len, nrows, ncols, stride);
        refused::<()>(len, nrows, ncols, stride);
    }
    assert!(said(|| Mat::with_stride(&[0.0; 9], 3, 3, 2)).contains("overlap at stride 2"));
    assert!(Mat::from_slice(&[0.0; 4], HALF, 2).is_err());
    // A matrix whose own check of its size wraps where overflow does.
    said(|| Mat::from(&DMatrix::<f64>::from_vec(HALF, 2, Vec::new())).ncols());
}

#[test]
fn columns_and_ranges_outside_a_matrix_are_refused_also_where_their_numbers_would_wrap() {
    const HALF: usize = 1 << (usize::BITS - 1);
    let mut data = [0.0; 12];
    for j in [3, 4, HALF, usize::MAX] {
        let told = format!("column {j} of a matrix of 3");
        for stride in [2, 4] {
            let read = Mat::with_stride(&data, 2, 3, stride);
            assert!(said(|| read.col(j)).contains(&told));
            assert!(said(|| read.get(0, j)).contains(&told));
            let mut written = MatMut::with_stride(&mut data, 2, 3, stride);
            assert!(said(|| written.col_mut(j).len()).contains(&told));
        }
    }
    assert!(said(|| Mat::new(&data, 4, 3).get(4, 1)).contains("4"));
    #[allow(clippy::reversed_empty_ranges)] // What is to be refused.
    let outside = [0..4, 4..4, 2..1, HALF..HALF, HALF..HALF + 1, 1..usize::MAX];
    for range in outside {
        let told = format!("{range:?} of a matrix of 3");
        let square = || Mat::with_stride(&data, 3, 3, 4);
        assert!(said(|| square().cols(range.clone())).contains(&told));
        assert!(said(|| square().rows(range.clone())).contains(&told));
        let mut data = data;
        let mut square = MatMut::with_stride(&mut data, 3, 3, 4);
        assert!(said(|| square.rb_mut().cols(range.clone()).ncols()).contains(&told));
        assert!(said(|| square.rb_mut().rows(range.clone()).ncols()).contains(&told));
    }
    for at in [4, HALF, usize::MAX] {
        said(|| MatMut::new(&mut data, 4, 3).split_cols(at).0.ncols());
    }
    said(|| MatMut::new(&mut data, 2, 3).copy_from(Mat::new(&[0.0; 12], 2, 6)));
    said(|| MatMut::new(&mut data, 2, 3).copy_from(Mat::new(&[0.0; 9], 3, 3)));
}

#[test]
fn empty_ranges_and_matrices_without_rows_or_columns_are_no_special_case() {
    let mut data = [1.0, 2.0, 3.0, 4.0, 5.0];
    for at in 0..=2 {
        let matrix = Mat::with_stride(&data, 2, 2, 3);
        assert_eq!(matrix.cols(at..at).ncols(), 0);
        let none = matrix.rows(at..at);
        assert_eq!((none.nrows(), none.ncols(), none.data().len()), (0, 2, 0));
        assert!(none.col(1).is_empty());
        assert_eq!(none.to_nalgebra().shape(), (0, 2));
        assert_eq!(none.to_dmatrix().shape(), (0, 2));
        let (left, right) = MatMut::with_stride(&mut data, 2, 2, 3).split_cols(at);
        assert_eq!((left.ncols(), right.ncols()), (at, 2 - at));
    }
    let wide = Mat::<f64>::with_stride(&[], 0, usize::MAX, usize::MAX);
    assert!(wide.col(usize::MAX - 1).is_empty());
    assert!(wide.cols(7..usize::MAX).as_slice().unwrap().is_empty());
    assert_eq!(wide.to_dmatrix().ncols(), usize::MAX);
    MatMut::<f64>::new(&mut [], 0, usize::MAX).fill(1.0);
    // A stride says nothing about a single column.
    let column = Mat::with_stride(&data, 5, 1, usize::MAX);
    assert_eq!((column.col(0), column.to_nalgebra().len()), (&data[..], 5));
}

#[test]
fn elements_without_a_size_are_counted_like_others() {
    let mut data = [(); usize::MAX];
    let matrix = Mat::with_stride(&data, 1, 2, usize::MAX - 1);
    assert_eq!(matrix.cols(1..2).data().len(), 1);
    assert_eq!(Mat::new(&data, 1, usize::MAX).col(usize::MAX - 1), [()]);
    said(|| Mat::with_stride(&data, 2, 2, usize::MAX - 1));
    let (left, right) = MatMut::with_stride(&mut data, 1, 2, usize::MAX - 1).split_cols(2);
    assert_eq!((left.ncols(), right.ncols()), (2, 0));
}
