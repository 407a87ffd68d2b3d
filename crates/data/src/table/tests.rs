use super::*;
use crate::Dataset;
use std::io::Write;

const PAIR: Shape = Shape {
    columns: 2,
    delimiter: b',',
    first: 0,
};

fn fault(text: &str) -> DataError {
    Table::parse(Path::new("t.csv"), text.as_bytes(), PAIR).unwrap_err()
}

#[test]
fn every_fault_of_a_row_has_its_line_and_column() {
    let words = fault("1,2\n\n3,x\n").to_string();
    assert_eq!(
        words,
        "t.csv, line 3, column 2: expected a finite number, got \"x\"; restore the field or remove the line"
    );
    for bad in [
        "NaN", "inf", "-inf", "1e999", "", "1.2.3", "\"1\"", "1 2", "\u{fffd}",
    ] {
        let error = fault(&format!("1,2\n{bad},4\n"));
        assert!(
            matches!(
                error,
                DataError::Field {
                    line: 2,
                    column: 1,
                    ..
                }
            ),
            "{bad}: {error}"
        );
    }
    assert!(matches!(
        fault("1,2\n1,2,3\n"),
        DataError::Columns {
            line: 2,
            expected: 2,
            got: 3,
            ..
        }
    ));
    assert!(matches!(
        fault("1\n"),
        DataError::Columns {
            line: 1,
            got: 1,
            ..
        }
    ));
    assert!(matches!(fault("\n\n"), DataError::Empty { .. }));
    assert!(matches!(fault("\0\n"), DataError::Columns { .. }));
    assert!(
        fault(&format!("{},1", "z".repeat(1 << 20)))
            .to_string()
            .len()
            < 200
    );
}

#[test]
fn windows_line_ends_and_no_last_line_end_are_fine() {
    let table = Table::parse(Path::new("t.csv"), b"\xef\xbb\xbf1,2\r\n3, 4", PAIR).unwrap();
    assert_eq!(
        table.matrix(0..2),
        DMatrix::from_row_slice(2, 2, &[1.0, 3.0, 2.0, 4.0])
    );
    assert_eq!(table.class(0, 1, 3), Ok(2));
    assert!(matches!(
        table.class(1, 1, 3),
        Err(DataError::Field {
            line: 2,
            column: 2,
            ..
        })
    ));
    let half = Table::parse(Path::new("t.csv"), b"-1,0.5", PAIR).unwrap();
    assert!(half.class(0, 0, 3).is_err() && half.class(0, 1, 3).is_err());
}

#[test]
fn broken_files_are_named_and_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        file
    };
    let pack = |content: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(content).unwrap();
        packer.finish().unwrap()
    };
    assert_eq!(bytes(&at("a.csv.gz", &pack(b"1,2")), 3).unwrap(), b"1,2");
    assert!(matches!(
        bytes(&at("b.csv.gz", &pack(b"1,2\n")), 3),
        Err(DataError::TooLong { limit: 3, .. })
    ));
    assert!(matches!(
        bytes(&at("c.csv", b"1,2\n"), 3),
        Err(DataError::TooLong { .. })
    ));
    let whole = pack(&[b'1'; 1000]);
    assert!(matches!(
        bytes(&at("d.gz", &whole[..whole.len() - 4]), 9999),
        Err(DataError::Gzip { .. })
    ));
    assert!(matches!(
        bytes(&at("e.gz", b"not packed"), 9999),
        Err(DataError::Gzip { .. })
    ));
    assert!(matches!(
        bytes(&directory.path().join("no"), 9),
        Err(DataError::Missing { .. })
    ));
    assert!(matches!(
        bytes(directory.path(), 9),
        Err(DataError::Unreadable { .. })
    ));
    let bomb = pack(&vec![b'\n'; MAX_BYTES as usize + 1]);
    assert!(matches!(
        Dataset::digits(at("digits.csv.gz", &bomb).parent().unwrap()),
        Err(DataError::TooLong { .. })
    ));
}

#[test]
fn sets_that_do_not_belong_together_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let cancer = |text: &str| {
        std::fs::write(directory.path().join("breast_cancer.csv"), text).unwrap();
        Dataset::breast_cancer(directory.path()).unwrap_err()
    };
    let row = ["1"; 31].join(",");
    assert!(matches!(
        cancer(&format!("2,30,m,b\n{row}\n")),
        DataError::Samples {
            expected: 2,
            got: 1,
            ..
        }
    ));
    assert!(matches!(
        cancer(&format!("1,29,m,b\n{row}\n")),
        DataError::Field {
            line: 1,
            column: 2,
            ..
        }
    ));
    assert!(matches!(
        cancer(&format!("x,30,m,b\n{row}\n")),
        DataError::Field {
            line: 1,
            column: 1,
            ..
        }
    ));
    assert!(matches!(
        cancer(&format!("1,30\n{row}\n")),
        DataError::Columns {
            line: 1,
            expected: 4,
            ..
        }
    ));
    assert!(matches!(cancer("1,30,m,b\n"), DataError::Empty { .. }));
    assert!(matches!(
        cancer(&format!("1,30,m,b\n{}2\n", &row[..60])),
        DataError::Field {
            line: 2,
            column: 31,
            ..
        }
    ));
    assert!(matches!(
        Dataset::diabetes(directory.path()),
        Err(DataError::Missing { .. })
    ));
}
