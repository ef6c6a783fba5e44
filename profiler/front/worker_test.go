package front

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// workerVariable makes the test binary a worker, whose behaviour is its value.
const workerVariable = "MOETOP_FRONT_TEST_WORKER"

// workerEnvironment also takes the pause away that the race detector makes at a process's end.
func workerEnvironment(mode string) []string {
	return append(os.Environ(), workerVariable+"="+mode, "GORACE=atexit_sleep_ms=0")
}

func TestMain(m *testing.M) {
	if mode := os.Getenv(workerVariable); mode != "" {
		os.Exit(actWorker(mode))
	}
	os.Exit(m.Run())
}

// actWorker streams a header and samples, and then does what its mode says. It never outlives a test
// that was killed.
func actWorker(mode string) int {
	time.AfterFunc(time.Minute, func() { os.Exit(99) })
	out := profiler.NewEncoder(os.Stdout)
	emit := func(r profiler.Record) {
		r.Time = time.Now()
		if err := out.Encode(r); err != nil {
			os.Exit(98)
		}
	}
	if mode == "mute" {
		select {}
	}
	interval := 20 * time.Millisecond
	if mode == "seldom" {
		interval = 2 * quick().silentAfter
	}
	emit(profiler.Record{Kind: profiler.KindHeader, Header: &profiler.Header{
		SchemaVersion: profiler.SchemaVersion, Version: "test", Command: []string{"moetop"}, PID: os.Getpid(),
		IntervalMS: int(interval.Milliseconds()),
	}})
	if mode == "nogpu" {
		emit(profiler.Record{Kind: profiler.KindFailure, Failure: &profiler.Failure{ExitCode: 3, Text: "no usable GPU: none here"}})
		return 3
	}
	if mode == "stubborn" {
		signal.Ignore(syscall.SIGTERM)
	}
	emit(profiler.Record{Kind: profiler.KindWorkload, Generation: 1, Workload: &profiler.WorkloadRecord{
		Engine: "cpu", Workload: profiler.Workload{Routing: profiler.Routing{Kind: profiler.Uniform}},
	}})
	step := uint64(0)
	sample := func() {
		step++
		emit(profiler.Record{Kind: profiler.KindSample, Step: step, Generation: 1, Sample: &profiler.Sample{State: profiler.StateRunning}})
	}
	for range 5 {
		sample()
	}
	if code, ends := actEnd(mode, emit); ends {
		return code
	}
	commands := make(chan profiler.Command)
	if mode == "run" {
		go readCommands(commands)
	}
	ticker := time.NewTicker(interval)
	for {
		select {
		case <-ticker.C:
			sample()
		case cmd := <-commands:
			if cmd.Stop {
				emit(profiler.Record{Kind: profiler.KindSummary, Summary: &profiler.Report{
					Workload: profiler.Workload{Routing: profiler.Routing{Kind: profiler.Uniform}},
				}})
				return 0
			}
			emit(profiler.Record{Kind: profiler.KindAck, Ack: &profiler.Ack{ID: cmd.ID, Field: "tokens", Error: "refused by the test"}})
		}
	}
}

// actEnd carries out the modes that end a worker.
func actEnd(mode string, emit func(profiler.Record)) (code int, ends bool) {
	raise := func(sig syscall.Signal) {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			os.Exit(97)
		}
		time.Sleep(10 * time.Second)
	}
	switch mode {
	case "segv":
		raise(syscall.SIGSEGV)
	case "abrt":
		raise(syscall.SIGABRT)
	case "kill":
		raise(syscall.SIGKILL)
	case "stop":
		raise(syscall.SIGSTOP)
	case "panic":
		panic("the engine is confused")
	case "exit":
		fmt.Fprintln(os.Stderr, "first word\n\nlast word")
		return 7, true
	case "leave":
		return 0, true
	case "garbage":
		fmt.Println("CUDA says hello")
		time.Sleep(10 * time.Second)
	case "fail":
		emit(profiler.Record{Kind: profiler.KindFailure, Failure: &profiler.Failure{ExitCode: 3, Text: "no usable GPU: none here"}})
		return 3, true
	case "brief":
		emit(profiler.Record{Kind: profiler.KindSummary, Summary: &profiler.Report{
			Workload: profiler.Workload{Routing: profiler.Routing{Kind: profiler.Uniform}},
		}})
		return 0, true
	}
	return 0, false
}

func readCommands(commands chan<- profiler.Command) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		cmd, err := profiler.ParseCommand(lines.Bytes())
		if err != nil {
			os.Exit(96)
		}
		commands <- cmd
	}
}
