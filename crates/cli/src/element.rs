//! A type of numbers that files hold and engines run at.

use pushpull_planner::Planned;
use safetensors::Dtype;

/// A type of numbers that files hold and engines run at.
pub trait Element: Planned + npyz::Deserialize {
    /// Its name in safetensors.
    const DTYPE: Dtype;
    /// Its name in NumPy.
    const NUMPY: &'static str;
    fn from_le(bytes: &[u8]) -> Self;
    fn to_le(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($t:ty, $dtype:ident, $numpy:literal;)*) => {$(
        impl Element for $t {
            const DTYPE: Dtype = Dtype::$dtype;
            const NUMPY: &'static str = $numpy;
            fn from_le(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$t>()];
                own.copy_from_slice(bytes);
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
