//! The types of numbers that files hold.

use pushpull_core::Scalar;

/// A type of numbers, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `float32`
    F32,
    /// `float64`
    F64,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// Any other, which is not read.
    Other,
}

impl Kind {
    /// Bytes of a number; of an unknown one, 1.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
            Self::Other => 1,
        }
    }
}

/// A type of numbers that files hold and engines run at: `f32` or `f64`.
pub trait Element: Scalar + npyz::Deserialize {
    /// Which one it is.
    const KIND: Kind;
    /// Its name in NumPy.
    const NUMPY: &'static str;
    /// The number of so many bytes, the lowest first; missing ones are 0.
    fn from_le(bytes: &[u8]) -> Self;
    /// Appends its bytes, the lowest first.
    fn to_le(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($t:ty, $kind:ident, $numpy:literal;)*) => {$(
        impl Element for $t {
            const KIND: Kind = Kind::$kind;
            const NUMPY: &'static str = $numpy;
            fn from_le(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$t>()];
                own.iter_mut().zip(bytes).for_each(|(own, byte)| *own = *byte);
                Self::from_le_bytes(own)
            }
            fn to_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

element! {
    f32, F32, "float32";
    f64, F64, "float64";
}
