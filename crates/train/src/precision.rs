//! The scalars that a run can be trained at.

use pushpull_core::{Engine, Graph, Question, Result, Scalar};
use pushpull_planner::Way;

/// `f32` and `f64`: scalars that a checkpoint stores bit by bit.
pub trait Precision: Scalar + private::Sealed {
    /// Bytes of a number.
    const BYTES: usize;
    /// Its bits, the lowest byte first.
    fn store(self, bytes: &mut Vec<u8>);
    /// The number of the first [`Precision::BYTES`] bytes; `None` where there are fewer.
    fn load(bytes: &[u8]) -> Option<Self>;
    /// The bits of several numbers, side by side in `bytes`, [`Precision::BYTES`] each: as many as there is room for.
    fn store_all(numbers: &[Self], bytes: &mut [u8]);
    /// The numbers of [`Precision::store_all`]: as many as there are in both.
    ///
    /// ```
    /// use pushpull_train::Precision;
    /// let (mut bytes, mut back) = ([0; 8], [0.0_f32; 2]);
    /// f32::store_all(&[1.5, -0.0], &mut bytes);
    /// f32::load_all(&bytes, &mut back);
    /// assert_eq!(back.map(f32::to_bits), [1.5_f32, -0.0].map(f32::to_bits));
    /// ```
    fn load_all(bytes: &[u8], numbers: &mut [Self]);
    /// The engine of a way to the gradient.
    #[doc(hidden)]
    fn engine(
        way: Way,
        graph: &Graph,
        batch: usize,
        threads: usize,
    ) -> Result<Box<dyn Engine<Self>>>;
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

macro_rules! precision {
    ($($t:ty),*) => {$(
        impl Precision for $t {
            const BYTES: usize = size_of::<$t>();
            fn store(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn load(bytes: &[u8]) -> Option<Self> {
                bytes.first_chunk().map(|chunk| Self::from_le_bytes(*chunk))
            }
            fn store_all(numbers: &[Self], bytes: &mut [u8]) {
                let (chunks, _) = bytes.as_chunks_mut();
                chunks.iter_mut().zip(numbers).for_each(|(chunk, v)| *chunk = v.to_le_bytes());
            }
            fn load_all(bytes: &[u8], numbers: &mut [Self]) {
                let (chunks, _) = bytes.as_chunks();
                numbers.iter_mut().zip(chunks).for_each(|(v, chunk)| *v = Self::from_le_bytes(*chunk));
            }
            fn engine(
                way: Way,
                graph: &Graph,
                batch: usize,
                threads: usize,
            ) -> Result<Box<dyn Engine<Self>>> {
                way.engine(graph, batch, Question::Gradient, threads)
            }
        }
    )*};
}

precision!(f32, f64);
