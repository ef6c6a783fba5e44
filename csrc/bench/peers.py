#!/usr/bin/env python3
"""Times moetop's grouped GEMMs beside their peers' own binaries, in turn in one process.

usage: peers.py LIBRARY PEERS_DIR OUT.csv [--model NAME,..] [--tokens N,..] [--gap-ms N] [--reps N] [--energy S]
       peers.py --table CSV..  prints what earlier runs wrote as Markdown, a row as the last run that has it

LIBRARY is build/libgemm_bench.so. PEERS_DIR holds what users of the peers install: common_ops.abi3.so of
sglang-kernel (its generic and its expert-specialized grouped GEMM) and the wheels of sgl-deep-gemm with what
it needs. A peer that is not there is left out, and said so. Needs PyTorch for the same CUDA.

A time is the median of CUDA graph replays over rotating inputs with random data, contenders forward and back
in turn, by CUDA events; the SM clock and the power stand beside it. A row begins when the clock has recovered
from the row before. moetop's results are compared with sglang's before anything is timed. DeepGEMM's layout work
(padding experts, transposing scales) is not counted.

native-on and native-off are launched as the engine does it: a GEMM may start while the kernel in front still
runs, and has its weights under way when that one ends. native-on-apart starts when the one in front has ended,
as all the peers do.

--energy then lets each contender run alone for S seconds, after as long a run-in, and reads the GPU's energy
counter: joules a launch, TFLOP/s per watt, and the time a launch at the clock that this power allows. With gaps
the energy of the idle time is in it, as in serving.
"""
import argparse
import csv
import ctypes
import glob
import math
import os
import sys
import tempfile
import time
import zipfile

try:
    import pynvml
    import torch
except ImportError:  # --table needs neither
    torch = pynvml = None

DEVICE = "cuda"
F8 = torch and torch.float8_e4m3fn
READ_BYTES_PER_S, FLOPS_PER_S = 4.65e12, 1760e12  # ceilings of an H200
ENERGY_BURST = 4  # replays of a graph between two looks at the clock
# A graph starts some microseconds after the event in front of it. It goes over the inputs as often as it takes to
# last this long, on the floor, so that its start is a percent of it at most.
MIN_GRAPH_US = 500
MODELS = {  # experts, top-k, hidden, intermediate of the shard, batches
    "dsv3-tp8": (256, 8, 7168, 256, (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192)),
    "dsv3-ep8": (32, 8, 7168, 2048, (16, 128, 512, 2048)),
    "qwen3-235b-tp4": (128, 8, 4096, 384, (1, 16, 128, 1024, 4096)),
    "qwen3-30b": (128, 8, 2048, 768, (1, 16, 64, 128, 1024, 8192)),
}
ZIPF_BATCHES = {"dsv3-tp8": (64, 128, 1024, 4096)}


class Gemm(ctypes.Structure):
    """struct GroupedGemm of csrc/gemm/grouped_gemm.h."""

    _fields_ = [(name, ctypes.c_int) for name in ("num_experts", "num_rows", "n", "k")] + [
        (name, ctypes.c_void_p) for name in ("a", "a_scale", "b", "b_scale", "d", "offsets", "workspace")
    ]


class Ours:
    FAMILIES = {"cutlass": 0, "native": 1}

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.moetop_bench_workspace_bytes.restype = ctypes.c_uint64
        self.workspaces = {}

    def workspace(self, family, experts):
        key = family, experts
        if key not in self.workspaces:
            sms = torch.cuda.get_device_properties(0).multi_processor_count
            size = self.library.moetop_bench_workspace_bytes(self.FAMILIES[family], experts, sms)
            self.workspaces[key] = torch.zeros(max(size, 256), device=DEVICE, dtype=torch.uint8)
        return self.workspaces[key]

    def launch(self, family, is_es, s, out, starts_early=False):
        gemm = Gemm(s.experts, s.rows, s.n, s.k, s.a.data_ptr(), s.a_scale.data_ptr(), s.w.data_ptr(),
                    s.w_scale.data_ptr(), out.data_ptr(), s.offsets.data_ptr(),
                    self.workspace(family, s.experts).data_ptr())
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        if self.library.moetop_bench_gemm(self.FAMILIES[family], int(is_es), int(starts_early), ctypes.byref(gemm), stream) != 0:
            raise RuntimeError(f"{family}: the launch failed")


def load_peers(folder):
    sglang = deep_gemm = None
    try:
        torch.ops.load_library(os.path.join(folder, "common_ops.abi3.so"))
        sglang = torch.ops.sgl_kernel
    except OSError as error:
        print("without sglang-kernel:", error, file=sys.stderr)
    site = tempfile.mkdtemp(prefix="peers-")
    for wheel in glob.glob(os.path.join(folder, "*.whl")):
        zipfile.ZipFile(wheel).extractall(site)
    sys.path.insert(0, site)
    os.environ.setdefault("DG_JIT_CACHE_DIR", os.path.join(site, "cache"))
    try:
        import deep_gemm
    except Exception as error:  # whatever its import trips over
        print("without DeepGEMM:", error, file=sys.stderr)
    return sglang, deep_gemm


def random_e4m3(*shape):
    out = torch.empty(shape, device=DEVICE, dtype=F8)
    for part in out.view(-1, shape[-1]).split(1 << 16):
        part.copy_(torch.randn(part.shape, device=DEVICE).mul_(100).clamp_(-448, 448))
    return out


class Inputs:
    """One routing's operands of one GEMM; rows sorted by expert, 256 rows of scales behind the last."""

    def __init__(self, model, is_up, weights, tokens, routing, seed):
        self.experts, top_k, hidden, inter, _ = MODELS[model]
        self.n, self.k = (2 * inter, hidden) if is_up else (hidden, inter)
        self.w, self.w_scale = weights
        generator = torch.Generator(device=DEVICE)
        generator.manual_seed(seed)
        draw = torch.rand((tokens, self.experts), device=DEVICE, generator=generator)
        if routing == "zipf":
            rank = torch.randperm(self.experts, device=DEVICE, generator=generator) + 1
            draw = -rank.float().log() - (-draw.clamp_(1e-12, 1 - 1e-7).log()).log()
        self.ids = draw.topk(top_k, dim=1).indices.int().contiguous()
        self.rows = tokens * top_k
        self.counts = torch.bincount(self.ids.flatten().long(), minlength=self.experts)
        self.offsets = torch.zeros(self.experts + 1, device=DEVICE, dtype=torch.int32)
        self.offsets[1:] = self.counts.cumsum(0)
        self.a = random_e4m3(self.rows, self.k)
        padded = torch.rand((self.rows + 256, self.k // 128), device=DEVICE) * 0.01 + 0.001
        self.a_scale = padded[: self.rows]
        self.out = torch.empty((self.rows, self.n), device=DEVICE, dtype=torch.bfloat16)

    def floor_us(self):
        active = int((self.counts > 0).sum())
        weights = active * self.n * self.k * (1 + 4 / 128**2)
        moved = weights + self.rows * self.k * (1 + 4 / 128) + 2 * self.rows * self.n
        return max(moved / READ_BYTES_PER_S, 2 * self.rows * self.n * self.k / FLOPS_PER_S) * 1e6


class Sglang:
    def __init__(self, ops, s):
        e, i32, i64 = s.experts, torch.int32, torch.int64
        self.ops = ops
        new = lambda *shape, dtype: torch.empty(shape, device=DEVICE, dtype=dtype)
        self.pointers = [new(e, dtype=i64) for _ in range(5)]
        self.layouts = [new(e, 5, dtype=i32) for _ in range(2)]
        self.workspace = new(90 << 20, dtype=torch.uint8)
        self.stride_in = torch.full((e,), s.k, device=DEVICE, dtype=i64)
        self.stride_out = torch.full((e,), s.n, device=DEVICE, dtype=i64)

    def launch(self, is_es, s, shapes):
        w, w_scale = s.w.transpose(1, 2), s.w_scale.transpose(1, 2)
        strides = (self.stride_in, self.stride_in, self.stride_out)
        if is_es:
            self.ops.es_fp8_blockwise_scaled_grouped_mm.default(
                s.out, s.a, w, s.a_scale, w_scale, *strides, shapes, s.offsets[:-1], self.workspace)
        else:
            self.ops.fp8_blockwise_scaled_grouped_mm.default(
                s.out, *self.pointers, s.a, w, s.a_scale, w_scale, *strides, *self.layouts, shapes,
                s.offsets[:-1], self.workspace)

    @staticmethod
    def shapes(s):
        m = s.counts.int()
        return torch.stack([m, torch.full_like(m, s.n), torch.full_like(m, s.k)], dim=1).contiguous()


def deep_gemm_contiguous(dg, s):
    padded = (s.counts + 127) // 128 * 128
    total = int(padded.sum())
    a = random_e4m3(total, s.k)
    scale = dg.get_mn_major_tma_aligned_tensor(torch.rand((total, s.k // 128), device=DEVICE))
    owner = torch.repeat_interleave(torch.arange(s.experts, device=DEVICE, dtype=torch.int32), padded)
    out = torch.empty((total, s.n), device=DEVICE, dtype=torch.bfloat16)
    return lambda: dg.m_grouped_fp8_gemm_nt_contiguous((a, scale), (s.w, s.w_scale), out, owner)


def deep_gemm_masked(dg, s):
    most = (int(s.counts.max()) + 63) // 64 * 64
    if s.experts * most * s.k > 3e9:
        return None
    a = random_e4m3(s.experts * most, s.k).view(s.experts, most, s.k)
    scale = dg.get_mn_major_tma_aligned_tensor(torch.rand((s.experts, most, s.k // 128), device=DEVICE))
    out = torch.empty((s.experts, most, s.n), device=DEVICE, dtype=torch.bfloat16)
    function = getattr(dg, "m_grouped_fp8_gemm_nt_masked", None) or dg.fp8_m_grouped_gemm_nt_masked
    counts = s.counts.int()
    return lambda: function((a, scale), (s.w, s.w_scale), out, counts, max(1, s.rows // s.experts))


def capture(launches):
    launches[0]()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for launch in launches:
            launch()
    return graph


class Clocks:
    def __init__(self):
        pynvml.nvmlInit()
        self.handle = pynvml.nvmlDeviceGetHandleByIndex(0)

    def read(self):
        return (pynvml.nvmlDeviceGetClockInfo(self.handle, pynvml.NVML_CLOCK_SM),
                pynvml.nvmlDeviceGetPowerUsage(self.handle) / 1000)

    def joules(self):
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(self.handle) / 1000


def energy(graph, steps, seconds, gap_ms, clocks):
    """(us a launch, J a launch, SM MHz) of one contender alone, once its clock has settled."""
    for span in (seconds, seconds):
        launches, busy_ms, mhz = 0, 0.0, []
        joules, end = clocks.joules(), time.monotonic() + span
        while time.monotonic() < end:
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for _ in range(ENERGY_BURST):
                graph.replay()
            stop.record()
            torch.cuda.synchronize()
            mhz.append(clocks.read()[0])
            busy_ms += start.elapsed_time(stop)
            launches += steps * ENERGY_BURST
            if gap_ms:
                time.sleep(gap_ms / 1000)
        joules = clocks.joules() - joules
    return busy_ms * 1e3 / launches, joules / launches, median(mhz)


def median(values):
    return sorted(values)[len(values) // 2]


def let_clock_recover(graph, clocks):
    """Replays now and then until the SM clock is back near its maximum, for a second at most."""
    highest = pynvml.nvmlDeviceGetMaxClockInfo(clocks.handle, pynvml.NVML_CLOCK_SM)
    end = time.monotonic() + 1
    while time.monotonic() < end and clocks.read()[0] < 0.97 * highest:
        graph.replay()
        torch.cuda.synchronize()
        time.sleep(0.02)


def measure(graphs, steps, reps, gap_ms, clocks):
    """Contender -> (us a launch, SM MHz, W), medians."""
    figures = {name: [] for name in graphs}
    for rep in range(-2, reps):
        names = list(graphs) if rep % 2 == 0 else list(graphs)[::-1]
        for name in names:
            time.sleep(gap_ms / 1000)
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graphs[name].replay()
            stop.record()
            torch.cuda.synchronize()
            if rep >= 0:
                figures[name].append((start.elapsed_time(stop) * 1e3 / steps, *clocks.read()))
    return {name: tuple(median(column) for column in zip(*rows)) for name, rows in figures.items()}


def compare(ours, sets, peers):
    """The largest error of moetop's results against sglang's, relative to the row's root mean square."""
    s = sets[0]
    peers["sglang-generic"](s)
    want = s.out.float()
    rms = want.pow(2).mean(1, keepdim=True).sqrt()
    worst = 0.0
    for family in Ours.FAMILIES:
        for is_es in (False, True):
            s.out.fill_(float("nan"))
            ours.launch(family, is_es, s, s.out)
            error = float(((s.out.float() - want).abs() / rms).max())
            if not error < 0.05:
                raise SystemExit(f"{family} with ES {is_es} differs from sglang's result by {error} of a row's rms")
            worst = max(worst, error)
    return worst


def best_peer(times):
    """(us, contender) of the fastest peer among contender -> us; (nan, "-") where no peer ran."""
    return min(((us, name) for name, us in times.items() if name.startswith(("sglang", "deepgemm"))),
               default=(math.nan, "-"))


def read_rows(path):
    """(shape, stage, routing, tokens) -> contender -> (us, SM MHz, TFLOP/s per watt or "")."""
    rows = {}
    with open(path) as file:
        for r in csv.DictReader(file):
            key = r["shape"], r["what"], r["dist"], r["tokens"]
            rows.setdefault(key, {"floor": float(r["floor_us"])})[r["contender"]] = (
                float(r["us"]), int(r["sm_mhz"]), r.get("tflops_per_watt") or "")
    return rows


def print_table(paths):
    rows = {}
    for path in paths:
        rows.update(read_rows(path))
    print("| shape | stage | routing | tokens | floor | native on | of floor | apart | off | cutlass on | off | best peer | peer / native | apart | MHz | TFLOP/s/W | peer's |")
    print("|" + "---|" * 17)
    ratios, apart_ratios = [], []
    for (shape, stage, routing, tokens), r in rows.items():
        peer = best_peer({name: v[0] for name, v in r.items() if name != "floor"})
        on, mhz, per_watt = r["native-on"]
        apart = r.get("native-on-apart", (math.nan,))[0]  # earlier runs are without it
        ratios.append(peer[0] / on)
        apart_ratios.append(peer[0] / apart)
        print(f"| {shape} | {stage} | {routing} | {tokens} | {r['floor']:.1f} | {on:.1f} | {100 * r['floor'] / on:.0f}% | {apart:.1f} | "
              f"{r['native-off'][0]:.1f} | {r['cutlass-on'][0]:.1f} | {r['cutlass-off'][0]:.1f} | {peer[0]:.1f} {peer[1]} | "
              f"{ratios[-1]:.2f} | {apart_ratios[-1]:.2f} | {mhz} | {per_watt} | {r[peer[1]][2]} |")
    for what, values in ("as launched", ratios), ("apart", apart_ratios):
        if not all(map(math.isfinite, values)):
            continue
        mean = math.exp(sum(map(math.log, values)) / len(values))
        print(f"\nGeometric mean {what} {mean:.3f} over {len(values)} rows; native is faster in {sum(r > 1 for r in values)}.")


def main():
    if sys.argv[1:2] == ["--table"]:
        print_table(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("peers")
    parser.add_argument("out")
    parser.add_argument("--model", default=",".join(MODELS))
    parser.add_argument("--tokens", default="")
    parser.add_argument("--gap-ms", type=float, default=0)
    parser.add_argument("--reps", type=int, default=15)
    parser.add_argument("--energy", type=float, default=0, metavar="S")
    options = parser.parse_args()
    torch.manual_seed(0)
    ours, clocks = Ours(os.path.abspath(options.library)), Clocks()
    sglang, dg = load_peers(options.peers)
    with open(options.out, "w") as out:
        out.write("shape,dist,tokens,what,contender,us,floor_us,sm_mhz,watts,"
                  "alone_us,alone_mhz,joules,tflops_per_watt\n")
        for model in options.model.split(","):
            experts, _, hidden, inter, batches = MODELS[model]
            wanted = [int(t) for t in options.tokens.split(",") if t]
            rows = [("uniform", t) for t in batches] + [("zipf", t) for t in ZIPF_BATCHES.get(model, ())]
            for is_up in (True, False):
                n, k = (2 * inter, hidden) if is_up else (hidden, inter)
                weights = (random_e4m3(experts * n, k).view(experts, n, k),
                           torch.rand((experts, n // 128, k // 128), device=DEVICE) * 0.01 + 0.001)
                for routing, tokens in rows:
                    if wanted and tokens not in wanted:
                        continue
                    row(options, out, ours, clocks, sglang, dg, model, is_up, weights, routing, tokens)
                del weights
                torch.cuda.empty_cache()


def row(options, out, ours, clocks, sglang, dg, model, is_up, weights, routing, tokens):
    sets = [Inputs(model, is_up, weights, tokens, routing, 100 * tokens + i) for i in range(8 if tokens <= 512 else 3)]
    error = float("nan")
    launches = {f"{family}-{'on' if es else 'off'}": [
        lambda s=s, f=family, e=es: ours.launch(f, e, s, s.out, starts_early=True) for s in sets]
        for family in ("native", "cutlass") for es in (True, False)}
    launches["native-on-apart"] = [lambda s=s: ours.launch("native", True, s, s.out) for s in sets]
    if sglang is not None:
        peer, shapes = Sglang(sglang, sets[0]), {id(s): Sglang.shapes(s) for s in sets}
        error = compare(ours, sets, {"sglang-generic": lambda s: peer.launch(False, s, shapes[id(s)])})
        for es in (False, True):
            launches["sglang-es" if es else "sglang-generic"] = [
                lambda s=s, e=es: peer.launch(e, s, shapes[id(s)]) for s in sets]
    if dg is not None and tokens >= 16:
        for name, make in (("deepgemm-contig", deep_gemm_contiguous), ("deepgemm-masked", deep_gemm_masked)):
            try:
                made = [make(dg, s) for s in sets]
                if all(made):
                    launches[name] = made
            except Exception as problem:  # a shape that the peer does not take
                print(f"{name}: {problem!r}"[:160], file=sys.stderr)
    floor = sum(s.floor_us() for s in sets) / len(sets)
    laps = math.ceil(MIN_GRAPH_US / (floor * len(sets)))
    num_steps = laps * len(sets)
    graphs = {}
    for name, steps in launches.items():
        try:
            graphs[name] = capture(laps * steps)
        except Exception as problem:
            print(f"{name}: {problem!r}"[:160], file=sys.stderr)
    let_clock_recover(graphs["native-on"], clocks)
    stage = "up" if is_up else "down"
    figures = measure(graphs, num_steps, options.reps, options.gap_ms, clocks)
    flops = 2 * sets[0].rows * sets[0].n * sets[0].k
    for name, (us, mhz, watts) in figures.items():
        alone = ",,,"
        if options.energy:
            alone_us, joules, alone_mhz = energy(graphs[name], num_steps, options.energy, options.gap_ms, clocks)
            alone = f"{alone_us:.2f},{alone_mhz:.0f},{joules:.6f},{flops / joules * 1e-12:.3f}"
        out.write(f"{model},{routing},{tokens},{stage},{name},{us:.2f},{floor:.2f},{mhz:.0f},{watts:.0f},{alone}\n")
    out.flush()
    best = best_peer({name: us for name, (us, *_) in figures.items()})
    mine, apart = figures["native-on"][0], figures["native-on-apart"][0]
    print(f"{model:15} {stage:4} {routing:7} {tokens:5}  floor {floor:7.1f}  native on {mine:7.1f} ({100 * floor / mine:3.0f}%) "
          f"apart {apart:7.1f} off {figures['native-off'][0]:7.1f}  cutlass on {figures['cutlass-on'][0]:7.1f} off {figures['cutlass-off'][0]:7.1f}  "
          f"best peer {best[0]:7.1f} {best[1]:15} {best[0] / mine:5.2f}x  {figures['native-on'][1]:.0f} MHz  diff {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
