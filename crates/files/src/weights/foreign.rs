//! Files of other formats that are given as weights: what they are by their first bytes, and how to save them as safetensors.

use std::io::Read;

/// Bytes of a zip's first header before the name, those of [`of`]'s `start` included.
const ZIP_HEADER: usize = 30;

const TORCH: &str = "in Python: safetensors.torch.save_file(model.state_dict(), \"w.safetensors\")";
const NUMPY: &str = "in Python: safetensors.numpy.save_file({\"fc1.weight\": w, \"fc1.bias\": b}, \"w.safetensors\")";
const ARRAYS: &str =
    "in Python: safetensors.numpy.save_file(dict(numpy.load(\"w.npz\")), \"w.safetensors\")";

/// What a file is that begins with `start` and goes on with `rest`, where these are no length of a header that it holds, and a
/// remedy.
pub fn of(start: [u8; 8], rest: impl Read) -> Option<(&'static str, &'static str)> {
    match start {
        [b'P', b'K', 3, 4, ..] => Some(archive(&first_member(rest))),
        [0x80, 2..=5, ..] => Some(("a pickle of Python", TORCH)),
        [0x89, b'H', b'D', b'F', ..] => Some(("HDF5, as Keras saves", NUMPY)),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(("an npy file", NUMPY)),
        _ => None,
    }
}

/// What made a zip, by the name of its first member: several libraries save zips.
fn archive(first: &str) -> (&'static str, &'static str) {
    let name = first.rsplit('/').next().unwrap_or(first);
    if name.ends_with(".npy") {
        ("a zip archive of arrays, as numpy.savez makes it", ARRAYS)
    } else if name == "data.pkl" {
        ("a zip archive, as torch.save makes it", TORCH)
    } else if ["metadata.json", "config.json", "model.weights.h5"].contains(&name) {
        ("a zip archive, as Keras saves a model", NUMPY)
    } else {
        ("a zip archive", TORCH)
    }
}

/// The name of a zip's first member, empty where the file ends before it.
fn first_member(mut rest: impl Read) -> String {
    let mut header = [0; ZIP_HEADER - 8];
    if rest.read_exact(&mut header).is_err() {
        return String::new();
    }
    let len = u16::from_le_bytes([header[18], header[19]]);
    let mut name = vec![0; usize::from(len)];
    match rest.read_exact(&mut name) {
        Ok(()) => String::from_utf8_lossy(&name).into_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::super::{Wanted, Weights, network};

    fn open(bytes: &[u8]) -> Result<Vec<usize>, String> {
        let (name, len) = (Path::new("w"), bytes.len() as u64);
        let file = Weights::new(name, Cursor::new(bytes), len, &Wanted::default());
        file.map(|file| file.widths())
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_header_of_any_length_is_read_and_a_pickle_is_told() {
        let mut first = [false; 256];
        for n in 0..1500 {
            let classes = ["c".repeat(n)];
            let bytes = network(Path::new("w"), &[2, 1], &[1.0_f32; 3], &classes).unwrap();
            first[usize::from(bytes[1])] |= bytes[0] == 0x80;
            assert_eq!(open(&bytes), Ok(vec![2, 1]), "{:?}", &bytes[..8]);
        }
        assert_eq!(first[1..7], [true; 6]);
        for start in [
            // The dictionary of torch.save before 1.6, and pickle.dumps({}) at each protocol.
            &b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."[..],
            b"\x80\x02}q\x00.",
            b"\x80\x03}q\x00.",
            b"\x80\x04}\x94.",
            b"\x80\x05}\x94.",
            b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00}\x94",
            b"\x80\x05\x95\x00\x01\x00\x00\x00\x00\x00\x00}\x94",
            b"\x80\x02G\x00\x00\x00\x00\x00\x00\x00\x00.",
        ] {
            let fault = open(&[start, &[0xff; 2000]].concat()).unwrap_err();
            assert!(fault.contains("a pickle of Python"), "{fault}");
        }
    }

    #[test]
    fn an_unknown_type_is_named_without_a_list_of_the_others() {
        let header = r#"{"0.weight":{"dtype":"F8","shape":[2,1],"data_offsets":[0,2]}}"#;
        let length = (header.len() as u64).to_le_bytes();
        let fault = open(&[&length[..], header.as_bytes(), &[0; 2]].concat()).unwrap_err();
        assert!(fault.contains("got `F8`; save model.float()"), "{fault}");
    }
}
