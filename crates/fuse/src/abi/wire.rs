//! Reading and writing fixed-size values in the machine's byte order.

/// A value with a fixed size on the wire.
pub(crate) trait Wire: Sized {
    /// Bytes on the wire.
    const SIZE: usize;
    /// Reads from exactly the first `SIZE` bytes; `None` when there are fewer.
    fn get(bytes: &[u8]) -> Option<Self>;
    /// Writes into exactly the first `SIZE` bytes of `out`, which must be long enough.
    fn put(&self, out: &mut [u8]);
}

macro_rules! int {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            const SIZE: usize = size_of::<$ty>();
            #[inline]
            fn get(bytes: &[u8]) -> Option<Self> {
                bytes.first_chunk().map(|chunk| <$ty>::from_ne_bytes(*chunk))
            }
            #[inline]
            fn put(&self, out: &mut [u8]) {
                out[..Self::SIZE].copy_from_slice(&self.to_ne_bytes());
            }
        }
    )*};
}
int!(u16, u32, u64, i32, i64);

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    const SIZE: usize = T::SIZE * N;
    #[inline]
    fn get(bytes: &[u8]) -> Option<Self> {
        let mut items = [T::default(); N];
        for (index, item) in items.iter_mut().enumerate() {
            *item = T::get(bytes.get(index * T::SIZE..)?)?;
        }
        Some(items)
    }
    #[inline]
    fn put(&self, out: &mut [u8]) {
        for (index, item) in self.iter().enumerate() {
            item.put(&mut out[index * T::SIZE..]);
        }
    }
}

/// Defines a wire structure: its fields in order, `SIZE`, and the two directions.
macro_rules! wire_struct {
    ($($(#[$meta:meta])* struct $name:ident { $($field:ident: $ty:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub(crate) struct $name { $(pub(crate) $field: $ty,)* }

        impl $name {
            /// Bytes on the wire.
            pub(crate) const SIZE: usize = 0 $(+ <$ty as Wire>::SIZE)*;

            /// The structure's bytes.
            #[inline]
            #[allow(dead_code, reason = "requests are only encoded by tests, replies by the crate")]
            pub(crate) fn encode(&self) -> [u8; Self::SIZE] {
                let mut out = [0; Self::SIZE];
                self.put(&mut out);
                out
            }
        }

        impl Wire for $name {
            const SIZE: usize = $name::SIZE;
            #[inline]
            #[allow(unused_assignments, reason = "the last field's offset is not used")]
            fn get(bytes: &[u8]) -> Option<Self> {
                let bytes = bytes.get(..Self::SIZE)?;
                let mut at = 0;
                Some(Self { $($field: {
                    let value = <$ty as Wire>::get(&bytes[at..])?;
                    at += <$ty as Wire>::SIZE;
                    value
                },)* })
            }
            #[inline]
            #[allow(unused_assignments, reason = "the last field's offset is not used")]
            fn put(&self, out: &mut [u8]) {
                let out = &mut out[..Self::SIZE];
                let mut at = 0;
                $(
                    self.$field.put(&mut out[at..]);
                    at += <$ty as Wire>::SIZE;
                )*
            }
        }
    )*};
}
pub(crate) use wire_struct;
