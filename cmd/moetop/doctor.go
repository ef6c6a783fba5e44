package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
)

// doctorOptions are the flags of moetop doctor.
type doctorOptions struct {
	engine engineOptions
	json   bool
	output string
	// measure measures the ceilings anew, timer what the timer costs.
	measure, timer bool

	model  string
	tokens int
}

// finding is what doctor has to say about one part.
type finding struct {
	Part   string `json:"part"`
	Status status `json:"status"`
	Text   string `json:"text"`
}

// status is how well a part works.
type status string

const (
	works   status = "ok"
	limited status = "limited" // goes on without it
	broken  status = "broken"  // needed, and does not work
)

// doctorReport is what doctor prints with --json.
type doctorReport struct {
	SchemaVersion string           `json:"schema_version"`
	Version       string           `json:"version"`
	OK            bool             `json:"ok"` // nothing that is needed is broken
	Engine        string           `json:"engine"`
	GPU           *profiler.Device `json:"gpu"`
	Findings      []finding        `json:"findings"`
	// Ceilings are those of the GPU; null where they are not known.
	Ceilings  *profiler.Ceilings `json:"ceilings"`
	TimerCost *timerCost         `json:"timer_cost"` // of --measure-timer
}

func (r *doctorReport) add(part string, s status, format string, args ...any) {
	r.Findings = append(r.Findings, finding{part, s, fmt.Sprintf(format, args...)})
}

func (a *app) doctorCommand() *cobra.Command {
	o := &doctorOptions{engine: defaultEngineOptions()}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this machine, what does not, and why",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			return a.runDoctor(o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "print a JSON report instead of text")
	flags.StringVar(&o.output, "output", "", "with --json: write to `FILE` instead of stdout")
	addBool(flags, &o.measure, "measure", "measure what the GPU reaches at best, and keep that for all runs")
	addBool(flags, &o.timer, "measure-timer", "measure what the timer costs, against steps that nobody times")
	flags.Var(parsedValue{&o.model, "NAME", parses(profiler.ParseModel)}, "model", "with --measure-timer: preset that runs")
	flags.Var(intValue{&o.tokens, 1, profiler.MaxRows}, "tokens", "with --measure-timer: tokens in a batch")
	o.engine.register(flags)
	return cmd
}

func (a *app) runDoctor(o *doctorOptions) error {
	if o.output != "" && !o.json {
		return usage(errors.New("--output: only allowed with --json"))
	}
	report := &doctorReport{SchemaVersion: profiler.SchemaVersion, Version: version, OK: true}
	report.add("moetop", works, "%s", strings.Join(strings.Fields(strings.TrimPrefix(versionText(), "moetop")), " "))
	selected, engineErr := o.engine.choose()
	if argument, ok := errors.AsType[*profiler.ArgumentError](engineErr); ok {
		return argument
	}
	report.Engine, report.GPU = selected.Engine, selected.Device
	report.checkLibrary(o)
	report.checkEngine(o, selected, engineErr)
	report.checkInstruments(selected.Device)
	report.checkCeilings(a, o, &selected)
	report.checkTerminal(a)
	if o.timer && engineErr == nil {
		if err := report.measureTimer(o, selected); err != nil {
			report.add("timer cost", broken, "%v", err)
		}
	}
	for _, f := range report.Findings {
		report.OK = report.OK && f.Status != broken
	}
	if err := a.tellDoctor(o, report); err != nil {
		return err
	}
	switch {
	case report.OK:
		return nil
	case engineErr != nil && profiler.ExitCode(engineErr) == exitNoGPU:
		return &codeError{code: exitNoGPU}
	default:
		return &codeError{code: exitFailure}
	}
}

func (a *app) tellDoctor(o *doctorOptions, report *doctorReport) error {
	if o.json {
		return a.writeJSON(o.output, report)
	}
	for _, f := range report.Findings {
		if _, err := fmt.Fprintf(a.stdout, "%-8s %-12s %s\n", f.Status, f.Part, f.Text); err != nil {
			return fmt.Errorf("write the findings: %w", err)
		}
	}
	return nil
}

// checkLibrary looks at the library alone, so that its state is told whatever engine was chosen.
func (r *doctorReport) checkLibrary(o *doctorOptions) {
	bad := limited
	if o.engine.engine == kernels.CUDA {
		bad = broken
	}
	lib, err := kernels.LoadLibrary(o.engine.library)
	if err != nil {
		r.add("library", bad, "%v", err)
		return
	}
	r.add("library", works, "%s: %s, ABI %d", lib.Path(), lib.Provider(), kernels.ABIVersion)
	devices, err := lib.Devices()
	if err != nil {
		r.add("GPUs", bad, "%v", err)
		return
	}
	for _, d := range devices {
		r.add(fmt.Sprintf("GPU %d", d.Index), works, "%s, compute capability %d.%d, %d SMs, %.1f GiB, CUDA %s, %s",
			d.Name, d.ComputeMajor, d.ComputeMinor, d.SMs, gibibytes(d.TotalMemoryBytes), d.CUDA, d.UUID)
	}
}

func gibibytes(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
