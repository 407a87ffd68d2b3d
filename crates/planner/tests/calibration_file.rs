//! The cache: written whole, read back, and measured anew where it is broken or another's.

use pushpull_core::Mlp;
use pushpull_core::blocks::Activation;
use pushpull_planner::{Budget, CacheError, Calibration, Plan, Question};

#[test]
fn a_file_is_read_back_and_a_broken_one_is_measured_anew() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("made").join("calibration.txt");
    assert!(matches!(
        Calibration::load(&path),
        Err(CacheError::Read { .. })
    ));
    let mut measured = Calibration::load_or_measure(&path).unwrap();
    let graph = Mlp::new(&[3, 4, 2], Activation::Relu).build().unwrap();
    let plan = |calibration: &mut Calibration| {
        Plan::<f32>::with(
            &graph,
            4,
            Question::JacobianInputs,
            Budget::Unlimited,
            calibration,
        )
        .unwrap()
        .to_string()
    };
    let text = plan(&mut measured);
    measured.save(&path).unwrap();
    // Nothing is left beside it.
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 1);
    let mut read = Calibration::load(&path).unwrap();
    assert_eq!(read, measured);
    // A cached calibration gives the same plan to the last digit: nothing is measured again.
    assert_eq!(plan(&mut read), text);
    assert_eq!(read, measured);

    let good = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = good.split_at(good.find('\n').unwrap());
    let broken = [
        String::new(),
        format!("pushpull calibration 0{rest}"),
        format!(
            "{head}\nanother machine{}",
            &rest[1 + rest[1..].find('\n').unwrap()..]
        ),
        good.replacen("\t4:", "\t4:-", 1),
        format!("{good}f64 something\t12:nan\n"),
        format!("{good}f64 something\t0:1e-9\n"),
        format!("{good}f64 something\n"),
        good[..good.len() - 3].to_owned() + "x",
    ];
    for (i, text) in broken.iter().enumerate() {
        std::fs::write(&path, text).unwrap();
        assert!(
            matches!(Calibration::load(&path), Err(CacheError::Line { .. })),
            "broken file {i} was read"
        );
    }
    let again = Calibration::load_or_measure(&path).unwrap();
    assert_eq!(Calibration::load(&path).unwrap(), again);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("calibration.txt");
    let refused = Calibration::default().save(&below).unwrap_err();
    assert!(matches!(refused, CacheError::Write { .. }), "{refused}");
}
