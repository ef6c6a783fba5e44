package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/nvml"
	"github.com/moetop/moetop/profiler"
)

const (
	// ringLength is how many routings the steps go round, so that one lucky routing decides nothing.
	ringLength = profiler.MinRing
	// abandonedGrace is how long a session may take to end when nobody reads it any more.
	abandonedGrace = 500 * time.Millisecond
	// driverTimeout bounds the wait for NVML's word on the driver's version.
	driverTimeout = 2 * time.Second
)

// runWorker is the process that owns the GPU: it runs the session and streams its records.
func (a *app) runWorker(ctx context.Context, o *options) error {
	output, err := a.openStreamOutput(o.output)
	if err != nil {
		return err
	}
	restore := keepBrokenPipe()
	defer restore()
	out := newStream(output)
	err = a.stream(ctx, o, out, output.file)
	return errors.Join(err, out.close(), output.close())
}

// stream runs a session and returns when it is over, or when it has to be left behind.
func (a *app) stream(ctx context.Context, o *options, out *stream, file *os.File) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := watchInterrupts()
	defer signals.stop()
	stop := make(chan struct{})
	defer close(stop)
	gone := make(chan struct{})
	if file != nil {
		go watchReader(file, gone, stop)
	}
	commands := make(chan profiler.Command)
	if o.control == "-" {
		go readCommands(a.stdin, out, commands, stop)
	}
	if path := o.controlSocket(); path != "" {
		hub := newCommandHub(commands)
		socket, openErr := openControlSocket(path, hub)
		if openErr != nil {
			return a.refuseSession(o, out, openErr)
		}
		out.route = hub.route
		socket.serve()
		defer func() { err = errors.Join(err, socket.close()) }()
	}
	ended := make(chan sessionEnd, 1)
	go func() { ended <- sessionEnd{a.session(ctx, o, out, commands)} }()

	first, failed := signals.first, out.failed
	for {
		select {
		case end := <-ended:
			return signals.outcome(end.err)
		case <-first:
			first = nil
			cancel()
		case <-signals.second:
			return signals.outcome(nil)
		case <-failed:
			cancel()
			awaitAbandoned(ended)
			return nil
		case <-gone:
			cancel()
			awaitAbandoned(ended)
			return nil
		}
	}
}

// sessionEnd is how a session ended.
type sessionEnd struct{ err error }

// awaitAbandoned gives a session that nobody reads a moment to let the GPU go. One that hangs is left
// behind, and ends with the process.
func awaitAbandoned(ended <-chan sessionEnd) {
	grace := time.NewTimer(abandonedGrace)
	defer grace.Stop()
	select {
	case <-ended: // Nobody is left who could be told of an error.
	case <-grace.C:
	}
}

// session chooses the engine and the workload and runs them. Its failures are in the stream.
func (a *app) session(ctx context.Context, o *options, out *stream, commands <-chan profiler.Command) error {
	selected, err := o.engine.choose()
	if err != nil {
		return a.refuseSession(o, out, err)
	}
	workload, err := o.workload(selected.Engine)
	if err != nil {
		return a.refuseSession(o, out, err)
	}
	cfg := profiler.SessionConfig{
		Workload: workload, ES: o.mask, Schedule: o.schedule, Interval: o.interval,
		StageTimes: o.stages, Warmup: o.warmup, Duration: o.limit(), Steps: o.steps, RingLength: ringLength,
		Open: a.withKnowledge(o, &selected), EngineReason: selected.Reason,
		Families: selected.Families, Kernels: o.engine.kernels, Timer: o.engine.timer, ESLaunch: o.engine.launch, Blocks: o.samples,
		OpenSampler: openSampler,
		Header:      a.header(o, o.command(a.program, workload, selected.Engine)),
		Commands:    commands,
		Emit:        out.emit,
	}
	o.measuring.configure(&cfg)
	return profiler.RunSession(ctx, cfg)
}

// refuseSession streams a failure that comes before there is a session.
func (a *app) refuseSession(o *options, out *stream, err error) error {
	now := time.Now()
	out.emit(profiler.Record{Kind: profiler.KindHeader, Time: now, Header: a.header(o, append([]string{a.program}, os.Args[1:]...))})
	out.emit(profiler.Record{Kind: profiler.KindFailure, Time: now, Failure: &profiler.Failure{
		ExitCode: profiler.ExitCode(err), Text: err.Error(),
	}})
	return err
}

func (a *app) header(o *options, command []string) *profiler.Header {
	// A machine without a name is still a machine.
	name, _ := os.Hostname()
	return &profiler.Header{
		SchemaVersion: profiler.SchemaVersion, Version: version, Command: command, Seed: o.seed,
		Host: profiler.Host{Name: name, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()},
		PID:  os.Getpid(), IntervalMS: int(o.interval.Milliseconds()), WarmupSteps: o.warmup,
	}
}

func (o *engineOptions) choose() (kernels.Selection, error) {
	return kernels.Select(kernels.SelectOptions{Engine: o.engine, Library: o.library, Device: o.device})
}

// families are the kernel families that the flags ask a command for that compares none: with auto all
// that the library offers. The CPU engine's own has no name here.
func (o *engineOptions) families(selected kernels.Selection) []string {
	switch {
	case o.kernels != profiler.AutoKernels:
		return []string{o.kernels}
	case len(selected.Families) == 0:
		return []string{""}
	default:
		return selected.Families
	}
}

// family is the first of them.
func (o *engineOptions) family(selected kernels.Selection) string { return o.families(selected)[0] }

// openSampler returns the instruments of the engine's GPU.
func openSampler(device *profiler.Device) profiler.Sampler {
	if device == nil {
		return profiler.NewNoSampler("")
	}
	sampler, err := nvml.Open(nvml.Options{UUID: device.UUID, PID: os.Getpid()})
	if err != nil {
		return profiler.NewNoSampler("no GPU instruments: " + err.Error())
	}
	return sampler
}

// driverVersion is the version of the GPU's driver, or empty: the sampler tells why NVML is missing.
func driverVersion() string {
	ctx, cancel := context.WithTimeout(context.Background(), driverTimeout)
	defer cancel()
	driver, _ := nvml.DriverVersion(ctx)
	return driver
}
