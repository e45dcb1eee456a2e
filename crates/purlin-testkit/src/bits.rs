//! The same bits on any instruction set and any number of threads.

use purlin_backend::isa::{self, IsaKind};
use purlin_core::{Matrix, Real};

/// A result whose bits can be compared: numbers, slices and tuples of them.
pub trait Bits {
    /// Appends the bits.
    fn append_bits(&self, out: &mut Vec<u64>);

    /// All bits, one word per number; lengths take part, so that `[[1], [2, 3]]` is not
    /// `[[1, 2], [3]]`.
    fn to_words(&self) -> Vec<u64> {
        let mut out = Vec::new();
        self.append_bits(&mut out);
        out
    }
}

macro_rules! bits_of {
    ($($t:ty => $x:ident $bits:expr),* $(,)?) => {$(
        impl Bits for $t {
            fn append_bits(&self, out: &mut Vec<u64>) {
                let $x = *self;
                out.push($bits);
            }
        }
    )*};
}

bits_of! {
    f32 => x u64::from(x.to_bits()),
    f64 => x x.to_bits(),
    u8 => x u64::from(x),
    u32 => x u64::from(x),
    u64 => x x,
    usize => x x as u64,
    bool => x u64::from(x),
}

impl<X: Bits> Bits for [X] {
    fn append_bits(&self, out: &mut Vec<u64>) {
        out.push(self.len() as u64);
        for x in self {
            x.append_bits(out);
        }
    }
}

impl<X: Bits, const N: usize> Bits for [X; N] {
    fn append_bits(&self, out: &mut Vec<u64>) {
        self[..].append_bits(out);
    }
}

impl<X: Bits> Bits for Vec<X> {
    fn append_bits(&self, out: &mut Vec<u64>) {
        self[..].append_bits(out);
    }
}

impl<X: Bits> Bits for Option<X> {
    fn append_bits(&self, out: &mut Vec<u64>) {
        out.push(u64::from(self.is_some()));
        if let Some(x) = self {
            x.append_bits(out);
        }
    }
}

impl<X: Bits + ?Sized> Bits for &X {
    fn append_bits(&self, out: &mut Vec<u64>) {
        (**self).append_bits(out);
    }
}

impl Bits for String {
    fn append_bits(&self, out: &mut Vec<u64>) {
        self.as_bytes().append_bits(out);
    }
}

impl<T: Real> Bits for Matrix<T> {
    fn append_bits(&self, out: &mut Vec<u64>) {
        out.extend([self.n_rows() as u64, self.n_cols() as u64]);
        out.extend(self.as_slice().iter().map(|x| x.to_bits()));
    }
}

#[cfg(feature = "tensor")]
impl<T: Real> Bits for purlin_tensor::Tensor<T> {
    fn append_bits(&self, out: &mut Vec<u64>) {
        self.dims().append_bits(out);
        out.extend(self.data().iter().map(|x| x.to_bits()));
    }
}

macro_rules! bits_of_tuple {
    ($($name:ident)*) => {
        impl<$($name: Bits),*> Bits for ($($name,)*) {
            #[allow(non_snake_case, reason = "the type parameters name the fields")]
            fn append_bits(&self, out: &mut Vec<u64>) {
                let ($($name,)*) = self;
                $($name.append_bits(out);)*
            }
        }
    };
}

bits_of_tuple!(A B);
bits_of_tuple!(A B C);
bits_of_tuple!(A B C D);

/// Law: `f` gives the same bits on every instruction set that this machine has.
///
/// The plain one is the reference. The instruction set is pinned for the whole process while `f`
/// runs, so tests beside this one may meet any of them; they must not mind.
///
/// # Panics
///
/// When a bit differs: the text names the instruction set and the first word.
///
/// # Examples
///
/// ```
/// use purlin_testkit::check_same_bits_on_all_isas;
///
/// let x: Vec<f32> = (0..1000).map(|i| 1.0 / (i as f32 + 1.0)).collect();
/// check_same_bits_on_all_isas(|| purlin_backend::reduce::sum(&x));
/// ```
#[track_caller]
pub fn check_same_bits_on_all_isas<R: Bits>(mut f: impl FnMut() -> R) {
    let mut on = |kind: IsaKind| {
        let _pin = isa::pin(kind);
        f().to_words()
    };
    let expected = on(IsaKind::Scalar);
    for kind in IsaKind::available() {
        compare(&format!("on {}", kind.name()), &on(kind), "on plain code", &expected);
    }
}

/// Law: `f` gives the same bits with 1, 2, 3 and 8 threads.
///
/// `f` runs inside rayon pools of these sizes. Make its work large enough to be cut into blocks
/// (see [`purlin_backend::parallel::THRESHOLD`]), or the law is trivial.
///
/// # Panics
///
/// When a bit differs, or a pool cannot be made.
///
/// # Examples
///
/// ```
/// use purlin_testkit::check_same_bits_on_threads;
///
/// let x: Vec<f32> = (0..300_000).map(|i| 1.0 / (i as f32 + 1.0)).collect();
/// check_same_bits_on_threads(|| purlin_backend::reduce::sum(&x));
/// ```
#[track_caller]
pub fn check_same_bits_on_threads<R: Bits + Send>(f: impl Fn() -> R + Sync + Send) {
    let on = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
        let pool = pool.unwrap_or_else(|err| panic!("a pool of {n_threads} threads: {err}"));
        pool.install(&f).to_words()
    };
    let expected = on(1);
    for n_threads in [2, 3, 8] {
        let what = format!("with {n_threads} threads");
        compare(&what, &on(n_threads), "with 1 thread", &expected);
    }
}

/// Law: `f` gives the same bits when it is called again.
///
/// # Panics
///
/// When a bit differs.
#[track_caller]
pub fn check_same_bits_again<R: Bits>(mut f: impl FnMut() -> R) {
    let expected = f().to_words();
    compare("again", &f().to_words(), "at first", &expected);
}

#[track_caller]
fn compare(what: &str, actual: &[u64], reference: &str, expected: &[u64]) {
    let (n, n_expected) = (actual.len(), expected.len());
    assert_eq!(n, n_expected, "{what}: {n} words of result, {reference}: {n_expected}");
    if let Some(i) = (0..n).find(|&i| actual[i] != expected[i]) {
        let (a, e) = (actual[i], expected[i]);
        let count = (0..n).filter(|&i| actual[i] != expected[i]).count();
        panic!(
            "bits differ at word {i} ({count} of {n} differ): {a:#x} {what}, {e:#x} {reference}"
        );
    }
}
