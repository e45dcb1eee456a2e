use super::*;
use proptest::prelude::*;
use std::fmt::Write;

fn read(text: &str) -> Table {
    CsvReader::new().from_bytes("t.csv", text.as_bytes()).unwrap()
}

fn error(reader: &CsvReader, text: &str) -> String {
    reader.from_bytes("t.csv", text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn types_are_inferred_or_told() {
    let text = "id;n;s\n 1 ; 2.5;x\n2;-3e2;\"y;z\"\n";
    let reader = CsvReader::new().delimiter(b';').categorical("id");
    let table = reader.from_bytes("t.csv", text.as_bytes()).unwrap();
    assert_eq!(table.n_rows(), 2);
    assert_eq!(table.numeric("n").unwrap(), [2.5, -300.0]);
    assert_eq!(table.labels("id").unwrap(), (vec![0, 1], vec!["1".into(), "2".into()]));
    assert_eq!(table.labels("s").unwrap(), (vec![0, 1], vec!["x".into(), "y;z".into()]));
    assert_eq!(
        table.numeric("s").unwrap_err().to_string(),
        "table: column must be numeric, got \"s\", which is categorical"
    );
    assert_eq!(
        error(&reader.numeric("s"), text),
        "csv: corrupt file t.csv at byte 7: line 2, column \"s\": expected a finite number, got \"x\""
    );
}

#[test]
fn columns_are_selected_with_and_without_header() {
    let reader = CsvReader::new().has_header(false).columns(&["2", "0"]);
    let table = reader.from_bytes("t.csv", b"1,2,3\n4,5,6").unwrap();
    assert_eq!(table.matrix().unwrap().as_slice(), [3.0, 1.0, 6.0, 4.0]);
    assert_eq!(
        error(&CsvReader::new().columns(&["c"]), "a,b\n1,2\n"),
        r#"csv: column must be one of ["a", "b"], got "c""#
    );
    assert!(error(&CsvReader::new().missing_in("c", Missing::Drop), "a\n").contains("got \"c\""));
    assert!(error(&CsvReader::new(), "a,a\n1,2\n").ends_with("header names two columns \"a\""));
    assert!(error(&CsvReader::new(), "").ends_with("expected a header line, got an empty file"));
    let empty = CsvReader::new().has_header(false).from_bytes("t.csv", b"").unwrap();
    assert_eq!((empty.n_rows(), empty.columns().len()), (0, 0));
}

#[test]
fn missing_values_by_policy() {
    let text = "a,b\n1,x\n,y\n4,?\n7,z\n";
    assert_eq!(
        error(&CsvReader::new(), text),
        "csv: corrupt file t.csv at byte 8: line 3, column \"a\": expected a value, got none"
    );
    let get = |reader: &CsvReader| reader.from_bytes("t.csv", text.as_bytes()).unwrap();
    let table = get(&CsvReader::new().missing(Missing::Drop));
    assert_eq!(table.numeric("a").unwrap(), [1.0, 7.0]);
    assert_eq!((table.n_rows(), table.n_dropped(), table.n_filled()), (2, 2, 0));
    let reader = CsvReader::new()
        .missing_in("a", Missing::Mean)
        .missing_in("b", Missing::Constant("none".into()));
    let table = get(&reader);
    assert_eq!(table.numeric("a").unwrap(), [1.0, 4.0, 4.0, 7.0]);
    assert_eq!(table.labels("b").unwrap().1, ["none", "x", "y", "z"]);
    assert_eq!(table.n_filled(), 2);
    let zero = CsvReader::new().missing(Missing::Constant("0".into()));
    assert_eq!(get(&zero).numeric("a").unwrap(), [1.0, 0.0, 4.0, 7.0]);
    // The mean is that of the rows that stay.
    let both = CsvReader::new().missing(Missing::Drop).missing_in("a", Missing::Mean);
    assert_eq!(get(&both).numeric("a").unwrap(), [1.0, 4.0, 7.0]);
    assert_eq!(
        error(&CsvReader::new().missing(Missing::Mean), text),
        "csv: missing must be a policy that fits the column, got Mean for column \"b\", \
         which is not numeric"
    );
    let none = CsvReader::new().missing(Missing::Mean).numeric("a");
    assert!(error(&none, "a\nNA\n").ends_with("which has no values"));
    let odd = CsvReader::new().missing(Missing::Drop).missing_tokens(&["-9"]);
    assert_eq!(odd.from_bytes("t", b"a\n1\n-9\n").unwrap().numeric("a").unwrap(), [1.0]);
}

#[test]
fn damaged_tables_are_named() {
    let reader = CsvReader::new();
    assert_eq!(
        error(&reader, "a,b\n1,2\n3\n"),
        "csv: corrupt file t.csv at byte 8: line 3: expected 2 values as in the first line, got 1"
    );
    assert_eq!(
        error(&reader, "a,b\n1,\"2\n3,4\n"),
        "csv: corrupt file t.csv at byte 6: quote is never closed"
    );
    assert!(error(&reader, "a,b\r\n1,2\r\n,4\r\n").contains("at byte 10: line 3, column \"a\""));
    assert_eq!(
        reader.from_bytes("t.csv", b"a,b\n1,\xff\n").unwrap_err().to_string(),
        "csv: corrupt file t.csv at byte 4: line 2, field 1: expected UTF-8"
    );
    assert_eq!(
        error(&reader.clone().numeric("a"), "a\ninf\n"),
        "csv: corrupt file t.csv at byte 2: line 2, column \"a\": expected a finite number, got \"inf\""
    );
}

#[test]
fn a_blank_line_of_a_single_column_is_a_missing_value() {
    for end in ["\n", "\r\n"] {
        let lines = |lines: &[&str]| lines.join(end);
        let text = lines(&["a", "1", "", "3", ""]);
        let at = 1 + end.len() + 1 + end.len();
        let reader = CsvReader::new();
        assert_eq!(
            error(&reader, &text),
            format!(
                "csv: corrupt file t.csv at byte {at}: line 3, column \"a\": expected a value, got none"
            )
        );
        let drop = reader.clone().missing(Missing::Drop);
        let table = drop.from_bytes("t.csv", text.as_bytes()).unwrap();
        assert_eq!((table.numeric("a").unwrap(), table.n_dropped()), (&[1.0, 3.0][..], 1));
        let mean = reader.clone().missing(Missing::Mean);
        let text = lines(&["", "a", "", "\"2\"", "", "", "4", "", ""]);
        let table = mean.from_bytes("t.csv", text.as_bytes()).unwrap();
        assert_eq!(table.numeric("a").unwrap(), [3.0, 2.0, 3.0, 3.0, 4.0]);
        assert_eq!(table.n_filled(), 3);
        let bare = drop.clone().has_header(false);
        let table = bare.from_bytes("t.csv", lines(&["", "1", "", "2"]).as_bytes()).unwrap();
        assert_eq!((table.numeric("0").unwrap(), table.n_dropped()), (&[1.0, 2.0][..], 2));
        // Several columns: a blank line is no row.
        let text = lines(&["a,b", "1,2", "", "3,4", ""]);
        let table = reader.from_bytes("t.csv", text.as_bytes()).unwrap();
        assert_eq!((table.numeric("a").unwrap(), table.n_dropped()), (&[1.0, 3.0][..], 0));
    }
}

#[test]
fn numeric_labels_and_one_hot() {
    let table = read("y,c\n2,a\n-1,b\n2,a\n");
    assert_eq!(table.labels("y").unwrap(), (vec![1, 0, 1], vec!["-1".into(), "2".into()]));
    let wide = table.one_hot("c").unwrap();
    assert_eq!(wide.names().collect::<Vec<_>>(), ["y", "c=a", "c=b"]);
    assert_eq!(wide.matrix().unwrap().row(1), [-1.0, 0.0, 1.0]);
    assert!(table.matrix().is_err());
    assert!(table.one_hot("y").is_err());
    assert_eq!(table.without("c").unwrap().matrix().unwrap().as_slice(), [2.0, -1.0, 2.0]);
}

#[test]
fn quotes_are_followed() {
    let table = read("a,b\n\"x \"\"y\"\"\",5\" disk\n\"two\nlines\",z\n");
    let (codes, texts) = table.labels("a").unwrap();
    assert_eq!((&texts[codes[0]][..], &texts[codes[1]][..]), ("x \"y\"", "two\nlines"));
}

proptest! {
    #[test]
    fn numbers_come_back(values in proptest::collection::vec((any::<i32>(), -1e9f64..1e9), 1..20)) {
        let mut text = String::from("i,x\n");
        for (i, x) in &values {
            writeln!(text, "{i},{x}").unwrap();
        }
        let table = read(&text);
        for (row, (i, x)) in values.iter().enumerate() {
            prop_assert_eq!(table.numeric("i").unwrap()[row], f64::from(*i));
            prop_assert_eq!(table.numeric("x").unwrap()[row], *x);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(
        prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'\r'), Just(b'1'), any::<u8>()], 0..60)
    ) {
        for header in [false, true] {
            let reader = CsvReader::new().has_header(header).missing(Missing::Drop);
            if let Ok(table) = reader.from_bytes("t", &bytes) {
                prop_assert!(table.columns().iter().all(|c| c.data.len() == table.n_rows()));
            }
        }
    }

    #[test]
    fn a_truncated_table_is_an_error_or_a_beginning(n in 0usize..34) {
        let text = "a,b,c\n1,2,3\n4,5,6\n\"7\",8,\"9\"\n";
        if let Ok(table) = CsvReader::new().missing(Missing::Drop).from_bytes("t", &text.as_bytes()[..n.min(text.len())]) {
            prop_assert!(table.n_rows() <= 3);
        }
    }
}

#[test]
fn rows_keep_their_text() {
    let rows = ["00123,\"a,\r\nb\" , 1.50", " 4,\"\"\"q\"\"\",-0", "NA,x,5", "7,,8"];
    for end in ["\n", "\r\n"] {
        let lines = ["\u{feff}id, name ,x", rows[0], "", rows[1], rows[2], rows[3], "", ""];
        let text = lines.join(end);
        let reader = CsvReader::new().missing(Missing::Constant("none".into()));
        let reader = reader.missing_in("id", Missing::Drop).keep_text(true);
        let table = reader.from_bytes("t.csv", text.as_bytes()).unwrap();
        assert_eq!(table.header_text(), Some("\u{feff}id, name ,x"));
        for (i, row) in [rows[0], rows[1], rows[3]].into_iter().enumerate() {
            assert_eq!(table.row_text(i), Some(row));
        }
        assert_eq!((table.row_text(3), table.n_dropped()), (None, 1));
        let bare = CsvReader::new().missing(Missing::Constant("none".into())).keep_text(true);
        let bare = bare.has_header(false);
        let table = bare.from_bytes("t.csv", text.as_bytes()).unwrap();
        assert_eq!((table.header_text(), table.row_text(1)), (None, Some(rows[0])));
    }
    let table = read("a\n1\n");
    assert_eq!((table.header_text(), table.row_text(0)), (None, None));
}
