package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// notices are what a reader has to know before the figures.
func notices(r *saved.Run) []string {
	var all []string
	if r.Engine == "cpu" {
		text := "Measured on the CPU reference engine: the figures show how the tool works, not how a GPU performs."
		if r.EngineReason != "" {
			text += " " + r.EngineReason
		}
		all = append(all, text)
	}
	if r.Partial {
		all = append(all, "Partial: the run was interrupted, or its worker died.")
	}
	if r.TimerReason != "" {
		all = append(all, "Timer "+r.Timer+": "+r.TimerReason)
	}
	if r.Report != nil {
		if reasons := r.Points[0].ThrottleReasons; len(reasons) > 0 {
			all = append(all, "The GPU was throttled: "+strings.Join(reasons, ", "))
		}
		for _, w := range r.Report.Warnings {
			all = append(all, w.Code+": "+w.Text)
		}
	}
	return all
}

// facts are what a reader asks first.
func facts(r *saved.Run) []fact {
	device := "CPU"
	if r.GPU != nil {
		device = r.GPU.Name
	}
	all := []fact{{"device", device}}
	if r.Report != nil {
		all = append(all, measuredFacts(r.Report)...)
	}
	return append(all, fact{"timer", r.Timer}, fact{"ended", r.Time.UTC().Format("2006-01-02 15:04 UTC")})
}

func measuredFacts(r *profiler.Report) []fact {
	masks := []profiler.ESMask{profiler.ESOff}
	if es := r.Verdict.EnableES; es != nil && (es[0] || es[1]) {
		masks = append(masks, profiler.ESOff.With(profiler.Up, es[0]).With(profiler.Down, es[1]))
	}
	var all []fact
	for _, m := range masks {
		if s := r.Step.Mask(m); s != nil {
			all = append(all, fact{"layer " + m.Tuple(), number(s.MedianUS) + " µs"})
		}
	}
	if share := r.Step.AttainablePercent; share != nil {
		all = append(all, fact{"of attainable", number(math.Round(*share)) + " %"})
	}
	all = append(all, fact{"steps", fmt.Sprintf("%d in %.1f s", r.Steps, r.DurationS)})
	n := r.NVML
	if n == nil {
		return all
	}
	if n.SMClockMHz != nil {
		all = append(all, fact{"SM clock", number(n.SMClockMHz.Median) + " MHz"})
	}
	if n.PowerWatts != nil {
		all = append(all, fact{"power", number(n.PowerWatts.Median) + " W"})
	}
	if n.EnergyJoulesPerToken != nil {
		all = append(all, fact{"energy", number(*n.EnergyJoulesPerToken*1e3) + " mJ a token"})
	}
	return all
}

// instruments are the figures of NVML.
func instruments(n *profiler.NVMLStats) *Table {
	t := &Table{Caption: "What the GPU did meanwhile", Head: []string{"figure", "median", "min", "max", "readings"}}
	for _, row := range []struct {
		name  string
		value *profiler.Range
	}{
		{"SM utilization, %", n.SMUtilizationPercent},
		{"SM occupancy, %", n.SMOccupancyPercent},
		{"tensor, %", n.TensorPercent},
		{"DRAM bandwidth, %", n.DRAMPercent},
		{"kernel active, %", n.KernelActivePercent},
		{"SM clock, MHz", n.SMClockMHz},
		{"power, W", n.PowerWatts},
		{"temperature, °C", n.TemperatureCelsius},
	} {
		if v := row.value; v != nil {
			t.Rows = append(t.Rows, cells(row.name, number(v.Median), number(v.Min), number(v.Max), strconv.Itoa(v.Count)))
			continue
		}
		t.Rows = append(t.Rows, cells(row.name, "n/a"))
	}
	return t
}

// environment is what one needs to repeat a run.
func environment(r *saved.Run) Table {
	t := Table{Caption: "Environment", Head: []string{"property", "value"}}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, cells(name, value))
		}
	}
	add("ended", r.Time.UTC().Format(time.RFC3339))
	add("moetop", r.Version)
	add("host", fmt.Sprintf("%s, %s/%s, %d CPUs", r.Host.Name, r.Host.OS, r.Host.Arch, r.Host.CPUs))
	add("engine", r.Engine)
	if g := r.GPU; g != nil {
		add("GPU", g.Name)
		add("UUID", g.UUID)
		add("compute capability", fmt.Sprintf("%d.%d, %d SMs", g.ComputeMajor, g.ComputeMinor, g.SMs))
		add("driver", g.Driver)
		add("CUDA", g.CUDA)
	}
	if r.Report != nil && limits(r.Report) != nil {
		c := r.Report.Ceilings
		add("ceilings", fmt.Sprintf("DRAM %s GB/s, L2 cache %s GB/s, FP8 %s TFLOP/s at %s MHz; measured %s",
			number(c.ReadBytesPerS/1e9), number(c.L2ReadBytesPerS/1e9), number(c.FP8FlopsPerS/1e12), number(c.SMClockMHz), c.MeasuredAt.UTC().Format(time.RFC3339)))
	}
	add("provider", r.Provider)
	add("timer", r.Timer)
	add("ES launch", r.ESLaunch)
	add("L2", r.L2)
	if r.Report != nil {
		w := r.Points[0].Workload
		add("layer", fmt.Sprintf("%d experts, top %d, hidden %d, intermediate %d, tp %d, ep %d", w.Experts, w.TopK, w.Hidden, w.Intermediate, w.TP, w.EP))
		add("seed", strconv.FormatUint(w.Seed, 10))
		add("steps", strconv.FormatUint(r.Report.Steps, 10))
		add("measured time", fmt.Sprintf("%.1f s", r.Report.DurationS))
		if d := r.Report.DutyPercent; d != nil {
			add("duty", number(*d)+" %")
		}
	}
	return t
}

// shellLine writes a command as a shell takes it.
func shellLine(argv []string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
	quoted := make([]string, len(argv))
	for i, word := range argv {
		quoted[i] = word
		if word == "" || strings.Trim(word, plain) != "" {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
