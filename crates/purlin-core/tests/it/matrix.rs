//! Tables: what the doors take and refuse, and views that agree with the plain formula.

use proptest::prelude::*;
use purlin_core::{Error, Matrix, MatrixCow, MatrixView};

/// A table of distinct numbers: row 2, column 3 holds 203.
fn labelled(n_rows: usize, n_cols: usize) -> Matrix<f64> {
    Matrix::from_fn(n_rows, n_cols, |i, j| (100 * i + j) as f64)
}

#[test]
fn arrays_and_slices_are_borrowed_in_place() {
    let rows = [[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let view = MatrixView::from_rows(&rows);
    assert_eq!(view.shape(), (2, 3));
    assert!(std::ptr::eq(view.row(1).as_ptr(), rows[1].as_ptr()), "copied");
    let flat = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let view = MatrixView::from_slice(&flat, 3, 2).unwrap();
    assert!(std::ptr::eq(view.row(0).as_ptr(), flat.as_ptr()), "copied");
    assert_eq!(view.rows().rev().map(|row| row[0]).collect::<Vec<_>>(), [5.0, 3.0, 1.0]);
    assert_eq!(view.column(1).collect::<Vec<_>>(), [2.0, 4.0, 6.0]);
    assert_eq!(MatrixView::from(&view.to_matrix()), view);
}

#[test]
fn strided_rows_skip_what_lies_between() {
    let data: Vec<f64> = (0..14).map(f64::from).collect();
    let view = MatrixView::from_strided(&data, 3, 2, 5).unwrap();
    assert_eq!(view.to_vec(), [0.0, 1.0, 5.0, 6.0, 10.0, 11.0]);
    assert_eq!((view.row_stride(), view.as_slice()), (5, None));
    assert_eq!(view[(2, 1)], 11.0);
    assert_eq!(view, MatrixView::from_rows(&[[0.0, 1.0], [5.0, 6.0], [10.0, 11.0]]));
}

#[test]
fn doors_refuse_with_the_numbers() {
    let text = |result: Result<MatrixView<'_, f64>, Error>| result.unwrap_err().to_string();
    let data = [0.0; 9];
    assert_eq!(
        text(MatrixView::from_slice(&data, 2, 4)),
        "matrix: expected 8 numbers for 2 rows of 4, got 9"
    );
    assert_eq!(
        text(MatrixView::from_slice(&data, usize::MAX, 2)),
        format!(
            "matrix: expected a number of elements that fits in usize, got {} rows of 2",
            usize::MAX
        )
    );
    assert_eq!(
        text(MatrixView::from_strided(&data, 2, 4, 3)),
        "matrix: row_stride must be at least the 4 columns, got 3"
    );
    assert_eq!(
        text(MatrixView::from_strided(&data, 3, 2, 4)),
        "matrix: expected at least 10 numbers for 3 rows of 2, 4 apart, got 9"
    );
    assert!(matches!(
        MatrixView::from_strided(&data, 3, 2, usize::MAX / 2 + 1),
        Err(Error::Shape { .. })
    ));
    assert_eq!(
        Matrix::from_vec(vec![1.0f32; 5], 2, 3).unwrap_err().to_string(),
        "matrix: expected 6 numbers for 2 rows of 3, got 5"
    );
    assert_eq!(
        Matrix::from_row_slices(&[&[1.0, 2.0][..], &[3.0, 4.0], &[]]).unwrap_err().to_string(),
        "matrix: expected 2 numbers in every row, got 0 in row 2"
    );
}

#[test]
fn the_first_number_that_is_not_finite_is_named() {
    let mut x = labelled(5, 40);
    x.view().check_finite("dbscan", "x").unwrap();
    x[(3, 39)] = f64::NEG_INFINITY;
    x[(3, 17)] = f64::NAN;
    let err = x.view().check_finite("dbscan", "x").unwrap_err();
    assert!(matches!(err, Error::NonFinite { row: 3, column: 17, .. }));
    assert_eq!(err.to_string(), "dbscan: x must be finite, got NaN at row 3, column 17");
    let err = x.view().column_range(30..40).check_finite("dbscan", "x").unwrap_err();
    assert_eq!(err.to_string(), "dbscan: x must be finite, got -inf at row 3, column 9");
    x.view().row_range(0..3).check_finite("dbscan", "x").unwrap();
}

#[test]
fn empty_tables_keep_their_shape() {
    let no_rows: [[f64; 3]; 0] = [];
    let view = MatrixView::from_rows(&no_rows);
    assert_eq!((view.shape(), view.rows().len()), ((0, 3), 0));
    let no_columns = Matrix::<f64>::zeros(4, 0);
    assert_eq!(no_columns.rows().map(<[f64]>::len).collect::<Vec<_>>(), [0; 4]);
    assert_eq!(no_columns.transpose().shape(), (0, 4));
    no_columns.view().check_finite("op", "x").unwrap();
    let none: [Vec<f64>; 0] = [];
    assert_eq!(Matrix::from_row_slices(&none).unwrap().shape(), (0, 0));
    let x = labelled(2, 2);
    assert_eq!(x.view().row_range(2..2).shape(), (0, 2));
    assert_eq!(x.view().column_range(2..2).to_vec(), [0.0; 0]);
    assert_eq!(MatrixView::from_strided(&[0.0; 0], 0, 3, 9).unwrap().shape(), (0, 3));
}

#[test]
fn writing_changes_one_place() {
    let mut x = Matrix::<f32>::zeros(2, 3);
    x[(1, 2)] = 7.0;
    x.row_mut(0)[1] = 5.0;
    x.as_mut_slice()[3] = -1.0;
    assert_eq!(x.clone().into_vec(), [0.0, 5.0, 0.0, -1.0, 0.0, 7.0]);
    assert_eq!(x.map(|v| 2.0 * v)[(1, 2)], 14.0);
    assert_eq!(format!("{x:?}"), "2 by 3 [[0.0, 5.0, 0.0], [-1.0, 0.0, 7.0]]");
    assert_eq!(Matrix::<f64>::identity(2).into_vec(), [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn casting_rounds_to_nearest() {
    let x = Matrix::from_rows(&[[0.1f64, 1e300, -0.0]]);
    let y = x.cast::<f32>();
    assert_eq!(y.row(0)[..2], [0.1f32, f32::INFINITY]);
    assert!(y[(0, 2)] == 0.0 && y[(0, 2)].is_sign_negative());
    assert_eq!(y.cast::<f64>()[(0, 0)], f64::from(0.1f32));
}

#[test]
#[should_panic(expected = "matrix: row must be below 2, got 2")]
fn a_row_past_the_end_panics() {
    let _ = labelled(2, 2).row(2);
}

#[test]
#[should_panic(expected = "matrix: column must be below 2, got 5")]
fn a_column_past_the_end_panics() {
    let _ = labelled(2, 2).column(5).count();
}

#[test]
#[should_panic(expected = "matrix: expected an index below (2, 2), got (0, 2)")]
fn an_index_past_the_row_is_not_the_next_row() {
    let _ = labelled(2, 2)[(0, 2)];
}

#[test]
#[should_panic(expected = "matrix: row range must be within 0..2, got 1..3")]
fn a_range_past_the_end_panics() {
    let _ = labelled(2, 2).view().row_range(1..3);
}

#[test]
#[should_panic(expected = "a number of elements that fits in usize")]
fn a_table_larger_than_memory_can_be_is_refused() {
    let _ = Matrix::<f32>::zeros(usize::MAX, 2);
}

#[test]
fn nalgebra_matrices_of_any_kind_are_copied_with_rows_as_rows() {
    let dynamic = nalgebra::DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let expected = Matrix::from_rows(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(Matrix::from(&dynamic), expected);
    assert_eq!(
        Matrix::from(&dynamic.columns(1, 2)),
        expected.view().column_range(1..3).to_matrix()
    );
    let fixed = nalgebra::Matrix2x3::new(1.0, 2.0, 3.0, 4.0, 5.0, 6.0);
    assert_eq!(Matrix::from(&fixed), expected);
    assert_eq!(nalgebra::DMatrix::from(&expected), dynamic);
    assert!(!MatrixCow::from(&fixed).is_borrowed());
    assert_eq!(MatrixCow::from(&fixed).into_owned(), expected);
}

#[cfg(feature = "ndarray")]
mod ndarray_door {
    use super::*;
    use ndarray::{Array2, ArrayView2, array, s};

    #[test]
    fn a_standard_array_is_borrowed_and_any_other_copied() {
        let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let view = MatrixView::try_from(a.view()).unwrap();
        assert!(std::ptr::eq(view.row(0).as_ptr(), a.as_ptr()), "copied");
        let rows = MatrixCow::from(a.slice(s![1.., ..]));
        assert!(rows.is_borrowed());
        assert_eq!(rows.view().row(0), [4.0, 5.0, 6.0]);

        let err = MatrixView::try_from(a.t()).unwrap_err();
        assert_eq!(
            err.to_string(),
            "matrix: expected an array in standard layout, got shape (3, 2) with strides [1, 3]"
        );
        let transposed = MatrixCow::from(a.t());
        assert!(!transposed.is_borrowed());
        assert_eq!(transposed.view().row(2), [3.0, 6.0]);
        assert_eq!(MatrixCow::from(a.slice(s![.., ..;-2])).view().row(0), [3.0, 1.0]);
    }

    #[test]
    fn owned_arrays_come_and_go() {
        let a = array![[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
        let matrix = Matrix::from(a.clone());
        assert_eq!(matrix, Matrix::from(&a));
        assert_eq!(Array2::from(matrix.clone()), a);
        assert_eq!(Matrix::from(a.clone().reversed_axes()).row(1), [2.0, 4.0, 6.0]);
        let mut cut = a.clone();
        cut.slice_collapse(s![1.., ..]);
        assert_eq!(Matrix::from(cut).into_vec(), [3.0, 4.0, 5.0, 6.0]);
        let wide = labelled(3, 4);
        let view = ArrayView2::from(wide.view().column_range(1..3));
        assert_eq!(view, array![[1.0, 2.0], [101.0, 102.0], [201.0, 202.0]]);
        let empty = Matrix::<f64>::zeros(3, 0);
        assert_eq!(ArrayView2::from(empty.view()).dim(), (3, 0));
        assert_eq!(ArrayView2::from(wide.view().row_range(2..2)).dim(), (0, 4));
    }
}

proptest! {
    #[test]
    fn a_block_of_a_table_is_what_its_indices_say(
        (n_rows, n_cols) in (0usize..8, 0usize..8),
        cuts in [0usize..8, 0usize..8, 0usize..8, 0usize..8],
    ) {
        let x = labelled(n_rows, n_cols);
        let [a, b, c, d] = cuts;
        let rows = a.min(n_rows).min(b)..b.min(n_rows);
        let cols = c.min(n_cols).min(d)..d.min(n_cols);
        let by_rows = x.view().row_range(rows.clone()).column_range(cols.clone());
        let by_cols = x.view().column_range(cols.clone()).row_range(rows.clone());
        let expected = Matrix::from_fn(rows.len(), cols.len(), |i, j| x[(rows.start + i, cols.start + j)]);
        prop_assert_eq!(by_rows.to_matrix(), expected.clone());
        prop_assert_eq!(by_cols.to_matrix(), expected.clone());
        prop_assert_eq!(by_rows, expected.view());
        if let Some(flat) = by_rows.as_slice() {
            prop_assert_eq!(flat, expected.as_slice());
        }
        let picked: Vec<usize> = rows.clone().rev().collect();
        let selected = x.view().select_rows(&picked);
        prop_assert!(selected.rows().eq(rows.map(|i| x.row(i)).rev()));
    }

    #[test]
    fn transposing_twice_and_nalgebra_and_back_are_the_identity(n_rows in 0usize..7, n_cols in 0usize..7) {
        let x = labelled(n_rows, n_cols);
        prop_assert_eq!(x.transpose().transpose(), x.clone());
        prop_assert_eq!(Matrix::from(&nalgebra::DMatrix::from(x.view())), x);
    }
}
