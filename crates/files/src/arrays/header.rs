//! The text of an npy header, looked at before it is parsed.

/// Whether a header is one that NumPy writes of a plain array, before it is given to a parser of Python: a parser that
/// recurses would be led astray by a thousand brackets, and the lengths that it multiplies must not overflow.
pub fn plain(header: &[u8]) -> Result<(), &'static str> {
    let text = header.get(10..).unwrap_or_default();
    // A longer version's two bytes more belong to its length.
    let text = if header.get(6).is_some_and(|&version| version > 1) {
        text.get(2..).unwrap_or_default()
    } else {
        text
    };
    let text = std::str::from_utf8(text).map_err(|_| "bytes that are no text")?;
    let (mut brackets, mut product) = (0, 1_u64);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let mut len = first.len_utf8();
        match first {
            '\'' | '"' => {
                let inner = rest[1..]
                    .find([first, '\\'])
                    .ok_or("a string without an end")?;
                if rest[1 + inner..].starts_with('\\') {
                    return Err("an escape in a name");
                }
                len = inner + 2;
            }
            '0'..='9' => {
                len = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                let number: u64 = rest[..len].parse().map_err(|_| "a length beyond 64 bits")?;
                let grown = product.checked_mul(number.max(1));
                product = grown.ok_or("a shape too large for memory")?;
            }
            '{' | '(' | '[' => brackets += 1,
            _ if first.is_ascii_whitespace() || "})],:".contains(first) => {}
            _ if rest.starts_with("True") => len = 4,
            _ if rest.starts_with("False") => len = 5,
            _ => return Err("other than a dictionary of names and numbers"),
        }
        if brackets > 8 {
            return Err("a dictionary of many parts");
        }
        rest = &rest[len..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::plain;

    fn header(text: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn a_header_of_numpy_is_plain_and_one_that_would_lead_a_parser_astray_is_not() {
        assert_eq!(
            plain(&header(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }  \n"
            )),
            Ok(())
        );
        assert_eq!(
            plain(&header(
                "{'descr': '<i8', 'fortran_order': True, 'shape': (), }\n"
            )),
            Ok(())
        );
        for wrong in [
            &"(".repeat(4000)[..],
            "{'shape': (4294967296, 4294967296, 2)}",
            "{'shape': (0, 4294967296, 4294967296)}",
            "{'shape': (99999999999999999999,)}",
            "{'shape': (0xffffffffffffffff, 2)}",
            "{'a\\'': 1}",
            "{'never ends",
            "{'shape': (-1,)}",
            "__import__('os')",
        ] {
            assert!(plain(&header(wrong)).is_err(), "{wrong}");
        }
    }
}
