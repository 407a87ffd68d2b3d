use super::*;
use crate::Target;

fn with(text: &[u8], loss: Loss, asked: &Reading) -> Result<Samples, String> {
    let outputs = if loss == Loss::SigmoidCrossEntropy {
        1
    } else {
        3
    };
    let sample = Sample::new(2, outputs, loss).unwrap();
    parse(Path::new("t.csv"), text, &sample, asked).map_err(|fault| fault.to_string())
}

fn read(text: &str, loss: Loss) -> Result<DMatrix<f64>, String> {
    with(text.as_bytes(), loss, &Reading::default()).map(|samples| samples.x)
}

#[test]
fn classes_become_rows_of_one_and_a_header_is_passed_over() {
    let expected = nalgebra::dmatrix![1.0, 3.0; 2.0, 4.0; 1.0, 0.0; 0.0, 0.0; 0.0, 1.0];
    for text in [
        "a,b,class\n1,2,0\n\n3,4,2\n",
        "\u{feff}1,2,0\r\n3,4,2\r\n",
        "\n\na;b;c\n1,0;2;0\n3;4,0;2\n",
        "1\t2\t0\n3\t4\t2",
        "1  2 0\n 3 4  2\n",
        "\"a, b\",\"c\"\"d\",class\n\"1\",2,0\n3,4,\"2\"\n",
        "class,a,b\n0,1,2\n2,3,4\n",
        "y,a,b\n0,1,2\n2,3,4\n",
        "# made by a program\n# a, b and a class\n1,2,0\n3,4,2\n",
        "# a b class\n1 2 0\n3 4 2\n",
        "#y,a,b\n0,1,2\n2,3,4\n",
    ] {
        assert_eq!(
            read(text, Loss::SoftmaxCrossEntropy).unwrap(),
            expected,
            "{text}"
        );
    }
    let x = read("1,2,7,8,9\r\n", Loss::SquaredError).unwrap();
    assert_eq!(x, nalgebra::dmatrix![1.0; 2.0; 7.0; 8.0; 9.0]);
    let first = Reading {
        batch: Some(1),
        ..Reading::default()
    };
    let x = with(b"1 2\n3 4\n", Loss::Sum, &first).unwrap().x;
    assert_eq!(x, nalgebra::dmatrix![1.0; 2.0]);
}

#[test]
fn what_was_found_is_said() {
    let said = |text: &[u8]| {
        with(text, Loss::SoftmaxCrossEntropy, &Reading::default())
            .unwrap()
            .said
            .join("")
    };
    assert_eq!(
        said(b"class;a;b\n0;1;2\n"),
        "t.csv: 1 sample, separated by semicolons; header in line 1; the target is \"class\" (column 1), as the header says"
    );
    assert!(said(b"# some words\n1,2,0\n").contains("lines of comments passed over: 1"));
    assert!(said(b"gr\xf6\xdfe,b,c\n1,2,0\n").contains("Latin-1"));
    assert!(said(b"1,2,red\n1,2,blue\n").contains("the classes are 0 \"red\", 1 \"blue\""));
}

#[test]
fn a_target_is_where_the_user_says() {
    let at = |target: Target, text: &[u8]| {
        let asked = Reading {
            targets: vec![target],
            ..Reading::default()
        };
        with(text, Loss::SoftmaxCrossEntropy, &asked).map(|samples| samples.x.as_slice().to_vec())
    };
    let expected = Ok(vec![1.0, 2.0, 0.0, 0.0, 1.0]);
    assert_eq!(
        at(Target::Index(2), b"1,2,2\n"),
        Ok(vec![1.0, 2.0, 0.0, 0.0, 1.0])
    );
    assert_eq!(
        at(Target::Name("kind".into()), b"kind,a,b\n2,1,2\n"),
        expected
    );
    assert_eq!(at(Target::Index(1), b"2,1,2\n"), expected);
    for (target, words) in [
        (Target::Index(0), "1 to 3"),
        (Target::Index(4), "1 to 3"),
        (Target::Name("c".into()), "\"kind\""),
    ] {
        assert!(
            at(target, b"kind,a,b\n2,1,2\n")
                .unwrap_err()
                .contains(words)
        );
    }
    assert!(
        at(Target::Name("c".into()), b"2,1,2\n")
            .unwrap_err()
            .contains("header")
    );
}

#[test]
fn a_comment_names_the_columns_only_where_names_are_wanted() {
    let read = |text: &str, header, target: Option<Target>| {
        let asked = Reading {
            header,
            targets: target.into_iter().collect(),
            ..Reading::default()
        };
        let read = with(text.as_bytes(), Loss::SoftmaxCrossEntropy, &asked);
        read.map(|read| (read.x.as_slice().to_vec(), read.said.join("")))
    };
    let (last, first) = ([1.0, 2.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, 1.0, 0.0]);
    let named = |name: &str| Some(Target::Name(name.into()));
    let taken = "taken from the comment in line 1";
    for (text, header, target, x, words) in [
        // As many commas as the table has: a comment.
        (
            "# a, b, c\n1,2,0\n",
            Header::Auto,
            None,
            last,
            "passed over: 1",
        ),
        (
            "# 7, 8, 2\n1,2,0\n",
            Header::Auto,
            None,
            last,
            "passed over: 1",
        ),
        (
            "# y, label, c\n1,2,0\n",
            Header::Auto,
            None,
            last,
            "passed over: 1",
        ),
        (
            "# a, b, c\n1,2,0\n",
            Header::Auto,
            Some(Target::Index(1)),
            first,
            "passed over: 1",
        ),
        (
            "# label,b,c\n1,2,0\n",
            Header::No,
            None,
            last,
            "passed over: 1",
        ),
        (
            "# label,b,c\nx,y1,z\n1,2,0\n",
            Header::Auto,
            None,
            last,
            "header in line 2",
        ),
        // Names are wanted: by their option, by the name of a target, or by one that is called as targets are.
        ("# a, b, c\n1,2,0\n", Header::Yes, None, last, taken),
        ("# a, b, c\n1,2,0\n", Header::Auto, named("a"), first, taken),
        ("# a, b, c\n1,2,0\n", Header::Yes, named("a"), first, taken),
        ("# label,b,c\n1,2,0\n", Header::Auto, None, first, taken),
        ("#Label b c\n1 2 0\n", Header::Auto, None, first, taken),
        (
            "\u{feff}#b\tc\ty\n1\t2\t0\n",
            Header::Auto,
            None,
            last,
            taken,
        ),
        (
            "# title, of it\n# y,b,c\n1,2,0\n",
            Header::Auto,
            None,
            first,
            "comment in line 2",
        ),
        (
            "# title\nlabel,b,c\n1,2,0\n",
            Header::Auto,
            None,
            first,
            "header in line 2",
        ),
    ] {
        let (got, said) = read(text, header, target.clone()).unwrap();
        assert_eq!(got, x, "{text:?} {header:?} {target:?}: {said}");
        assert!(
            said.contains(words),
            "{text:?} {header:?} {target:?}: {said}"
        );
    }
    let other = read("# a, b\n1,2,0\n", Header::Auto, named("a")).unwrap_err();
    assert!(other.contains("expected a table with a header"), "{other}");
    let after = read("1,2,0\n# the end\n", Header::Auto, None).unwrap_err();
    assert!(
        after.contains("line 2: expected 3 fields") && after.contains("before the table"),
        "{after}"
    );
}

#[test]
fn a_header_has_a_name_and_no_number() {
    let missing = |missing| Reading {
        missing,
        ..Reading::default()
    };
    let (drop, mean) = (missing(Missing::Drop), missing(Missing::Mean));
    let read = |first: &str, asked: &Reading| {
        let separator = if first.contains('\t') { "\t" } else { "," };
        let text = format!("{first}\n{}", "1,2,0\n".replace(',', separator));
        with(text.as_bytes(), Loss::SoftmaxCrossEntropy, asked)
    };
    // A line of missing values is a sample that they are missing in.
    for first in [
        "NA,NA,NA",
        "nan,nan,nan",
        "?,?,?",
        ",,",
        " , ,",
        "None,NA,",
        "null,#N/A,<NA>",
    ] {
        let refused = read(first, &Reading::default()).unwrap_err();
        assert!(
            refused.contains("line 1, column 1: expected a number"),
            "{first}: {refused}"
        );
        let dropped = read(first, &drop).unwrap();
        assert!(
            dropped.said[0].contains("left out for missing values: 1"),
            "{first}"
        );
        assert_eq!(dropped.x.ncols(), 1, "{first}");
        let refused = read(first, &mean).unwrap_err();
        assert!(
            refused.contains("line 1, column 3: expected a target"),
            "{first}: {refused}"
        );
    }
    let filled = with(b"NA,?\n1,2\n3,4\n", Loss::Sum, &mean).unwrap();
    assert_eq!(filled.x, nalgebra::dmatrix![2.0, 1.0, 3.0; 3.0, 2.0, 4.0]);
    // Numbers in a way of writing that is not read are refused, not passed over.
    for (first, words) in [
        (
            "\"1,5\",\"2,5\",\"3,5\"",
            "got \"1,5\"; write numbers with a point",
        ),
        ("1,5\t2,5\t3,5", "got \"1,5\"; write numbers with a point"),
        ("1,5\t2,5\tred", "got \"1,5\"; write numbers with a point"),
        ("0x1,0x2,0x3", "got \"0x1\"; correct the field"),
        ("1%,2%,3%", "got \"1%\"; correct the field"),
        ("1%,2%,red", "got \"1%\"; correct the field"),
        ("$1,$2,$3", "got \"$1\"; correct the field"),
        ("-€ 1,-€ 2,red", "got \"-€ 1\"; correct the field"),
        ("1d0,2d0,3d0", "got \"1d0\"; correct the field"),
        (
            "\u{2212}1,\u{2212}2,\u{2212}3",
            "got \"\u{2212}1\"; correct the field",
        ),
        (".,.,.", "got \".\"; correct the field"),
    ] {
        let refused = read(first, &Reading::default()).unwrap_err();
        assert!(
            refused.contains("line 1") && refused.contains(words),
            "{first}: {refused}"
        );
    }
    let years = with(b"2019,label\n1,2\n", Loss::Sum, &Reading::default()).unwrap_err();
    assert!(
        years.contains("line 1, column 2") && years.contains("--header yes"),
        "{years}"
    );
    // Names may begin with digits where another does not, and hold no letters of ASCII.
    for first in [
        "1stFlr,2ndFlr,label",
        "0x0,0x1,y",
        "2020-01,2020-02,class",
        "NA,b,",
        "größe,高さ,_1",
    ] {
        let named = read(first, &Reading::default()).unwrap();
        assert!(named.said[0].contains("header in line 1"), "{first}");
    }
    let yes = Reading {
        header: Header::Yes,
        ..Reading::default()
    };
    assert!(read("1%,2%,3%", &yes).is_ok());
}

#[test]
fn a_table_has_one_decimal_sign() {
    let read = |text: &str| read(text, Loss::SoftmaxCrossEntropy);
    let refused = read("a;b;y\n1.234;2,5;1\n").unwrap_err();
    assert!(
        refused.contains(
            "line 2, column 2: expected a decimal point, as in line 2, column 1, got \"2,5\""
        ),
        "{refused}"
    );
    let refused = read("1;2,5;1\n1e3;3;0\n4;1.000;2\n").unwrap_err();
    assert!(
        refused.contains("line 3, column 2: expected a decimal comma, as in line 1, column 2"),
        "{refused}"
    );
    assert!(read("1.5;2;1\n1e3;-3.5;0\n").is_ok());
}

#[test]
fn lines_end_in_any_way() {
    let rows = "1.25,2.5,0\n".repeat(4000);
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("# words\n\na,b,y\n{rows}").replace('\n', end);
        let x = read(&text, Loss::SoftmaxCrossEntropy).unwrap();
        assert_eq!(x.ncols(), 4000, "{end:?}");
        let fault = read(&format!("{text}1,x,0{end}"), Loss::SoftmaxCrossEntropy).unwrap_err();
        assert!(fault.contains("line 4004, column 2"), "{end:?}: {fault}");
    }
}

#[test]
fn a_first_line_may_name_the_separator() {
    let expected = read("1,2,0\n", Loss::SoftmaxCrossEntropy).unwrap();
    for text in [
        "sep=;\n1;2;0\n",
        "\u{feff}SEP=,\r\na,b,y\r\n1,2,0\r\n",
        "\"sep=\t\"\n1\t2\t0\n",
        // Where one field holds others.
        "sep=;\n\"a,b\";c;y\n1;2;0\n",
    ] {
        assert_eq!(
            read(text, Loss::SoftmaxCrossEntropy).unwrap(),
            expected,
            "{text:?}"
        );
    }
    let fault = read("sep=;\n1;x;0\n", Loss::SoftmaxCrossEntropy).unwrap_err();
    assert!(fault.contains("line 2, column 2"), "{fault}");
}

#[test]
fn a_column_is_named_without_doubt() {
    let at = |target: Target, text: &str| {
        let asked = Reading {
            targets: vec![target],
            header: Header::Yes,
            ..Reading::default()
        };
        let read = with(text.as_bytes(), Loss::SoftmaxCrossEntropy, &asked);
        read.map(|samples| samples.x.as_slice().to_vec())
    };
    let expected = Ok(vec![1.0, 2.0, 1.0, 0.0, 0.0]);
    let text = "a,2020,b\n1,0,2\n";
    assert_eq!(at(Target::Index(2020), text), expected);
    assert_eq!(at(Target::Index(2), text), expected);
    let twice = at(Target::Name("a".into()), "a,a,b\n1,0,2\n").unwrap_err();
    assert!(twice.contains("\"a\", which 2 have"), "{twice}");
    let negative = at(Target::Name("-1".into()), text).unwrap_err();
    assert!(negative.contains("a column, 1 to 3, got -1"), "{negative}");
}

#[test]
fn a_remedy_fits_what_came() {
    let packed: &[u8] = b"\x1f\x8b\x08\0\0\0";
    for (name, text, words) in [
        ("t.csv", packed, "ends in .gz"),
        ("-", packed, "gunzip"),
        ("t.csv.gz", b"1,2,0\n", "take .gz off"),
        ("t.csv", b"PK\x03\x04\x14\0", "save it as CSV"),
        ("-", b"1,x,0\n", "standard input: line 1, column 2"),
        ("t.csv", b"1|2|0\n", "commas, semicolons, tabs or blanks"),
        (
            "t.csv",
            b"a,b,y\n1;2;0\n",
            "commas, semicolons, tabs or blanks",
        ),
        ("t.csv", b"1,2,0\n\"3,4,2\n1,1,1\n", "a quote"),
        ("t.csv", b"a,b,y\n", "the right file"),
        ("t.csv", b"kind,a,b\nred,1,2\n", "name it with --target"),
        ("t.csv", b"a,b,y\n1,2,0\nred,2,0\n", "correct the field"),
    ] {
        let sample = Sample::new(2, 3, Loss::SoftmaxCrossEntropy).unwrap();
        let fault = parse(Path::new(name), text, &sample, &Reading::default()).unwrap_err();
        assert!(fault.to_string().contains(words), "{words}: {fault}");
    }
}

#[test]
fn missing_values_are_spelled_in_many_ways() {
    let asked = Reading {
        missing: Missing::Drop,
        ..Reading::default()
    };
    for word in [
        "", " ", "NA", "n/a", "NaN", "-nan", "null", "?", "#N/A", "<NA>", "None",
    ] {
        let text = format!("1,2,0\n{word},2,0\n");
        let read = with(text.as_bytes(), Loss::SoftmaxCrossEntropy, &asked).unwrap();
        assert_eq!(read.x.ncols(), 1, "{word:?}");
    }
    // A class may be called so.
    let read = with(b"1,2,none\n3,4,some\n", Loss::SoftmaxCrossEntropy, &asked).unwrap();
    assert_eq!(read.classes, ["none", "some"]);
}

#[test]
fn missing_values_are_refused_left_out_or_filled() {
    let text = b"1,2,0\n,4,1\n5,NA,2\n";
    let asked = |missing| {
        with(
            text,
            Loss::SoftmaxCrossEntropy,
            &Reading {
                missing,
                ..Reading::default()
            },
        )
    };
    let refused = asked(Missing::Refuse).unwrap_err();
    assert!(
        refused.contains("line 2, column 1: expected a number, got an empty field"),
        "{refused}"
    );
    let dropped = asked(Missing::Drop).unwrap();
    assert_eq!(dropped.x.ncols(), 1);
    let filled = asked(Missing::Mean).unwrap().x;
    assert_eq!((filled[(0, 1)], filled[(1, 2)]), (3.0, 3.0));
    let target = with(
        b"1,2,\n",
        Loss::SoftmaxCrossEntropy,
        &Reading {
            missing: Missing::Mean,
            ..Reading::default()
        },
    );
    assert!(target.unwrap_err().contains("--missing drop"));
    // A target has no mean, and a class may be a word.
    let class = read("1,2,red\n3,4,\n", Loss::SoftmaxCrossEntropy).unwrap_err();
    assert!(
        class.contains("line 2, column 3: expected a class, got an empty field; restore it, or use --missing drop"),
        "{class}"
    );
    let number = read("1,2,3,4,\n", Loss::SquaredError).unwrap_err();
    assert!(
        number.contains("expected a number") && !number.contains("mean"),
        "{number}"
    );
}

#[test]
fn known_names_beyond_the_classes_are_refused() {
    let asked = Reading {
        classes: Some(["a", "b", "c", "d"].map(String::from).to_vec()),
        ..Reading::default()
    };
    let read = |text: &[u8]| with(text, Loss::SoftmaxCrossEntropy, &asked).map(|read| read.x);
    assert_eq!(read(b"1,2,c\n").unwrap()[(4, 0)], 1.0);
    assert!(
        read(b"1,2,d\n")
            .unwrap_err()
            .contains("classes of the weights")
    );
}

#[test]
fn two_words_are_the_classes_of_one_yes_or_no() {
    let read = |text: &[u8]| with(text, Loss::SigmoidCrossEntropy, &Reading::default());
    let samples = read(b"1,2,no\n3,4,yes\n").unwrap();
    assert_eq!(
        (
            samples.x.row(2).iter().copied().collect::<Vec<_>>(),
            samples.classes.len()
        ),
        (vec![0.0, 1.0], 2)
    );
    assert!(read(b"1,2,0.25\n").is_ok());
    for (text, words) in [
        (&b"1,2,-1\n"[..], "0 to 1"),
        (b"1,2,7\n", "0 to 1"),
        (b"1,2,a\n1,2,b\n1,2,c\n", "one of 2 classes"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn every_fault_names_its_line() {
    use Loss::{SoftmaxCrossEntropy, Sum};
    let long = "1".repeat(10_000);
    for (text, loss, words) in [
        ("", Sum, "none"),
        ("1,2,3\n", Sum, "line 1"),
        ("1.O,2\n1,2\n", Sum, "line 1, column 1"),
        ("nan,2\n1,2\n", Sum, "line 1, column 1"),
        ("1,2\n1,x\n", Sum, "line 2, column 2"),
        ("1,2\n1,NaN\n", Sum, "line 2, column 2"),
        ("1,2\n1,inf\n", Sum, "line 2, column 2"),
        ("1,2\n1,,2\n", Sum, "line 2"),
        ("1,2\n1;2\n", Sum, "line 2"),
        (",a,b\n0,1,2\n", Sum, "index=False"),
        ("1,2,3\n", SoftmaxCrossEntropy, "0 to 2"),
        ("1,2,0.5\n", SoftmaxCrossEntropy, "line 1"),
        ("1,2,0\n1,2,red\n", SoftmaxCrossEntropy, "line 2, column 3"),
        (
            "1,2,a\n1,2,b\n1,2,c\n1,2,d\n",
            SoftmaxCrossEntropy,
            "line 4, column 3",
        ),
        ("label,class,b\n1,2,0\n", SoftmaxCrossEntropy, "--target"),
        (&long, Sum, "at most 1152 bytes, as for 2 fields"),
        (&format!("a,b{long}\n1,2\n"), Sum, "shorten its fields"),
        (&format!("1,2\n{long}"), Sum, "longer line"),
        ("\u{0}1,2\n", Sum, "no text"),
    ] {
        let said = read(text, loss).unwrap_err();
        assert!(
            said.contains(words) && said.contains("expected"),
            "{text:.20}: {said}"
        );
    }
    let few = Reading {
        batch: Some(2),
        ..Reading::default()
    };
    assert!(with(b"1,2\n", Sum, &few).unwrap_err().contains("--batch"));
    assert!(
        with(b"\xff\xfe1\x00", Sum, &few)
            .unwrap_err()
            .contains("UTF-16")
    );
}
