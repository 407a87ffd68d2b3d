//! A label as a formula in x1 and x2: `x1 * x2 > 0`, `sin(x1) + x2^2 / 4`.

use crate::fault::{Fault, Result};

/// Brackets within brackets, at most.
const DEPTH: usize = 32;

/// A formula that was read.
#[derive(Clone, Debug)]
pub struct Formula {
    root: Term,
    /// Whether it is a comparison: its labels are classes.
    pub compares: bool,
}

#[derive(Clone, Debug)]
enum Term {
    Number(f64),
    Coordinate(usize),
    Negative(Box<Term>),
    Call(fn(f64) -> f64, Box<Term>),
    Pair(fn(f64, f64) -> f64, Box<Term>, Box<Term>),
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// One line that says at which character what was expected.
    pub fn read(text: &str) -> Result<Self> {
        let mut reader = Reader {
            text: text.chars().collect(),
            at: 0,
            depth: 0,
        };
        let root = reader.comparison()?;
        reader.spaces();
        match reader.peek() {
            None => Ok(Self {
                compares: reader.text.iter().any(|c| matches!(c, '<' | '>')),
                root,
            }),
            Some(_) => Err(reader.expected("an operator or the end")),
        }
    }

    /// Its value at a point.
    pub fn at(&self, point: [f64; 2]) -> f64 {
        self.root.at(point)
    }
}

impl Term {
    fn at(&self, point: [f64; 2]) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Coordinate(k) => point[*k],
            Self::Negative(of) => -of.at(point),
            Self::Call(f, of) => f(of.at(point)),
            Self::Pair(f, a, b) => f(a.at(point), b.at(point)),
        }
    }
}

struct Reader {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.spaces();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> Fault {
        let came = self
            .peek()
            .map_or("the end".into(), |c| format!("\u{201c}{c}\u{201d}"));
        Fault(format!(
            "formula, character {}: expected {what}, got {came}; write it like x1 * x2 > 0 or sin(x1) + x2^2 / 4",
            self.at + 1
        ))
    }

    fn comparison(&mut self) -> Result<Term> {
        let mut left = self.sum()?;
        loop {
            let compare: fn(f64, f64) -> f64 = if self.take('>') {
                |a, b| if a > b { 1.0 } else { -1.0 }
            } else if self.take('<') {
                |a, b| if a < b { 1.0 } else { -1.0 }
            } else {
                return Ok(left);
            };
            left = Term::Pair(compare, left.into(), self.sum()?.into());
        }
    }

    fn sum(&mut self) -> Result<Term> {
        let mut left = self.product()?;
        loop {
            let f: fn(f64, f64) -> f64 = if self.take('+') {
                |a, b| a + b
            } else if self.take('-') {
                |a, b| a - b
            } else {
                return Ok(left);
            };
            left = Term::Pair(f, left.into(), self.product()?.into());
        }
    }

    fn product(&mut self) -> Result<Term> {
        let mut left = self.signed()?;
        loop {
            let f: fn(f64, f64) -> f64 = if self.take('*') {
                |a, b| a * b
            } else if self.take('/') {
                |a, b| a / b
            } else {
                return Ok(left);
            };
            left = Term::Pair(f, left.into(), self.signed()?.into());
        }
    }

    fn signed(&mut self) -> Result<Term> {
        self.deeper(|reader| {
            if reader.take('-') {
                return Ok(Term::Negative(reader.signed()?.into()));
            }
            let base = reader.single()?;
            if reader.take('^') {
                return Ok(Term::Pair(f64::powf, base.into(), reader.signed()?.into()));
            }
            Ok(base)
        })
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Term>) -> Result<Term> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault(format!(
                "formula: expected at most {DEPTH} brackets within brackets, got more; simplify it"
            )));
        }
        let term = read(self);
        self.depth -= 1;
        term
    }

    fn single(&mut self) -> Result<Term> {
        if self.take('(') {
            let inner = self.deeper(Self::comparison)?;
            return if self.take(')') {
                Ok(inner)
            } else {
                Err(self.expected("\u{201c})\u{201d}"))
            };
        }
        self.spaces();
        let start = self.at;
        let number = |c: char| c.is_ascii_digit() || c == '.';
        if self.peek().is_some_and(number) {
            while self.peek().is_some_and(number) {
                self.at += 1;
            }
            let text: String = self.text[start..self.at].iter().collect();
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            self.at = if number.is_none() { start } else { self.at };
            return number
                .map(Term::Number)
                .ok_or_else(|| self.expected("a number"));
        }
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let word: String = self.text[start..self.at].iter().collect();
        let call: fn(f64) -> f64 = match word.as_str() {
            "x1" | "x" => return Ok(Term::Coordinate(0)),
            "x2" | "y" => return Ok(Term::Coordinate(1)),
            "pi" => return Ok(Term::Number(std::f64::consts::PI)),
            "sin" => f64::sin,
            "cos" => f64::cos,
            "tanh" => f64::tanh,
            "exp" => f64::exp,
            "sqrt" => f64::sqrt,
            "abs" => f64::abs,
            _ => {
                self.at = start;
                return Err(self.expected(
                    "a number, x1, x2, pi, sin, cos, tanh, exp, sqrt, abs or a bracket",
                ));
            }
        };
        if !self.take('(') {
            return Err(self.expected("\u{201c}(\u{201d}"));
        }
        let inner = self.deeper(Self::comparison)?;
        if self.take(')') {
            Ok(Term::Call(call, inner.into()))
        } else {
            Err(self.expected("\u{201c})\u{201d}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_by_hand() {
        let at = |text: &str| Formula::read(text).unwrap().at([2.0, -3.0]);
        assert_eq!(at("x1 * x2 > 0"), -1.0);
        assert_eq!(at("1 + 2 * 3 - 4 / 2"), 5.0);
        assert_eq!(at("-x1^2"), -4.0);
        assert_eq!(at("2^-1"), 0.5);
        assert_eq!(at("abs(x2) - (x - 1)"), 2.0);
        assert!(
            Formula::read("x < y").unwrap().compares && !Formula::read("x + y").unwrap().compares
        );
    }

    #[test]
    fn what_is_no_formula_says_where() {
        for (text, place) in [
            ("x1 +", "character 5"),
            ("(x1", "character 4"),
            ("foo", "character 1"),
            ("1.2.3", "character 1"),
            ("x1 x2", "character 4"),
            ("sin x1", "character 5"),
        ] {
            let fault = Formula::read(text).unwrap_err().to_string();
            assert!(fault.contains(place), "{text}: {fault}");
        }
        assert!(Formula::read(&"(".repeat(100)).is_err());
        assert!(Formula::read(&"-".repeat(100)).is_err());
    }
}
