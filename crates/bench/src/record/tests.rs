use super::*;

fn record() -> Record {
    Record {
        sweep: Sweep::Width,
        layers: Layers(vec![64, 128, 10]),
        activation: "tanh".into(),
        dtype: Dtype::F64,
        batch: 32,
        params: 9610,
        outputs: 1,
        mode: Mode::JacobianReverse,
        chunk: None,
        threads: 1,
        time_s: 0.1 + 0.2,
        primal_time_s: 1.25e-7,
        peak_bytes: u64::MAX,
        flops: 12,
        inputs: 64,
        calls: 3,
        time_low_s: 0.3,
        time_high_s: 0.4,
        flops_source: FlopsSource::Counted,
    }
}

#[test]
fn the_file_has_the_promised_columns_and_reads_back_bit_by_bit() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cost.csv");
    let records = vec![
        record(),
        Record {
            mode: Mode::Forward,
            chunk: Some(256),
            ..record()
        },
    ];
    write(&file, &records).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with(
        "sweep,layers,activation,dtype,batch,params,outputs,mode,chunk,threads,time_s,primal_time_s,peak_bytes,flops,inputs"
    ));
    assert!(lines[1].starts_with("width,64-128-10,tanh,f64,32,9610,1,jacobian-reverse,,1,0.30000000000000004,1.25e-7,18446744073709551615,12,64"));
    assert!(lines[2].contains(",forward,256,1,"));
    assert_eq!(read(&file).unwrap(), records);
    write(&file, &[]).unwrap();
    assert!(read(&file).unwrap().is_empty());
}

#[test]
fn faults_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cost.csv");
    write(&file, &[record()]).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let fault = |from: &str, to: &str| {
        let broken = directory.path().join("broken.csv");
        assert!(text.contains(from), "{from}");
        std::fs::write(&broken, text.replacen(from, to, 1)).unwrap();
        read(&broken).unwrap_err()
    };
    assert!(matches!(
        fault("layers,activation", "activation,layers"),
        RecordError::Header {
            column: 2,
            expected: "layers",
            ..
        }
    ));
    for (from, to) in [
        ("64-128", "64--128"),
        ("64-128", "0-128"),
        ("jacobian-reverse", "sideways"),
        ("1.25e-7", "NaN"),
        (",9610", ",-1"),
        ("counted", "guessed"),
    ] {
        assert!(
            matches!(fault(from, to), RecordError::Row { line: 2, .. }),
            "{from} -> {to}"
        );
    }
    assert!(matches!(
        read(&directory.path().join("no.csv")),
        Err(RecordError::File { .. })
    ));
    let bad = Record {
        time_s: f64::INFINITY,
        ..record()
    };
    assert!(matches!(write(&file, &[bad]), Err(RecordError::Row { .. })));
    assert_eq!(
        read(&file).unwrap().len(),
        1,
        "the earlier table is untouched"
    );
}
