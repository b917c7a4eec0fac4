"""PyTorch beside `cargo bench --bench convolution`: 16 -> 16 channels, 3x3x3, 64x64x64, in both memory layouts.

    python benches/convolution_twin.py [threads] [rounds]
"""
import statistics, sys, time
import torch

threads, rounds = (int(a) for a in (sys.argv[1:] + ["2", "15"][len(sys.argv) - 1:]))
torch.set_num_threads(threads)
flops = 2 * 27 * 16 * 16 * 64**3
for layout in (torch.contiguous_format, torch.channels_last_3d):
    x = torch.randn(1, 16, 64, 64, 64).to(memory_format=layout).requires_grad_()
    g = torch.randn(1, 16, 64, 64, 64).to(memory_format=layout)
    conv = torch.nn.Conv3d(16, 16, 3, padding=1).to(memory_format=layout)

    def forward():
        with torch.no_grad():
            conv(x)

    def both():
        conv(x).backward(g)

    for name, run, work in (("forward", forward, flops), ("forward and backward", both, 3 * flops)):
        run()
        seconds = []
        for _ in range(rounds):
            t = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - t)
        s = statistics.median(seconds)
        print(f"{str(layout):28} {name:21} {1e3 * s:8.2f} ms {1e-9 * work / s:7.1f} GFLOP/s", flush=True)
