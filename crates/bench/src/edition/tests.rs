use super::*;

struct Place(tempfile::TempDir);

impl Place {
    /// A report of an earlier run, with files that no run has written.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let first = Edition::begin(&place.reports()).unwrap();
        fs::write(first.file("cost.csv").unwrap(), "old").unwrap();
        fs::write(first.file("depth/time.png").unwrap(), "old").unwrap();
        first.commit().unwrap();
        fs::write(place.reports().join("laws.csv"), "by hand").unwrap();
        fs::write(place.reports().join("depth/remark.md"), "by hand").unwrap();
        place
    }
    fn reports(&self) -> PathBuf {
        self.0.path().join("reports")
    }
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.reports().join(name)).unwrap_or_default()
    }
    fn siblings(&self) -> usize {
        fs::read_dir(self.0.path()).unwrap().count()
    }
}

#[test]
fn a_commit_replaces_its_own_files_and_keeps_the_others() {
    let place = Place::new();
    let next = Edition::begin(&place.reports()).unwrap();
    fs::write(next.file("cost.csv").unwrap(), "new").unwrap();
    assert_eq!(place.read("cost.csv"), "old");
    let done = next.commit().unwrap();
    assert_eq!(
        (done.written, done.dropped),
        (vec!["cost.csv".into()], vec!["depth/time.png".into()])
    );
    assert_eq!(done.kept, ["depth/remark.md", "laws.csv"]);
    assert_eq!(
        (
            place.read("cost.csv"),
            place.read("laws.csv"),
            place.read("depth/remark.md")
        ),
        ("new".into(), "by hand".into(), "by hand".into())
    );
    assert!(
        !place.reports().join("depth/time.png").exists() && !place.reports().join(LOCK).exists()
    );
    assert_eq!(
        (place.read(LIST), place.siblings()),
        ("cost.csv\n".into(), 1)
    );
}

#[test]
fn an_interrupted_run_leaves_the_earlier_report_whole() {
    let place = Place::new();
    let before = files(&place.reports()).unwrap();
    let half = Edition::begin(&place.reports()).unwrap();
    fs::write(half.file("cost.csv").unwrap(), "half").unwrap();
    drop(half);
    let panicked = std::panic::catch_unwind(|| {
        let half = Edition::begin(&place.reports()).unwrap();
        fs::write(half.file("cost.csv").unwrap(), "half").unwrap();
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(panicked.is_err());
    assert_eq!(
        (
            files(&place.reports()).unwrap(),
            place.read("cost.csv"),
            place.siblings()
        ),
        (before, "old".into(), 1)
    );
}

#[test]
fn what_a_killed_run_left_is_put_right() {
    let place = Place::new();
    // Killed while writing: a staging without a living owner. A living one is left alone.
    let abandoned = place.0.path().join(".reports.staging-1-0");
    fs::create_dir(&abandoned).unwrap();
    fs::write(abandoned.join(LOCK), "").unwrap();
    let living = Edition::begin(&place.reports()).unwrap();
    assert!(!abandoned.exists());
    let other = Edition::begin(&place.reports()).unwrap();
    assert!(living.staging.exists() && living.staging != other.staging);
    drop((living, other));
    // Killed between the two renames.
    fs::rename(place.reports(), earlier(&place.reports())).unwrap();
    drop(Edition::begin(&place.reports()).unwrap());
    assert_eq!(
        (
            place.read("cost.csv"),
            place.read("laws.csv"),
            place.siblings()
        ),
        ("old".into(), "by hand".into(), 1)
    );
    // Killed after them, before the replaced report was removed.
    fs::create_dir(earlier(&place.reports())).unwrap();
    drop(Edition::begin(&place.reports()).unwrap());
    assert_eq!(
        (place.read("cost.csv"), place.siblings()),
        ("old".into(), 1)
    );
}

#[test]
fn names_and_targets_outside_are_refused() {
    let place = Place::new();
    let edition = Edition::begin(&place.reports()).unwrap();
    for name in ["", "../a", "/a", "a/../../b", LIST, LOCK, "."] {
        assert!(
            matches!(edition.file(name), Err(EditionError::Name { .. })),
            "{name}"
        );
    }
    drop(edition);
    let file = place.reports().join("cost.csv");
    assert!(matches!(
        Edition::begin(&file),
        Err(EditionError::Target { .. })
    ));
    assert!(matches!(
        Edition::begin(Path::new("/")),
        Err(EditionError::Target { .. })
    ));
    assert!(matches!(
        Edition::begin(&file.join("below")),
        Err(EditionError::Refused { .. })
    ));
}

#[cfg(unix)]
#[test]
fn a_refused_swap_leaves_the_earlier_report() {
    let place = Place::new();
    let next = Edition::begin(&place.reports()).unwrap();
    fs::write(next.file("cost.csv").unwrap(), "new").unwrap();
    // Something stands where the earlier report would be moved.
    fs::create_dir_all(earlier(&place.reports()).join("x")).unwrap();
    assert!(matches!(next.commit(), Err(EditionError::Refused { .. })));
    assert_eq!(
        (place.read("cost.csv"), place.read("laws.csv")),
        ("old".into(), "by hand".into())
    );
}
