//! Pictures as files: sizes, colours at known places, the same bytes for any number of threads, refusals.

use filet::Error;
use filet::mesh::{CellKind, Mesh};
use filet::report::plot::{Axis3, Curve, CurvesPlot, Cut, SolutionPlot, StripRow, curves, solution, strip};
use std::borrow::Cow;
use std::path::Path;

/// Decoded pixels of a PNG file.
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    fn read(path: &Path) -> Pixels {
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        Pixels { width: info.width as usize, height: info.height as usize, rgb }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let start = (y * self.width + x) * 3;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }

    /// How many pixels are coloured rather than grey.
    fn coloured(&self) -> usize {
        let span = |p: &[u8]| p.iter().max().unwrap() - p.iter().min().unwrap();
        self.rgb.chunks_exact(3).filter(|p| span(p) > 30).count()
    }

    /// The first and last column, then row, of coloured pixels left of `limit`.
    fn coloured_box(&self, limit: usize) -> [usize; 4] {
        let mut found = [usize::MAX, 0, usize::MAX, 0];
        for (i, p) in self.rgb.chunks_exact(3).enumerate() {
            let (x, y) = (i % self.width, i / self.width);
            if x < limit && p.iter().max().unwrap() - p.iter().min().unwrap() > 30 {
                found = [found[0].min(x), found[1].max(x), found[2].min(y), found[3].max(y)];
            }
        }
        found
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn triangles(points: Vec<[f64; 3]>, cells: Vec<u32>) -> Mesh {
    Mesh { points, kind: CellKind::Triangle, cells, groups: Vec::new() }
}

/// The unit square in two triangles.
fn square() -> Mesh {
    triangles(vec![[0.0; 3], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]], vec![0, 1, 2, 0, 2, 3])
}

/// The rectangle [0, a] x [0, b] in 2 n² triangles.
fn rectangle(n: usize, a: f64, b: f64) -> Mesh {
    let at = |i: usize, j: usize| (j * (n + 1) + i) as u32;
    let points =
        (0..(n + 1) * (n + 1)).map(|k| [(k % (n + 1)) as f64 / n as f64 * a, (k / (n + 1)) as f64 / n as f64 * b, 0.0]);
    let cells = (0..n * n).map(|k| (k % n, k / n)).flat_map(|(i, j)| {
        let [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
        [a, b, c, a, c, d]
    });
    triangles(points.collect(), cells.collect())
}

/// The unit cube in 6 n³ tetrahedra.
fn cube(n: usize) -> Mesh {
    let at = |p: [usize; 3]| ((p[2] * (n + 1) + p[1]) * (n + 1) + p[0]) as u32;
    let m = n + 1;
    let points = (0..m * m * m).map(|k| [k % m, k / m % m, k / m / m].map(|i| i as f64 / n as f64)).collect();
    let mut cells = Vec::new();
    for k in 0..n * n * n {
        let corner = [k % n, k / n % n, k / n / n];
        for (axes, even) in [
            ([0, 1, 2], true),
            ([1, 2, 0], true),
            ([2, 0, 1], true),
            ([0, 2, 1], false),
            ([1, 0, 2], false),
            ([2, 1, 0], false),
        ] {
            let mut p = corner;
            let mut cell = vec![at(p)];
            for axis in axes {
                p[axis] += 1;
                cell.push(at(p));
            }
            if !even {
                cell.swap(1, 2);
            }
            cells.extend(cell);
        }
    }
    Mesh { points, kind: CellKind::Tetrahedron, cells, groups: Vec::new() }
}

fn along(mesh: &Mesh, f: impl Fn(&[f64; 3]) -> f64) -> Vec<f64> {
    mesh.points.iter().map(f).collect()
}

fn plain() -> SolutionPlot {
    SolutionPlot { mesh_lines: false, iso_lines: false, ..SolutionPlot::default() }
}

#[test]
fn a_linear_field_has_the_colours_of_its_values() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let mesh = square();
    solution(&path, &mesh, &along(&mesh, |p| p[0]), &plain()).unwrap();
    let pixels = Pixels::read(&path);
    assert_eq!((pixels.width, pixels.height), (1200, 900));
    // The field's box lies left of the colour bar; the first white column after it ends it.
    let [left, _, top, bottom] = pixels.coloured_box(1200);
    let side = bottom - top;
    for (x, viridis) in
        [(0.0, [68, 1, 84]), (0.25, [59, 82, 139]), (0.5, [33, 145, 140]), (0.75, [94, 201, 98]), (1.0, [253, 231, 37])]
    {
        for y in [0.1, 0.5, 0.9] {
            let column = left + 2 + (x * (side - 4) as f64) as usize;
            let seen = pixels.at(column, top + (y * side as f64) as usize);
            assert!((0..3).all(|c| seen[c].abs_diff(viridis[c]) <= 6), "x = {x}: {seen:?} for {viridis:?}");
        }
    }
}

#[test]
fn upwards_is_up() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let mesh = square();
    solution(&path, &mesh, &along(&mesh, |p| p[1]), &plain()).unwrap();
    let pixels = Pixels::read(&path);
    let [left, _, top, bottom] = pixels.coloured_box(1200);
    let [high, low] = [top + 5, bottom - 5].map(|y| pixels.at(left + 100, y));
    assert!(high[0] > 200 && high[1] > 200 && low[1] < 30, "{high:?} {low:?}");
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let folder = folder();
    let draw = |threads: usize, mesh: &Mesh| {
        let path = folder.path().join(format!("{threads}.png"));
        let u = along(mesh, |p| (3.0 * p[0]).sin() * p[1] + p[2] * p[2]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| solution(&path, mesh, &u, &SolutionPlot { width: 400, ..Default::default() })).unwrap();
        std::fs::read(&path).unwrap()
    };
    for mesh in [rectangle(40, 1.0, 1.0), cube(4)] {
        assert_eq!(draw(1, &mesh), draw(4, &mesh));
    }
}

#[test]
fn sizes_are_as_asked_or_as_the_domain_asks() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let size = |mesh: &Mesh, width: u32, height: Option<u32>| {
        solution(&path, mesh, &along(mesh, |p| p[0]), &SolutionPlot { width, height, ..Default::default() }).unwrap();
        let pixels = Pixels::read(&path);
        assert!(pixels.coloured() > 50, "{width} x {height:?}");
        (pixels.width, pixels.height)
    };
    assert_eq!(size(&square(), 640, Some(480)), (640, 480));
    assert_eq!(size(&square(), 120, Some(120)), (120, 120));
    let flat = size(&rectangle(3, 10.0, 1.0), 1000, None);
    assert!(flat.0 == 1000 && flat.1 < 400, "{flat:?}");
    assert_eq!(size(&rectangle(3, 1.0, 1e6), 300, None), (300, 225));
    assert_eq!(size(&cube(2), 300, Some(130)), (300, 130));
}

#[test]
fn a_cube_that_is_zero_outside_shows_its_inside() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let mesh = cube(8);
    let bump = |p: &[f64; 3]| p.iter().map(|x| x * (1.0 - x)).product();
    solution(&path, &mesh, &along(&mesh, bump), &plain()).unwrap();
    let pixels = Pixels::read(&path);
    let yellow = |x: &usize, y: usize| matches!(pixels.at(*x, y), [r, g, b] if r >= 200 && g >= 190 && b <= 90);
    let bright = |columns: std::ops::Range<usize>| {
        columns.map(|x| (0..pixels.height).filter(|&y| yellow(&x, y)).count()).sum::<usize>()
    };
    assert_eq!(bright(0..500), 0, "the surface is zero");
    assert!(bright(600..1050) > 500, "the cut shows the peak");
}

#[test]
fn a_cut_goes_where_it_is_asked_or_says_where_the_mesh_is() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let mesh = cube(2);
    let u = along(&mesh, |p| p[0]);
    let with = |axis, position| SolutionPlot { cut: Some(Cut { axis, position }), width: 300, ..Default::default() };
    for position in [0.0, 0.3, 1.0] {
        solution(&path, &mesh, &u, &with(Axis3::Z, position)).unwrap();
    }
    let error = solution(&path, &mesh, &u, &with(Axis3::X, 1.5)).unwrap_err().to_string();
    assert_eq!(error, "cut x = 1.5: the plane meets no cell; the mesh has x from 0 to 1");
}

#[test]
fn every_kind_of_mesh_has_its_picture() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let interval = Mesh {
        points: vec![[0.0; 3], [0.5, 0.0, 0.0], [1.0, 0.0, 0.0]],
        kind: CellKind::Interval,
        cells: vec![1, 2, 0, 1],
        groups: Vec::new(),
    };
    let mut bent = rectangle(6, 1.0, 1.0);
    bent.points.iter_mut().for_each(|p| p[2] = p[0] * p[1]);
    for mesh in [interval, bent] {
        solution(&path, &mesh, &along(&mesh, |p| p[0]), &SolutionPlot::default()).unwrap();
        assert!(Pixels::read(&path).coloured() > 500);
    }
    // A constant field, up to round-off or exactly.
    for scatter in [0.0, 1e-15] {
        let mesh = square();
        solution(&path, &mesh, &[1.0, 1.0 + scatter, 1.0, 1.0 - scatter], &SolutionPlot::default()).unwrap();
        let middle = Pixels::read(&path).at(500, 450);
        assert!((0..3).all(|c| middle[c].abs_diff([33, 145, 140][c]) <= 4), "{middle:?}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_in_a_sentence() {
    let folder = folder();
    let path = folder.path().join("u.png");
    let refuse = |mesh: &Mesh, u: &[f64]| solution(&path, mesh, u, &SolutionPlot::default()).unwrap_err();
    let error = refuse(&square(), &[0.0, 1.0, f64::NAN, 0.0]);
    assert!(matches!(error, Error::Problem { .. }));
    assert_eq!(error.to_string(), "problem: the value to draw at point 2, (1, 1, 0), is NaN");
    assert!(refuse(&square(), &[0.0; 3]).to_string().contains("3 values to draw at 4 points"));
    assert!(refuse(&square(), &[-1e308, 1e308, 1e308, 0.0]).to_string().contains("cannot be drawn"));
    assert!(refuse(&triangles(Vec::new(), Vec::new()), &[]).to_string().contains("no cells"));
    assert!(refuse(&triangles(vec![[0.0; 3]; 3], vec![0, 1, 3]), &[0.0; 3]).to_string().contains("has vertex 3"));
    let mut broken = square();
    broken.points[3][1] = f64::INFINITY;
    assert!(refuse(&broken, &[0.0; 4]).to_string().contains("point 3 has coordinate y = inf"));
    let line = triangles(vec![[0.0; 3], [1.0, 1.0, 0.0], [2.0, 2.0, 0.0]], vec![0, 1, 2]);
    assert!(refuse(&line, &[0.0, 1.0, 2.0]).to_string().contains("all points lie on a line"));
    let dot =
        Mesh { kind: CellKind::Tetrahedron, points: vec![[1.0; 3]; 4], cells: vec![0, 1, 2, 3], groups: Vec::new() };
    assert!(refuse(&dot, &[0.0; 4]).to_string().contains("no area"));
    assert!(!path.exists());
}

#[test]
fn values_at_points_of_no_cell_do_not_matter() {
    let folder = folder();
    let mut mesh = square();
    mesh.points.push([f64::NAN; 3]);
    solution(&folder.path().join("u.png"), &mesh, &[0.0, 1.0, 2.0, 1.0, f64::NAN], &SolutionPlot::default()).unwrap();
}

#[test]
fn bad_paths_and_sizes_are_refused() {
    let folder = folder();
    let draw = |name: &str, width: u32| {
        solution(&folder.path().join(name), &square(), &[0.0; 4], &SolutionPlot { width, ..Default::default() })
    };
    assert!(draw("u.jpg", 500).unwrap_err().to_string().ends_with("pictures are written as .png or .svg, not .jpg"));
    assert!(draw("u", 500).unwrap_err().to_string().ends_with("must end in .png or .svg"));
    assert!(matches!(draw("none/u.png", 500), Err(Error::Io { .. })));
    assert!(draw("u.png", 100).unwrap_err().to_string().contains("between 120 and 6000"));
    assert!(draw("u.png", 100_000).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

/// Residuals that fall by `rate` in each of `n` steps.
fn history(name: &str, rate: f64, n: i32) -> Curve {
    Curve::history(name, (0..n).map(|i| rate.powi(i)).collect())
}

#[test]
fn residual_histories_are_on_a_log_axis() {
    let folder = folder();
    let path = folder.path().join("r.svg");
    let both = [history("CG & Jacobi", 0.8, 80), history("AMG", 0.2, 12)];
    curves(&path, &both, &CurvesPlot { title: "residuals".into(), ..Default::default() }).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    for text in ["CG &amp; Jacobi", "AMG", "10⁻⁶", "‖r‖ / ‖b‖", "iteration", "residuals"] {
        assert!(svg.contains(&format!(">{text}</text>")), "{text}");
    }
    // Falling by a constant factor is a straight line.
    let line = svg.lines().find(|l| l.contains("stroke=\"#0072b2\"") && l.starts_with("<polyline")).unwrap();
    let points: Vec<[f64; 2]> = line
        .split('"')
        .nth(1)
        .unwrap()
        .split(' ')
        .map(|p| {
            let (x, y) = p.split_once(',').unwrap();
            [x.parse().unwrap(), y.parse().unwrap()]
        })
        .collect();
    assert_eq!(points.len(), 80);
    for w in points.windows(3) {
        assert!((w[0][1] - 2.0 * w[1][1] + w[2][1]).abs() < 0.03);
    }
}

#[test]
fn curves_with_zeros_gaps_one_point_or_many_are_drawn() {
    let folder = folder();
    let path = folder.path().join("r.png");
    let cases = [
        vec![Curve::history("falls to zero", vec![1.0, 1e-3, 0.0])],
        vec![Curve::history("all zero", vec![0.0; 4])],
        vec![Curve::history("one point", vec![0.5])],
        vec![Curve::history("gap", vec![1.0, 0.1, f64::NAN, 0.01, 1e-3])],
        vec![history("many", 0.999, 10_000)],
        (0..9).map(|i| history(&format!("curve {i}"), 0.9 - 0.05 * f64::from(i), 30)).collect(),
    ];
    for case in &cases {
        curves(&path, case, &CurvesPlot::default()).unwrap();
        let pixels = Pixels::read(&path);
        assert!((pixels.width, pixels.height) == (1000, 666) && pixels.coloured() > 20, "{}", case[0].name);
    }
    let error = curves(&path, &[Curve::history("none", vec![f64::NAN])], &CurvesPlot::default()).unwrap_err();
    assert!(error.to_string().contains("no finite"), "{error}");
    assert!(curves(&path, &[], &CurvesPlot::default()).is_err());
    assert!(curves(&path, &[Curve::new("a", vec![1.0], vec![])], &CurvesPlot::default()).is_err());
}

#[test]
fn convergence_plots_have_slopes() {
    let folder = folder();
    let path = folder.path().join("e.svg");
    let h: Vec<f64> = (2..7).map(|k| 0.5f64.powi(k)).collect();
    let l2 = Curve::new("L2", h.clone(), h.iter().map(|h| 0.3 * h * h).collect());
    let h1 = Curve::new("H1", h.clone(), h.iter().map(|h| 1.1 * h).collect());
    let plot = CurvesPlot { log_x: true, slopes: vec![1.0, 2.0], x_label: "h".into(), ..Default::default() };
    curves(&path, &[l2, h1], &plot).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.contains(">slope 1</text>") && svg.contains(">slope 2</text>") && svg.contains("stroke-dasharray"));
}

#[test]
fn a_field_in_an_svg_is_an_embedded_image() {
    let folder = folder();
    let path = folder.path().join("u.svg");
    solution(&path, &square(), &[0.0, 1.0, 2.0, 1.0], &SolutionPlot { title: "a < b".into(), ..Default::default() })
        .unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.contains("data:image/png;base64,") && svg.contains("a &lt; b"));
}

#[test]
fn a_strip_has_a_square_for_every_field() {
    let folder = tempfile::tempdir().unwrap();
    let (png, svg) = (folder.path().join("s.png"), folder.path().join("s.svg"));
    let mesh = filet::mesh::shapes::built_in("square:3").unwrap().unwrap();
    let field = |shift: f64| (Cow::Borrowed(&mesh), mesh.points.iter().map(|p| p[0] + shift).collect::<Vec<f64>>());
    let row = |name, fields| StripRow { name, fields, mesh_lines: true };
    let rows = [row("one", vec![field(0.0), field(1.0)]), row("two", vec![field(2.0), field(0.5)])];
    let columns = ["a".to_string(), "b".to_string()];
    strip(&png, &columns, &rows, "strip", "u").unwrap();
    strip(&svg, &columns, &rows, "strip", "u").unwrap();
    let text = std::fs::read_to_string(&svg).unwrap();
    assert_eq!(text.matches("<image").count(), 5, "four fields and the bar");
    assert!(["one", "two"].iter().all(|name| text.contains(name)));
    std::fs::remove_file(&png).unwrap();
    for bad in [row("short", vec![field(0.0)]), row("nan", vec![field(f64::NAN), field(0.0)])] {
        let error = strip(&png, &columns, &[bad], "", "u").unwrap_err();
        assert!(error.help().is_some() && !png.exists(), "{error}");
    }
    assert!(strip(&png, &columns, &[], "", "u").is_err());
}
