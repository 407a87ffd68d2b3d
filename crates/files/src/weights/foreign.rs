//! Files of other formats that are given as weights: what they are by their first bytes, and how to save them as safetensors.

use std::io::Read;

/// Bytes of a zip's first header before the name, those of [`of`]'s `start` included.
const ZIP_HEADER: usize = 30;

const TORCH: &str = "in Python: safetensors.torch.save_file(model.state_dict(), \"w.safetensors\")";
const NUMPY: &str = "in Python: safetensors.numpy.save_file({\"fc1.weight\": w, \"fc1.bias\": b}, \"w.safetensors\")";
const ARRAYS: &str =
    "in Python: safetensors.numpy.save_file(dict(numpy.load(\"w.npz\")), \"w.safetensors\")";

/// What a file is that begins with `start` and goes on with `rest`, where that is known not to be safetensors, and a remedy.
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
