//! The public API against the lists in `api/`. Run by `.ci/public-api`, which makes the documentation that it reads.

use std::path::{Path, PathBuf};

use public_api::Builder;

/// A difference between a list and the documentation, a line each.
fn difference(listed: &str, documented: &str) -> Vec<String> {
    let missing = |from: &str, of: &str, mark: &str| -> Vec<String> {
        let known: std::collections::HashSet<&str> = of.lines().collect();
        let new = from.lines().filter(|line| !known.contains(line));
        new.map(|line| format!("{mark} {line}")).collect()
    };
    [
        missing(listed, documented, "-"),
        missing(documented, listed, "+"),
    ]
    .concat()
}

/// A listing without what follows from an impl of a trait: its methods are the trait's.
fn shortened(listing: &str) -> String {
    let (mut short, mut of) = (String::new(), None);
    for line in listing.lines() {
        if line.starts_with("impl") {
            let implementor = line.rsplit_once(" for ").map(|(_, name)| name);
            of = implementor.map(|name| format!("{}::", name.split('<').next().unwrap_or(name)));
        } else if of.as_ref().is_some_and(|of| line.contains(of)) {
            continue;
        }
        short += line;
        short.push('\n');
    }
    short
}

#[test]
fn methods_of_a_trait_are_listed_once() {
    let listing = "pub struct a::B\nimpl a::B\npub fn a::B::new() -> a::B\nimpl<T> a::C<T> for a::B<T>\npub fn a::B::c(&self)\npub fn a::d()\n";
    let short = shortened(listing);
    assert!(short.contains("a::B::new") && short.contains("a::d") && !short.contains("a::B::c"));
}

#[test]
fn a_difference_is_seen() {
    assert_eq!(
        difference("pub fn a()\npub fn b()\n", "pub fn b()\npub fn c()\n"),
        ["- pub fn a()", "+ pub fn c()"]
    );
    assert!(difference("pub fn a()\n", "pub fn a()\n").is_empty());
}

#[test]
#[ignore = "reads the documentation as JSON: run .ci/public-api"]
fn the_public_api_is_as_listed() {
    let docs = PathBuf::from(std::env::var("PUSHPULL_DOCS").expect("run .ci/public-api"));
    let write = std::env::var("PUSHPULL_API").is_ok_and(|how| how == "--write");
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("api");
    let mut wrong = Vec::new();
    for name in std::env::var("PUSHPULL_CRATES").unwrap().split(' ') {
        let list = lists.join(format!("{name}.txt"));
        let api = Builder::from_rustdoc_json(docs.join(format!("{name}.json")))
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()
            .unwrap();
        let documented = shortened(&api.to_string());
        if write {
            std::fs::write(&list, documented).unwrap();
            continue;
        }
        let listed = std::fs::read_to_string(&list).unwrap();
        wrong.extend(difference(&listed, &documented));
    }
    assert!(
        wrong.is_empty(),
        "the public API is not as listed; if that is meant, run `.ci/public-api --write`:\n{}",
        wrong.join("\n")
    );
}
