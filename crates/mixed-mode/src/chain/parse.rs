//! Reads lines `m n E`.

use std::io::{BufRead, Read};

use pushpull_core::siblings::words::shown;

use super::{ChainError, ChainFactor, ChainPlan};

/// Bytes of the longest line: three numbers of 20 digits, blanks, and a comment.
const MAX_LINE: u64 = 256;

/// The factors of a file, and the line of each. Sizes are not checked yet.
pub(super) fn factors(
    mut input: impl BufRead,
) -> Result<(Vec<ChainFactor>, Vec<usize>), ChainError> {
    let (mut factors, mut lines) = (Vec::new(), Vec::new());
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        // One byte more than allowed, so that a line too long shows without being read.
        let read = input
            .by_ref()
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|fault| ChainError::Read {
                line,
                detail: fault.to_string(),
            })?;
        if read == 0 {
            break;
        }
        if bytes.len() as u64 > MAX_LINE {
            return Err(ChainError::Line {
                line,
                expected: format!("at most {MAX_LINE} bytes"),
                got: "more".into(),
                remedy: "give one factor on each line, as `m n E`".into(),
            });
        }
        let text = str::from_utf8(&bytes).map_err(|_| ChainError::Line {
            line,
            expected: "text in UTF-8".into(),
            got: shown(String::from_utf8_lossy(&bytes).trim_end()),
            remedy: "save the file as plain text".into(),
        })?;
        if let Some(factor) = factor(text, line)? {
            if factors.len() == ChainPlan::MAX_FACTORS {
                return Err(ChainError::TooMany {
                    line,
                    limit: ChainPlan::MAX_FACTORS,
                });
            }
            factors.push(factor);
            lines.push(line);
        }
    }
    Ok((factors, lines))
}

/// The factor of a line; none where only a comment or nothing stands.
fn factor(text: &str, line: usize) -> Result<Option<ChainFactor>, ChainError> {
    let text = text.split('#').next().unwrap_or_default();
    // A file from another system may start with a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [m, n, edges] = match fields[..] {
        [] => return Ok(None),
        [m, n, edges] => [("m", m), ("n", n), ("E", edges)],
        _ => {
            return Err(ChainError::Line {
                line,
                expected: "three whole numbers `m n E`".into(),
                got: format!("{} in {}", fields.len(), shown(text)),
                remedy: "give outputs, inputs and edges of one factor, separated by blanks".into(),
            });
        }
    };
    let number = |(name, field): (&str, &str)| {
        field.parse::<u64>().map_err(|_| ChainError::Line {
            line,
            expected: format!("{name} to be a whole number from 0 to {}", u64::MAX),
            got: shown(field),
            remedy: "write it in decimal digits alone".into(),
        })
    };
    Ok(Some(ChainFactor {
        n_out: number(m)?,
        n_in: number(n)?,
        edges: number(edges)?,
    }))
}
