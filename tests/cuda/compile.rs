//! The real NVRTC compiles every kernel, and ptxas says what registers and shared memory it takes. `.ci/cuda` runs this with both.

use filet::device::cuda::{SOURCES, compile};
use std::process::Command;

/// Turing, A100, H100, and the newest that NVRTC 12.9 knows.
const ARCHITECTURES: [&str; 4] = ["75", "80", "90", "121"];

#[test]
#[ignore = "needs NVRTC in LD_LIBRARY_PATH and the path of ptxas in PTXAS: run .ci/cuda"]
fn every_kernel_compiles_for_every_architecture_without_spilling() {
    let ptxas = std::env::var("PTXAS").expect("the path of ptxas");
    let folder = tempfile::tempdir().unwrap();
    let mut faults = Vec::new();
    println!(
        "{:<10} {:<20} {:>5} {:>9} {:>9} {:>7} {:>7}",
        "file", "kernel", "sm", "registers", "shared B", "stack B", "spills"
    );
    for architecture in ARCHITECTURES {
        for source in SOURCES.iter().filter(|s| s.since <= architecture.parse::<i32>().unwrap()) {
            let ptx = compile(source, &format!("compute_{architecture}")).unwrap();
            let path = folder.path().join("kernels.ptx");
            std::fs::write(&path, ptx.trim_end_matches('\0')).unwrap();
            let output = Command::new(&ptxas)
                .args(["-v", &format!("-arch=sm_{architecture}"), "-o", "/dev/null"])
                .arg(&path)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{} for sm_{architecture}: {text}", source.name);
            let mut seen = 0;
            let (mut kernel, mut memory) = (String::new(), [0, 0]);
            for line in text.lines() {
                let number_before = |mark: &str| {
                    let (before, _) = line.split_once(mark)?;
                    before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
                };
                if let Some((_, rest)) = line.split_once("Compiling entry function '") {
                    kernel = rest.split('\'').next().unwrap_or_default().to_string();
                } else if let Some(stack) = number_before(" bytes stack frame") {
                    let spills = number_before(" bytes spill stores").unwrap_or(0);
                    memory = [stack, spills + number_before(" bytes spill loads").unwrap_or(0)];
                } else if let Some(registers) = number_before(" registers") {
                    let shared = number_before(" bytes smem").unwrap_or(0);
                    let [stack, spills] = memory;
                    println!(
                        "{:<10} {kernel:<20} {architecture:>5} {registers:>9} {shared:>9} {stack:>7} {spills:>7}",
                        source.name.trim_end_matches(".cu")
                    );
                    if stack + spills > 0 || shared > 48 * 1024 {
                        faults.push(format!("{kernel} for sm_{architecture}: {line}"));
                    }
                    seen += 1;
                }
            }
            assert_eq!(seen, source.signatures().len(), "kernels of {} for sm_{architecture}: {text}", source.name);
        }
    }
    assert!(faults.is_empty(), "spills:\n{}", faults.join("\n"));
}
