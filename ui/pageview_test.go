package ui

import (
	"math"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
)

// What the pages of experts and kernels show in tests: literal figures, as in view_test.go.

func tile(letter, name string, maxRows, tileRows int, experts, rows, padded float64) profiler.TileLoad {
	c := profiler.TileLoad{
		TileClass: profiler.TileClass{Name: name, Letter: letter, TileRows: tileRows, TileColumns: 128},
		Experts:   experts, Rows: rows, PaddedRows: padded,
	}
	if maxRows > 0 {
		c.MaxRows = &maxRows
	}
	return c
}

func cutlassClasses() *profiler.TileClasses {
	return &profiler.TileClasses{
		Off: []profiler.TileLoad{tile("G", "128x32 swapped", 0, 32, 251.3, 1024, 8041.6)},
		On: []profiler.TileLoad{
			tile("S", "256x32 swapped", 32, 32, 251.3, 1024, 8041.6),
			tile("M", "256x64 swapped", 64, 64, 0, 0, 0),
			tile("L", "128x128", 0, 128, 0, 0, 0),
		},
	}
}

// differingClasses has tiles of its own for down.
func differingClasses() *profiler.TileClasses {
	up := cutlassClasses()
	kernel := profiler.TileClass{Stages: new(5), Cluster: new(2), SplitK: new(1), Warpgroups: new(3)}
	last := &up.On[2].TileClass
	last.Stages, last.Cluster, last.SplitK, last.Warpgroups = kernel.Stages, kernel.Cluster, kernel.SplitK, kernel.Warpgroups
	up.Stages = []profiler.StageTiles{
		{Name: "up", Off: up.Off, On: up.On},
		{Name: "down", Off: up.Off, On: []profiler.TileLoad{tile("W", "64x8 down", 8, 8, 251.3, 1024, 2010.4), tile("X", "192x128 down", 0, 192, 0, 0, 0)}},
	}
	return up
}

func cpuClasses() *profiler.TileClasses {
	classes := &profiler.TileClasses{Off: []profiler.TileLoad{tile("G", "32 rows", 0, 32, 14.1, 64, 451.2)}}
	heights := []int{4, 8, 12, 16, 24, 32, 48, 0}
	for i, h := range heights {
		c := tile(string(rune('A'+i)), formatFixed(float64(max(h, 64*(i/7))), 0)+" rows", h, max(h, 64*(i/7)), 0, 0, 0)
		if i < 2 {
			c.Experts, c.Rows, c.PaddedRows = 7.05, 32, 40
		}
		classes.On = append(classes.On, c)
	}
	return classes
}

func ceilings() *profiler.Ceilings {
	return &profiler.Ceilings{
		ReadBytesPerS: 4.6e12, L2ReadBytesPerS: 7e12, FP8FlopsPerS: 1.76e15, SMClockMHz: 1980, KernelUS: 1.5,
		MeasuredAt: testTime().Add(-time.Hour),
	}
}

func stageWork() []profiler.StageWork {
	return []profiler.StageWork{
		{Name: "route", Bytes: 13316, AttainableUS: new(1.5)},
		{Name: "quant", Bytes: 9408512, AttainableUS: new(1.5)},
		{Name: "up", Bytes: 931373056, Flops: new(7516192768.0), AttainableUS: new(204.2)},
		{Name: "act", Bytes: 1318912, AttainableUS: new(1.5)},
		{Name: "down", Bytes: 476282880, Flops: new(3758096384.0), AttainableUS: new(109.2)},
		{Name: "combine", Bytes: 16523264, Flops: new(14680064.0), AttainableUS: new(2.4)},
	}
}

const cutlassName = "void cutlass::device_kernel<cutlass::gemm::kernel::GemmUniversal<cutlass::gemm::GroupProblemShape<" +
	"cute::tuple<int, int, int> >, cutlass::gemm::collective::CollectiveMma<cutlass::gemm::MainloopSm90Array<2, " +
	"cute::tuple<cute::C<1>, cute::C<2>, cute::C<1> >, cutlass::gemm::KernelPtrArrayTmaWarpSpecializedCooperative>, " +
	"cute::tuple<cute::C<256>, cute::C<32>, cute::C<128> > > > >(Params)"

// cutlassLaunches are those of all masks; up and down take one launch with ES off and three with it on.
func cutlassLaunches() (all [profiler.NumMasks][]profiler.Launch) {
	launch := func(stage, name string, blocks, registers, shared int, us float64) profiler.Launch {
		return profiler.Launch{
			Stage: stage, Name: name, Grid: [3]int{blocks, 1, 1}, Block: [3]int{384, 1, 1},
			Registers: registers, DynamicSharedBytes: shared, MeanUS: &us,
		}
	}
	gemm := func(stage string, on bool, us float64) []profiler.Launch {
		prepare := launch(stage, "moetop::cutlass_family::(anonymous namespace)::prepare_kernel(moetop::PrepareParams)", 2, 40, 0, 2.1)
		pingpong := strings.NewReplacer("C<256>", "C<128>", "Cooperative", "Pingpong").Replace(cutlassName)
		if !on {
			return []profiler.Launch{prepare, launch(stage, pingpong, 132, 168, 197632, us)}
		}
		medium := strings.ReplaceAll(cutlassName, "C<32>", "C<64>")
		large := strings.NewReplacer("C<256>", "C<128>", "C<32>", "C<128>").Replace(cutlassName)
		return []profiler.Launch{
			prepare, launch(stage, cutlassName, 132, 168, 214016, us), launch(stage, medium, 132, 168, 214016, 1.9),
			launch(stage, large, 132, 168, 214016, 1.9),
		}
	}
	for mask := range profiler.ESMask(profiler.NumMasks) {
		list := []profiler.Launch{
			launch("route", "moetop::(anonymous namespace)::route_kernel<4>(moetop::RouteArgs)", 256, 32, 512, 4.1),
			launch("quant", "moetop::(anonymous namespace)::quant_kernel(moetop::QuantArgs, int)", 512, 48, 0, 5.0),
		}
		list = append(list, gemm("up", mask.Has(profiler.Up), 224.6)...)
		list = append(list, launch("act", "moetop::(anonymous namespace)::act_kernel(moetop::ActArgs, unsigned int)", 128, 40, 0, 4.8))
		list = append(list, gemm("down", mask.Has(profiler.Down), 184.2)...)
		all[mask] = append(list, launch("combine", "moetop::(anonymous namespace)::combine_kernel(moetop::CombineArgs, int)", 896, 56, 0, 10.9))
	}
	return all
}

// kimiView has 384 experts in all three classes, and some that are idle.
func kimiView() *profiler.View {
	v := cudaView()
	w := v.Workload
	w.Workload.Model, w.Workload.Experts, w.Workload.Tokens = "kimi-k2", 384, 1024
	w.ExpertRows = make([]float64, 384)
	for i := range w.ExpertRows {
		w.ExpertRows[i] = max(math.Round(90*math.Pow(math.Sin(float64(i*i)*0.37), 4)*8)/8-1, 0)
	}
	w.TileClasses.Off[0] = tile("G", "128x128", 0, 128, 361, 12500, 46976)
	w.TileClasses.On[0] = tile("S", "256x32 swapped", 32, 32, 220.5, 2300, 7056)
	w.TileClasses.On[1] = tile("M", "256x64 swapped", 64, 64, 71.25, 3400, 4560)
	w.TileClasses.On[2] = tile("L", "128x128", 0, 128, 69.25, 6800, 8864)
	return v
}

// manyExpertsView has as many experts as there can be.
func manyExpertsView() *profiler.View {
	v := kimiView()
	v.Workload.Workload.Experts = profiler.MaxExperts
	rows := v.Workload.ExpertRows
	for len(v.Workload.ExpertRows) < profiler.MaxExperts {
		v.Workload.ExpertRows = append(v.Workload.ExpertRows, rows[len(v.Workload.ExpertRows)%len(rows)])
	}
	return v
}

// testCommand stands in for what the program makes of a view.
func testCommand(*profiler.View) []string {
	return []string{
		"moetop", "--json", "--ab", "--model=dsv3-tp8", "--tokens=128", "--routing=uniform", "--kernels=cutlass",
		"--library='/opt/my libraries/libmoetop.so'", "--engine=cuda", "--seed=1",
	}
}

// cpuLaunches are those of the reference engine, which knows neither registers nor shared memory, and
// has not run with up.
func cpuLaunches() (all [profiler.NumMasks][]profiler.Launch) {
	for mask := range profiler.ESMask(profiler.NumMasks) {
		for i, stage := range profiler.Stages() {
			l := profiler.Launch{Stage: stage.String(), Name: stage.String(), Grid: [3]int{4 + i, 2, 1}, Block: [3]int{1, 1, 1}}
			if mask.Has(stage) {
				l.Name += ", tile height by expert, 4 to 64 rows"
			}
			if !mask.Has(profiler.Up) {
				l.MeanUS = new(300.5 * float64(i+1))
			}
			all[mask] = append(all[mask], l)
		}
	}
	return all
}

func testSettings(*profiler.View) []Setting {
	return []Setting{
		{"es", "down", "u d e", "flip a stage, or both"},
		{"remote-command", "kubectl exec -i gpu7 -- moetop {args}", "", "it is how others reach the worker, which has started"},
		{"tokens", "128", "+ - n", "twice, half, or any number"},
		{"theme", "dark", "t", "the next one"},
		{"view", "live", "1-4", "another view"},
		{"timer", "cupti", "", "an engine keeps it from its worker's start on: start moetop again"},
	}
}
