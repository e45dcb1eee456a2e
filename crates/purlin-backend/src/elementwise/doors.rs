//! The loops of an operation for each number type: by default compiled where the operation is
//! written; the ready operations repeat them so that theirs are compiled once, in this crate.

macro_rules! map_doors {
    ($(#[$attribute:meta])*) => {
        map_doors!(@ $(#[$attribute])* f32 map_f32 map_inplace_f32);
        map_doors!(@ $(#[$attribute])* f64 map_f64 map_inplace_f64);
    };
    (@ $(#[$attribute:meta])* $real:ident $map:ident $inplace:ident) => {
        #[doc(hidden)]
        $(#[$attribute])*
        fn $map(self, x: &[$real], out: &mut [$real]) {
            $crate::elementwise::map_of(self, x, out);
        }
        #[doc(hidden)]
        $(#[$attribute])*
        fn $inplace(self, x: &mut [$real]) {
            $crate::elementwise::map_inplace_of(self, x);
        }
    };
}

macro_rules! zip_doors {
    ($(#[$attribute:meta])*) => {
        zip_doors!(@ $(#[$attribute])* f32 zip_f32 zip_inplace_f32 zip_broadcast_f32);
        zip_doors!(@ $(#[$attribute])* f64 zip_f64 zip_inplace_f64 zip_broadcast_f64);
    };
    (@ $(#[$attribute:meta])* $real:ident $zip:ident $inplace:ident $broadcast:ident) => {
        #[doc(hidden)]
        $(#[$attribute])*
        fn $zip(self, a: &[$real], b: &[$real], out: &mut [$real]) {
            $crate::elementwise::zip_of(self, a, b, out);
        }
        #[doc(hidden)]
        $(#[$attribute])*
        fn $inplace(self, a: &mut [$real], b: &[$real]) {
            $crate::elementwise::zip_inplace_of(self, a, b);
        }
        #[doc(hidden)]
        #[track_caller]
        $(#[$attribute])*
        fn $broadcast(
            self,
            a: &[$real],
            a_shape: &purlin_core::Shape,
            b: &[$real],
            b_shape: &purlin_core::Shape,
            out: &mut [$real],
            out_shape: &purlin_core::Shape,
        ) {
            $crate::elementwise::broadcast::zip_broadcast_of(
                self, a, a_shape, b, b_shape, out, out_shape,
            );
        }
    };
}

macro_rules! zip3_doors {
    ($(#[$attribute:meta])*) => {
        zip3_doors!(@ $(#[$attribute])* f32 zip3_f32);
        zip3_doors!(@ $(#[$attribute])* f64 zip3_f64);
    };
    (@ $(#[$attribute:meta])* $real:ident $zip3:ident) => {
        #[doc(hidden)]
        $(#[$attribute])*
        fn $zip3(self, a: &[$real], b: &[$real], c: &[$real], out: &mut [$real]) {
            $crate::elementwise::zip3_of(self, a, b, c, out);
        }
    };
}
