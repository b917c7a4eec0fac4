//! What commands refuse: exit code 2 with the option or file, what is wrong and the cure, and no file left behind.

use assert_cmd::Command;
use std::path::Path;

/// Every command line with what its message must say. `W` is the folder of the shipped weights.
const REFUSED: &[(&str, &[&str])] = &[
    ("bench --problem square:8,nope.msh", &["nope.msh", "cannot read"]),
    ("bench --problem square:8,", &["mesh"]),
    ("bench --problem sqare:8", &["did you mean square:8?"]),
    ("bench --problem square:8 --rtol 2", &["--rtol 2"]),
    ("bench --problem square:8 -p method=cg", &["-p method=cg", "--method"]),
    ("bench --problem square:8 --peers hypre", &["hypre-boomeramg"]),
    ("move square:4 --monitor constant --field u", &["--field"]),
    ("move square:4 --monitor constant --fix left --slide left", &["--slide left", "--fix"]),
    ("move interval:8 --monitor constant --plot a.png", &["--plot a.png", "intervals"]),
    ("move square:4 --monitor constant --amount -1", &["--amount"]),
    ("move square:4 --monitor constant --method learnd", &["'learned'"]),
    (
        "move square:4 --monitor constant --method learned --weights W/cycle.safetensors",
        &["cycle.safetensors", "tensor"],
    ),
    ("move smoke:8 --monitor constant", &["voxel scene"]),
    ("pinn poison", &["did you mean poisson?"]),
    ("pinn poisson --points 99999999999", &["--points 99999999999", "10000000"]),
    ("pinn poisson --width 100000", &["--width 100000", "1024"]),
    ("pinn poisson --depth 100000", &["--depth 100000", "64"]),
    ("pinn poisson --waves 99999999", &["--waves 99999999", "1024"]),
    ("pinn poisson --network features --width 99999", &["--width 99999", "1024"]),
    ("pinn poisson --sampler quadtre", &["'quadtree'"]),
    ("pinn poisson --csv a.txt", &["--csv a.txt", ".csv"]),
    ("pinn poisson --csv no/a.csv", &["no/a.csv", "its folder does not exist"]),
    ("pinn poisson --checkpoint no/a", &["no/a", "its folder does not exist"]),
    ("pinn poisson --plots no/a", &["no/a", "its folder does not exist"]),
    ("pinn poisson --compare uniform --resume", &["--resume"]),
    ("operator generate darcy-rogh:8 -o a.h5", &["did you mean darcy-rough:8?"]),
    ("operator generate darcy-rough -o a.h5", &["darcy-rough:32"]),
    ("operator generate darcy-rough:8 -o a.h5 --samples 99999999999", &["--samples 99999999999"]),
    ("operator generate darcy-rough:8 -o a.h5 --refine 2", &["--refine 2"]),
    ("operator generate burgers:4 -o a.h5 --dimension 3", &["--dimension 3"]),
    ("operator eval --data darcy-rogh:8", &["did you mean darcy-rough:8?"]),
    ("operator eval --data burgers:8", &["no samples of this problem"]),
    ("operator eval --data darcy-rough:8 --samples 2 --stride 2", &["--stride", "files"]),
    ("operator eval --data darcy-rough:8 --samples 2 --last 5", &["--last 5", "2 samples"]),
    ("operator predict --data darcy-rough:8 --samples 2 --sample 18446744073709551615", &["--sample", "2 samples"]),
    ("operator rollout --data burgers:8 --samples 3 --plot a.txt", &["--plot a.txt", ".png"]),
    ("operator rollout --data burgers:8 --samples 3 --plot a.png --sample 9", &["--sample 9", "3 trajectories"]),
    ("train direction --size 2 -o a.safetensors", &["--size", "4"]),
    ("train direction --size 8 --vectors 4 --batch 1 --resume -o a.safetensors", &["a.checkpoint", "--resume"]),
    ("train cycle --size 16 --resume -o a.safetensors", &["a.checkpoint", "--resume"]),
    ("train mgno --data darcy-rough:8 --samples 4 --test 2 --batch 2 --resume -o a.safetensors", &["a.checkpoint"]),
    (
        "train mgno --data darcy-rough:8 --samples 4 --test 2 --batch 2 --net fno --modes 100 -o a.safetensors",
        &["--modes 100"],
    ),
    (
        "train mgno --data darcy-rough:8 --samples 4 --test 2 --batch 2 --net unet --levels 12 -o a.safetensors",
        &["--levels 12"],
    ),
    ("train mgno --data darcy-rough:8 --net unet --modes 8 -o a.safetensors", &["--net unet", "--modes", "of fno"]),
    ("train mmpde --data nope -o a.safetensors", &["nope", "burgers"]),
    ("train mmpde --mover none --move-every 2 -o a.safetensors", &["--move-every 2", "--mover none"]),
    ("train mover --steps -1 -o a.safetensors", &["--steps", "-1"]),
];

#[test]
fn refusals_name_what_is_wrong_and_leave_nothing() {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/weights");
    for (line, parts) in REFUSED {
        let folder = tempfile::tempdir().unwrap();
        let args = line.split(' ').map(|arg| arg.replace("W/", &format!("{}/", weights.display())));
        let output = Command::cargo_bin("filet").unwrap().current_dir(&folder).args(args).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {message}");
        for part in *parts {
            assert!(message.contains(part), "{line} should say {part}: {message}");
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{line}");
    }
}
