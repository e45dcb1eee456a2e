//! Aligned storage that returns to a pool.
//!
//! A training step drops the same sizes that the next one asks for. A dropped [`Buffer`] goes to
//! a free list of its size class and comes back without the system's zeroing and page faults.

use purlin_core::Plain;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A cache line, and an AVX-512 register.
const ALIGN: usize = 64;

/// A slice of numbers, aligned to 64 bytes, whose memory goes back to a pool when it is dropped.
///
/// # Examples
///
/// ```
/// use purlin_backend::Buffer;
///
/// let mut x = Buffer::<f32>::zeroed(3);
/// x[1] = 2.0;
/// assert_eq!(x[..], [0.0, 2.0, 0.0]);
/// assert_eq!(Buffer::copy_of(&x)[1], 2.0);
/// ```
pub struct Buffer<T: Plain> {
    block: Block,
    len: usize,
    _items: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// `len` numbers that are initialised but arbitrary: zeros or what an earlier buffer held.
    /// For outputs that are written in full. Builds with debug assertions fill it with
    /// ones in all bits (NaN for floats), so that a forgotten element shows.
    ///
    /// # Panics
    ///
    /// When the size in bytes overflows; memory exhaustion aborts, as everywhere in Rust.
    #[track_caller]
    pub fn scratch(len: usize) -> Self {
        let buffer = Self::take(len);
        #[cfg(debug_assertions)]
        // SAFETY: the block holds at least `len` items, all bytes of it are ours.
        unsafe {
            buffer.block.ptr.as_ptr().write_bytes(0xff, len * size_of::<T>());
        }
        buffer
    }

    /// `len` zeros.
    #[track_caller]
    pub fn zeroed(len: usize) -> Self {
        let mut buffer = Self::take(len);
        if !buffer.block.is_fresh {
            buffer.fill(T::default());
        }
        buffer
    }

    /// `len` copies of `value`.
    #[track_caller]
    pub fn filled(len: usize, value: T) -> Self {
        let mut buffer = Self::take(len);
        buffer.fill(value);
        buffer
    }

    /// A copy of `items`.
    #[track_caller]
    pub fn copy_of(items: &[T]) -> Self {
        let mut buffer = Self::take(items.len());
        buffer.copy_from_slice(items);
        buffer
    }

    #[track_caller]
    fn take(len: usize) -> Self {
        let bytes = len.checked_mul(size_of::<T>()).filter(|&b| b <= isize::MAX as usize / 2);
        assert!(bytes.is_some(), "buffer: size must fit in memory, got {len} items");
        Self { block: Block::take(bytes.unwrap_or(0)), len, _items: PhantomData }
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the block holds at least `len` initialised items (memory starts zeroed and
        // every bit pattern of `Plain` is a value), aligned to 64 bytes.
        unsafe { std::slice::from_raw_parts(self.block.ptr.as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; the block is owned by this buffer alone.
        unsafe { std::slice::from_raw_parts_mut(self.block.ptr.as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self::copy_of(self)
    }
}

impl<T: Plain> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: Plain> From<&[T]> for Buffer<T> {
    fn from(items: &[T]) -> Self {
        Self::copy_of(items)
    }
}

/// Memory of one size class.
struct Block {
    ptr: NonNull<u8>,
    class: usize,
    is_fresh: bool,
}

// SAFETY: a block is owned memory; nothing in it is tied to a thread.
unsafe impl Send for Block {}
// SAFETY: shared access goes through `Deref` of `Buffer` only, which gives `&[T]`.
unsafe impl Sync for Block {}

impl Block {
    fn take(bytes: usize) -> Self {
        let class = class_of(bytes);
        if class == 0 {
            return Self { ptr: NonNull::<Aligned>::dangling().cast(), class, is_fresh: false };
        }
        let mut pool = pool();
        pool.stats.requests += 1;
        if let Some(ptr) = pool.free_list(class).pop() {
            pool.stats.idle_bytes -= size_of_class(class);
            return Self { ptr: ptr.0, class, is_fresh: false };
        }
        pool.stats.system_allocations += 1;
        pool.stats.system_bytes += size_of_class(class) as u64;
        drop(pool);
        let layout = layout_of_class(class);
        // SAFETY: the layout has a size above 0.
        let ptr = unsafe { alloc_zeroed(layout) };
        let ptr = NonNull::new(ptr).unwrap_or_else(|| handle_alloc_error(layout));
        Self { ptr, class, is_fresh: true }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.class > 0 {
            let mut pool = pool();
            pool.stats.idle_bytes += size_of_class(self.class);
            pool.free_list(self.class).push(Free(self.ptr));
        }
    }
}

/// Gives an empty buffer an aligned address.
#[repr(align(64))]
struct Aligned;

/// Classes: 0 is empty; then 64 bytes, and each power of two cut into four steps.
fn class_of(bytes: usize) -> usize {
    if bytes == 0 {
        return 0;
    }
    let lines = bytes.div_ceil(ALIGN);
    if lines <= 4 {
        return lines;
    }
    // lines in (4 * 2^s, 8 * 2^s]: four steps of 2^s lines.
    let shift = (usize::BITS - (lines - 1).leading_zeros()) as usize - 3;
    4 * shift + lines.div_ceil(1 << shift)
}

fn size_of_class(class: usize) -> usize {
    if class <= 8 {
        return class * ALIGN;
    }
    let shift = (class - 5) / 4;
    ((class - 4 * shift) << shift) * ALIGN
}

fn layout_of_class(class: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and `Buffer::take` keeps the size below the limit.
    unsafe { Layout::from_size_align_unchecked(size_of_class(class), ALIGN) }
}

struct Free(NonNull<u8>);
// SAFETY: a free block is memory that nobody refers to.
unsafe impl Send for Free {}

struct Pool {
    free: Vec<Vec<Free>>,
    stats: PoolStats,
}

/// What the pool has done since the program began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Buffers asked for.
    pub requests: u64,
    /// Requests that went to the system because no free block fitted.
    pub system_allocations: u64,
    /// Bytes of those requests.
    pub system_bytes: u64,
    /// Bytes now free in the pool.
    pub idle_bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: Vec::new(),
    stats: PoolStats { requests: 0, system_allocations: 0, system_bytes: 0, idle_bytes: 0 },
});

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn free_list(&mut self, class: usize) -> &mut Vec<Free> {
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        &mut self.free[class]
    }
}

/// What the pool has done so far; the difference of two calls counts the work between them.
pub fn pool_stats() -> PoolStats {
    pool().stats
}

/// Gives all free blocks back to the system.
pub fn trim_pool() {
    let mut pool = pool();
    pool.stats.idle_bytes = 0;
    for (class, list) in pool.free.iter_mut().enumerate() {
        for Free(ptr) in list.drain(..) {
            // SAFETY: the block came from `alloc_zeroed` with this layout and has no owner.
            unsafe { dealloc(ptr.as_ptr(), layout_of_class(class)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_sizes_and_wastes_at_most_a_quarter() {
        let mut last = 0;
        for bytes in 1..100_000 {
            let class = class_of(bytes);
            let size = size_of_class(class);
            assert!(size >= bytes, "{bytes} bytes in a block of {size}");
            assert!(bytes <= 256 || size * 4 <= bytes * 5 + 4 * ALIGN, "{bytes} bytes in {size}");
            assert!(class >= last, "classes must grow with the size");
            assert!(class == last || class == last + 1, "no class is skipped, at {bytes}");
            last = class;
        }
    }

    #[test]
    fn buffers_are_aligned_and_zeroed_after_reuse() {
        for len in [0, 1, 5, 1000] {
            let mut x = Buffer::<f32>::filled(len, 7.0);
            assert_eq!(x.as_ptr() as usize % ALIGN, 0);
            assert!(x.iter().all(|&v| v == 7.0));
            x.fill(1.0);
            drop(x);
            assert!(Buffer::<f32>::zeroed(len).iter().all(|&v| v == 0.0));
        }
    }

    #[test]
    #[should_panic(expected = "buffer: size must fit in memory")]
    fn an_overflowing_size_is_refused() {
        drop(Buffer::<f64>::zeroed(usize::MAX / 4));
    }
}
