use super::*;

#[test]
fn the_repositorys_files_are_what_their_readme_says() {
    let digits = Dataset::digits(&directory()).unwrap();
    assert_eq!(
        (digits.inputs.shape(), digits.targets.shape()),
        ((64, 1797), (10, 1797))
    );
    assert!(
        digits
            .targets
            .column_iter()
            .all(|c| c.sum() == 1.0 && c.max() == 1.0)
    );
    assert_eq!(
        (
            digits.inputs[(2, 0)],
            digits.targets[(0, 0)],
            digits.targets[(1, 1)]
        ),
        (5.0, 1.0, 1.0)
    );
    let cancer = Dataset::breast_cancer(&directory()).unwrap();
    assert_eq!(
        (cancer.inputs.shape(), cancer.targets.sum()),
        ((30, 569), 357.0)
    );
    assert_eq!(cancer.classes, ["malignant", "benign"]);
    let diabetes = Dataset::diabetes(&directory()).unwrap();
    assert_eq!(
        (diabetes.inputs.shape(), diabetes.targets[(0, 0)]),
        ((10, 442), 151.0)
    );
    assert_eq!(diabetes.inputs[(2, 1)], 21.6);
}

#[test]
fn standardised_features_have_mean_0_variance_1_and_constants_vanish() {
    let big = f64::MAX;
    let rows = [
        [1.0, 2.0, 3.0, 6.0],
        [0.1, 0.1, 0.1, 0.1],
        [big, -big, big, -big],
        [0.0, 5e-324, 0.0, 5e-324],
    ];
    let inputs = DMatrix::from_fn(4, 4, |i, j| rows[i][j]);
    let set = Dataset::new("own", inputs, DMatrix::zeros(1, 4))
        .unwrap()
        .standardised();
    for (i, row) in set.inputs.row_iter().enumerate() {
        let variance = row.iter().map(|v| v * v).sum::<f64>() / 4.0;
        let expected = if i == 1 { 0.0 } else { 1.0 };
        assert!(
            row.sum().abs() < 1e-12 && (variance - expected).abs() < 1e-12,
            "row {i}: {row}"
        );
    }
    let digits = Dataset::digits(&directory()).unwrap().standardised();
    assert!(
        digits.inputs.iter().all(|v| v.is_finite())
            && digits.inputs.row(0).iter().all(|v| *v == 0.0)
    );
}

#[test]
fn batches_cycle_and_impossible_ones_are_refused() {
    let set = Dataset::new(
        "own",
        DMatrix::from_row_slice(1, 3, &[0.0, 1.0, 2.0]),
        DMatrix::from_element(2, 3, 1.0),
    )
    .unwrap();
    assert_eq!(
        set.batch(2, 5).unwrap().inputs.as_slice(),
        [2.0, 0.0, 1.0, 2.0, 0.0]
    );
    assert_eq!(
        set.batch(usize::MAX, 1).unwrap().inputs[0],
        (usize::MAX % 3) as f64
    );
    assert!(set.batch(0, 0).is_err() && set.batch(0, usize::MAX).is_err());
    let mut broken = set.clone();
    broken.targets = DMatrix::zeros(2, 4);
    assert!(broken.batch(0, 1).is_err());
    broken.inputs = DMatrix::zeros(1, 0);
    assert!(broken.batch(0, 1).is_err());
    assert!(
        Dataset::new(
            "own",
            DMatrix::from_element(1, 1, f64::NAN),
            DMatrix::zeros(1, 1)
        )
        .is_err()
    );
}
