//! The types of numbers that files hold.

use pushpull_core::Scalar;

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `float16`
    F16,
    /// `bfloat16`
    BF16,
    /// `float32`
    F32,
    /// `float64`
    F64,
    /// `int8`
    I8,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// `uint8`
    U8,
    /// `uint16`
    U16,
    /// `uint32`
    U32,
    /// `uint64`
    U64,
    /// `bool`
    Bool,
    /// Any other, which is not read.
    Other,
}

impl Kind {
    /// Bytes of a number; of an unknown one, 1.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool | Self::Other => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The number of its bytes, the lowest first; missing ones are 0. Whole numbers beyond 2^53 are rounded.
    pub(crate) fn number(self, bytes: &[u8]) -> f64 {
        let mut own = [0; 8];
        own.iter_mut()
            .zip(bytes)
            .for_each(|(own, byte)| *own = *byte);
        let [a, b, c, d, ..] = own;
        match self {
            Self::F16 => half::f16::from_le_bytes([a, b]).to_f64(),
            Self::BF16 => half::bf16::from_le_bytes([a, b]).to_f64(),
            Self::F32 => f32::from_le_bytes([a, b, c, d]).into(),
            Self::F64 => f64::from_le_bytes(own),
            Self::I8 => i8::from_le_bytes([a]).into(),
            Self::I16 => i16::from_le_bytes([a, b]).into(),
            Self::I32 => i32::from_le_bytes([a, b, c, d]).into(),
            Self::I64 => i64::from_le_bytes(own) as f64,
            Self::U8 | Self::Bool | Self::Other => a.into(),
            Self::U16 => u16::from_le_bytes([a, b]).into(),
            Self::U32 => u32::from_le_bytes([a, b, c, d]).into(),
            Self::U64 => u64::from_le_bytes(own) as f64,
        }
    }
}

/// A type of numbers that files hold and engines run at: `f32` or `f64`.
pub trait Element: Scalar {
    /// Which one it is.
    const KIND: Kind;
    /// Its name in NumPy.
    const NUMPY: &'static str;
    /// Appends its bytes, the lowest first.
    fn to_le(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($t:ty, $kind:ident, $numpy:literal;)*) => {$(
        impl Element for $t {
            const KIND: Kind = Kind::$kind;
            const NUMPY: &'static str = $numpy;
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
