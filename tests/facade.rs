//! What the facade hands out: nothing that hides a name of the standard library's prelude, and matrices without nalgebra.

// A glob import goes before the prelude: what the facade were to export under one of its names would be meant below.
use pushpull::*;

/// Every name of the prelude that is a type or a trait, as the prelude means it.
fn of_the_prelude(text: &str) -> Result<Option<Box<[String]>>, Vec<u8>> {
    fn traits<T: Clone + Default + Eq + Ord + Send + Sync + Into<T> + TryFrom<T>>(of: T) -> T {
        let _: fn(&T) -> T = <T as ToOwned>::to_owned;
        of
    }
    fn iterators<I: IntoIterator<IntoIter: DoubleEndedIterator + ExactSizeIterator>>(of: I) -> usize
    where
        Vec<I::Item>: Extend<I::Item> + FromIterator<I::Item> + AsRef<[I::Item]>,
    {
        of.into_iter().count()
    }
    let text = traits(ToString::to_string(text));
    match iterators(text.as_bytes()) {
        0 => Err(Vec::new()),
        1 => Ok(None),
        _ => Ok(Some(Box::new([text]))),
    }
}

#[test]
fn a_glob_import_shadows_nothing_of_std() {
    assert_eq!(of_the_prelude(""), Err(vec![]));
    assert_eq!(of_the_prelude("a"), Ok(None));
    assert_eq!(
        of_the_prelude("ab"),
        Ok(Some(Box::new(["ab".to_owned()]) as Box<[String]>))
    );
}

#[test]
fn a_matrix_is_written_row_by_row_as_nalgebra_does() {
    let own = dmatrix![1, 2, 3; 4, 5, 6];
    assert_eq!(own, nalgebra::dmatrix![1, 2, 3; 4, 5, 6]);
    assert_eq!(dmatrix![7.5], nalgebra::dmatrix![7.5]);
}
