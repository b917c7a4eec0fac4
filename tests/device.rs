//! `--device cuda` where there is no CUDA: one sentence that names what is missing.

use assert_cmd::Command;

#[test]
fn without_cuda_the_command_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("net.safetensors");
    let weights = weights.to_str().unwrap();
    for args in [
        &["info", "device"][..],
        &["solve", "box:8", "--device", "cuda"],
        &["solve", "square:4", "--device", "cuda"],
        &[
            "train",
            "direction",
            "--size",
            "4",
            "--vectors",
            "4",
            "--steps",
            "1",
            "--device",
            "cuda",
            "--output",
            weights,
        ],
        &["train", "mgno", "--data", "darcy-rough:8", "--device", "cuda", "--weights", weights],
        &["train", "mover", "--steps", "1", "--batch", "1", "--device", "cuda", "--output", weights],
        &["move", "square:4", "--monitor", "1 + x", "--method", "learned", "--device", "cuda"],
        &["operator", "eval", "--data", "darcy-rough:32", "--samples", "1", "--device", "cuda"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_filet")).args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "{text}");
        // A machine with a GPU may well have all of it.
        if output.status.code() != Some(0) {
            assert_eq!(output.status.code(), Some(2), "{text}");
            let missing = ["without CUDA", "no NVIDIA driver", "finds no GPU", "no NVRTC"];
            assert!(missing.iter().any(|m| text.contains(m)), "{text}");
            assert!(text.contains("help: "), "{text}");
        }
    }
}
