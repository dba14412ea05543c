//! What CSV files become, and where it is said that they cannot.

use super::*;

fn read(text: impl AsRef<[u8]>, options: &CsvOptions) -> Result<Table> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    Table::read_csv(&path, options)
}

#[track_caller]
fn fails(text: impl AsRef<[u8]>, options: &CsvOptions, want: &str) {
    let why = read(text, options).unwrap_err().to_string();
    let (_, why) = why.split_once("t.csv: ").unwrap();
    assert_eq!(why, want);
}

fn plain() -> CsvOptions {
    CsvOptions::new()
}

#[test]
fn types_are_what_all_values_are() {
    let table = read("\u{feff}n, x,t\n1, 2.5 ,a\n-3,4,\"b, c\"\r\n7,1e3,12\n", &plain()).unwrap();
    assert_eq!(table.names(), ["n", "x", "t"]);
    let values = |name: &str| table.get(name).unwrap().values().clone();
    assert_eq!(values("n"), Values::Integers(vec![1, -3, 7]));
    assert_eq!(values("x"), Values::Floats(vec![2.5, 4.0, 1000.0]));
    assert_eq!(values("t"), Values::text(["a", "b, c", "12"]));
    let table = read("1;x\n2;y", &plain().delimiter(b';').without_header().column("0", Type::Text)).unwrap();
    assert_eq!(table.get("0").unwrap().values(), &Values::text(["1", "2"]));
    assert_eq!(table.get("1").unwrap().values(), &Values::text(["x", "y"]));
    // What was a number is the text that it was.
    let table = read("t\n007\nx\n", &plain()).unwrap();
    assert_eq!(table.get("t").unwrap().values(), &Values::text(["007", "x"]));
    assert_eq!(table.get("t").unwrap().described(), "column t is text, since line 3 has \"x\"");
    let none = read("a,b\n", &plain()).unwrap();
    assert_eq!((none.len(), none.names()), (0, vec!["a", "b"]));
}

#[test]
fn missing_values_are_refused_kept_or_left_out() {
    let text = "x,t\n1,a\nNA,b\n3,\n4,d\n";
    fails(
        text,
        &plain(),
        "line 3, column x: no value, expected a number (CsvOptions::missing keeps or drops such rows)",
    );
    fails(
        "x,t\n1,a\n3,\n",
        &plain(),
        "line 3, column t: no value, expected a value (CsvOptions::missing keeps or drops such rows)",
    );
    let kept = read(text, &plain().missing(Missing::Keep)).unwrap();
    assert_eq!(kept.get("x").unwrap().missing(), [1]);
    assert_eq!(kept.get("x").unwrap().values(), &Values::Integers(vec![1, 0, 3, 4]));
    assert_eq!(kept.get("t").unwrap().missing(), [2]);
    let dropped = read(text, &plain().missing(Missing::Drop)).unwrap();
    assert_eq!(dropped.get("x").unwrap().values(), &Values::Integers(vec![1, 4]));
    assert_eq!(dropped.get("t").unwrap().values(), &Values::text(["a", "d"]));
    let spelled = read("x\n?\n2\n", &plain().spelled(["?"]).missing(Missing::Keep)).unwrap();
    assert_eq!(spelled.get("x").unwrap().missing(), [0]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let typed = plain().column("x", Type::Float);
    fails("x,t\n1,a\ntwo,b\n", &typed, "line 3, column x: \"two\", expected a number");
    fails(
        "x\n1.5\n",
        &plain().column("x", Type::Integer),
        "line 2, column x: \"1.5\", expected a whole number",
    );
    fails("x,t\n1,a\n2\n", &plain(), "line 3: 1 fields, expected 2 as in the first line");
    fails("x,x\n1,a\n", &plain(), "line 1, column x: a second column of this name");
    fails("", &plain(), "line 1: the file is empty");
    fails(b"t\n\xff\n", &plain(), "line 2, column t: \"\u{fffd}\" is not UTF-8");
    fails("x\n1\n", &plain().column("y", Type::Text), "line 1: there is no column y");
    fails(",".repeat(20_000), &plain(), "line 1: 20001 columns, at most 16384 are read");
    let why = Table::read_csv("/nowhere/t.csv", &plain()).unwrap_err().to_string();
    assert_eq!(why, "/nowhere/t.csv: cannot open");
}

#[test]
fn parts_of_a_file_are_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    // The second part alone would be of whole numbers.
    std::fs::write(&path, "x,t\n1.5,a\nNA,b\n3,a\n4,c\n5,NA\n").unwrap();
    let file = CsvFile::open(&path, &plain().missing(Missing::Keep)).unwrap();
    assert_eq!((file.len(), file.types()), (5, &[Type::Float, Type::Text][..]));
    let parts: Vec<Table> = file.chunks(2).unwrap().map(Result::unwrap).collect();
    assert_eq!(parts.iter().map(Table::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(parts[1].get("x").unwrap().values(), &Values::Floats(vec![3.0, 4.0]));
    assert_eq!(parts[2].get("t").unwrap().missing(), [0]);
    let dropping = CsvFile::open(&path, &plain().missing(Missing::Drop)).unwrap();
    assert_eq!(dropping.len(), 3);
    let parts: Vec<usize> = dropping.chunks(2).unwrap().map(|part| part.unwrap().len()).collect();
    assert_eq!(parts, [2, 1]);
    std::fs::write(&path, "x,t\n1.5,a\nNA,b\nx,a\n").unwrap();
    let last = file.chunks(9).unwrap().last().unwrap().unwrap_err().to_string();
    assert!(last.ends_with("line 4, column x: \"x\", expected a number"), "{last}");
}
