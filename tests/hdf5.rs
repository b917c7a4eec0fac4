//! HDF5: files of h5py, round trips, and corrupted files.

use std::path::{Path, PathBuf};

use filet::hdf5::{Attribute, Layout, Reader, Writer};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5").join(name)
}

fn counting(n: usize) -> Vec<f64> {
    (0..n).map(|i| i as f64).collect()
}

#[test]
fn files_of_h5py_are_read() {
    for name in ["default.h5", "latest.h5"] {
        let file = Reader::open(data(name)).unwrap();
        let growing = (name == "latest.h5").then_some("growing");
        for set in ["f64", "big_endian", "deflated", "f32"].into_iter().chain(growing) {
            assert_eq!(file.shape(set).unwrap(), [5, 12], "{name} {set}");
            assert_eq!(file.read::<f64>(set).unwrap(), counting(60), "{name} {set}");
            assert_eq!(file.read_rows::<f64>(set, 1..4).unwrap(), &counting(60)[12..48], "{name} {set}");
            assert!(file.read_rows::<f64>(set, 2..2).unwrap().is_empty());
        }
        assert_eq!(file.read::<f32>("f64").unwrap()[59], 59.0);
        assert_eq!(file.shape("group/flags").unwrap(), [2, 3, 4]);
        assert_eq!(file.read::<u8>("group/flags").unwrap(), (0..24).map(|i| i % 3).collect::<Vec<u8>>());
        assert_eq!(file.read::<u8>("link").unwrap(), [0, 1, 2, 3]);
        assert_eq!(file.read::<i64>("number").unwrap(), [-7]);
        assert_eq!(file.strings("group/names").unwrap(), ["alpha", "β"]);
        assert_eq!(file.strings("group/fixed").unwrap(), ["ab", "cde"]);
        assert_eq!(file.attribute("/", "spacing").unwrap(), Attribute::Float(0.25));
        assert_eq!(file.attribute("/", "title").unwrap(), Attribute::Text("h5py, größer".into()));
        assert_eq!(file.attribute("f64", "unit").unwrap(), Attribute::Text("m".into()));
        assert_eq!(file.attribute("group/flags", "count").unwrap().number(), Some(24.0));
        let members = file.members("group").unwrap();
        assert!(members.groups.is_empty());
        assert_eq!(members.datasets.len(), 4);
    }
}

#[test]
fn a_matlab_file_is_read() {
    let file = Reader::open(data("matlab73.mat")).unwrap();
    assert_eq!(file.read::<f64>("x").unwrap(), counting(6));
    assert_eq!(file.attribute("x", "MATLAB_class").unwrap(), Attribute::Text("double".into()));
}

#[test]
fn wrong_names_and_types_are_told_apart() {
    let file = Reader::open(data("default.h5")).unwrap();
    let message = |e: filet::Error| format!("{e}; {}", e.help().unwrap_or_default());
    let missing = message(file.read::<f64>("group/nothing").unwrap_err());
    assert!(missing.contains("no data set \"group/nothing\"; there are: "), "{missing}");
    let negative = message(file.read::<u8>("number").unwrap_err());
    assert!(negative.contains("number: value 0 is -7, which u8 cannot hold"), "{negative}");
    let text = message(file.read::<f64>("group/names").unwrap_err());
    assert!(text.contains("not numbers"), "{text}");
    let rows = message(file.read_rows::<f64>("f64", 3..9).unwrap_err());
    assert!(rows.contains("rows 3..9 asked for, there are 5"), "{rows}");
    let attribute = message(file.attribute("/", "nothing").unwrap_err());
    assert!(attribute.contains("there are: spacing, title"), "{attribute}");
    assert!(file.read::<f64>("group").is_err());
    assert!(file.members("f64").is_err());
    assert!(Reader::open(data("make.py")).is_err_and(|e| e.to_string().contains("not a readable HDF5 file")));
    assert!(Reader::open(data("none.h5")).is_err_and(|e| e.to_string().contains("cannot read")));
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut file = Writer::create(&path).unwrap();
    let values: Vec<f64> = (0..300_000).map(|i| (i as f64).sin()).collect();
    for (name, layout) in [("plain", Layout::Contiguous), ("a/b/deflated", Layout::Compressed)] {
        file.write(name, &[30, 100, 100], &values, layout).unwrap();
    }
    for layout in [Layout::Contiguous, Layout::Compressed] {
        let name = |t: &str| format!("{layout:?}/{t}");
        file.write(&name("u8"), &[4], &[0u8, 1, 2, 255], layout).unwrap();
        file.write(&name("i32"), &[2, 1], &[i32::MIN, 7], layout).unwrap();
        file.write(&name("u32"), &[1], &[u32::MAX], layout).unwrap();
        file.write(&name("i64"), &[], &[i64::MIN], layout).unwrap();
        file.write(&name("u64"), &[1], &[u64::MAX], layout).unwrap();
        file.write(&name("f32"), &[2], &[0.1f32, f32::INFINITY], layout).unwrap();
        file.write::<f64>(&name("nothing"), &[0, 3], &[], layout).unwrap();
        for piece in values.chunks(50_000) {
            file.append(&name("rows"), &[100], piece, layout).unwrap();
        }
    }
    file.strings("names", &["alpha", "", "β"]).unwrap();
    file.attribute("/", "spacing", &Attribute::Float(0.5)).unwrap();
    file.attribute("a/b", "title", &Attribute::Text("größer".into())).unwrap();
    file.attribute("a/b/deflated", "count", &Attribute::Integer(-3)).unwrap();
    file.attribute("plain", "unit", &Attribute::Text("m".into())).unwrap();
    assert!(!path.exists());
    file.finish().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let file = Reader::open(&path).unwrap();
    for name in ["plain", "a/b/deflated"] {
        assert_eq!(file.shape(name).unwrap(), [30, 100, 100]);
        assert_eq!(file.read::<f64>(name).unwrap(), values);
        assert_eq!(file.read_rows::<f64>(name, 7..9).unwrap(), &values[70_000..90_000]);
    }
    for layout in ["Contiguous", "Compressed"] {
        let name = |t: &str| format!("{layout}/{t}");
        assert_eq!(file.read::<u8>(&name("u8")).unwrap(), [0, 1, 2, 255]);
        assert_eq!(file.read::<i32>(&name("i32")).unwrap(), [i32::MIN, 7]);
        assert_eq!(file.read::<u32>(&name("u32")).unwrap(), [u32::MAX]);
        assert_eq!(file.read::<i64>(&name("i64")).unwrap(), [i64::MIN]);
        assert_eq!(file.read::<u64>(&name("u64")).unwrap(), [u64::MAX]);
        assert_eq!(file.read::<f32>(&name("f32")).unwrap(), [0.1, f32::INFINITY]);
        assert_eq!(file.shape(&name("nothing")).unwrap(), [0, 3]);
        assert!(file.read::<f64>(&name("nothing")).unwrap().is_empty());
        assert_eq!(file.shape(&name("rows")).unwrap(), [3000, 100]);
        assert_eq!(file.read::<f64>(&name("rows")).unwrap(), values);
    }
    assert_eq!(file.strings("names").unwrap(), ["alpha", "", "β"]);
    assert_eq!(file.attribute("/", "spacing").unwrap(), Attribute::Float(0.5));
    assert_eq!(file.attribute("a/b", "title").unwrap(), Attribute::Text("größer".into()));
    assert_eq!(file.attribute("a/b/deflated", "count").unwrap(), Attribute::Integer(-3));
    assert_eq!(file.attribute("plain", "unit").unwrap(), Attribute::Text("m".into()));
    assert_eq!(file.members("/").unwrap().groups.len(), 3);
}

#[test]
fn wrong_writes_are_refused_and_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut file = Writer::create(&path).unwrap();
    assert!(file.write("x", &[2, 3], &[1.0; 5], Layout::Contiguous).is_err());
    assert!(file.write("x", &[usize::MAX, 3], &[1.0; 5], Layout::Contiguous).is_err());
    file.write("x", &[2], &[1.0, 2.0], Layout::Contiguous).unwrap();
    assert!(file.write("x", &[2], &[1.0, 2.0], Layout::Contiguous).is_err());
    assert!(file.write("", &[1], &[1.0], Layout::Contiguous).is_err());
    assert!(file.append("rows", &[3], &[1.0; 4], Layout::Contiguous).is_err());
    file.append("rows", &[3], &[1.0; 6], Layout::Contiguous).unwrap();
    assert!(file.append("rows", &[2], &[1.0; 4], Layout::Contiguous).is_err());
    drop(file);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(Writer::create(folder.path().join("none/a.h5")).is_err());
}

/// Reads everything there is.
fn read_all(path: &Path) {
    let Ok(file) = Reader::open(path) else { return };
    for group in ["/", "group"] {
        let Ok(members) = file.members(group) else { continue };
        for set in members.datasets {
            let set = format!("{group}/{set}");
            let _ = (file.shape(&set), file.read::<f64>(&set), file.read_rows::<u8>(&set, 0..1), file.strings(&set));
            let _ = (file.attribute(&set, "unit"), file.attribute(&set, "count"));
        }
    }
    let _ = (file.attribute("/", "spacing"), file.attribute("/", "title"));
}

#[test]
fn corrupted_files_give_errors_not_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut below = |n: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % n as u64) as usize
    };
    for name in ["default.h5", "latest.h5"] {
        let whole = std::fs::read(data(name)).unwrap();
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes[at] = below(256) as u8,
                    1 => bytes[at] ^= 1 << below(8),
                    2 => bytes[at..].iter_mut().take(8).for_each(|b| *b = 255),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            read_all(&path);
        }
    }
}
