package nvml

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

const testUUID = "GPU-00000000-0000-0000-0000-000000000001"

// fakeDevice answers with fixed figures, and with what a test sets by the name of a call.
type fakeDevice struct {
	mu        sync.Mutex
	errs      map[string]error
	hang      map[string]chan struct{}
	calls     map[string]int
	processes []process
	windows   int
}

func newFake() *fakeDevice {
	return &fakeDevice{
		errs: map[string]error{}, hang: map[string]chan struct{}{}, calls: map[string]int{},
		processes: []process{{pid: 7, bytes: new(uint64(2 << 30))}},
	}
}

func (f *fakeDevice) fail(call string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs[call] = err
}

func (f *fakeDevice) block(call string) (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gate := make(chan struct{})
	f.hang[call] = gate
	return func() {
		f.mu.Lock()
		delete(f.hang, call)
		f.mu.Unlock()
		close(gate)
	}
}

func (f *fakeDevice) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

func (f *fakeDevice) enter(call string) error {
	f.mu.Lock()
	f.calls[call]++
	gate := f.hang[call]
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errs[call]
}

func (f *fakeDevice) Connect(uuid string) error {
	f.mu.Lock()
	f.windows = 0
	f.mu.Unlock()
	if uuid != "" && uuid != testUUID {
		return errors.New("no such GPU")
	}
	return f.enter("connect")
}
func (f *fakeDevice) Disconnect()                    { _ = f.enter("disconnect") }
func (f *fakeDevice) DriverVersion() (string, error) { return "580.1", f.enter("driver") }
func (f *fakeDevice) GPM() (gpm, bool, error) {
	err := f.enter("gpm")
	f.windows++
	return gpm{smUtilization: new(93.5), dram: new(80.25)}, err == nil && f.windows > 1, err
}
func (f *fakeDevice) KernelActive() (float64, error) { return 100, f.enter("active") }
func (f *fakeDevice) Memory() (memory, error) {
	return memory{used: 10, free: 20, reserved: 3, total: 33}, f.enter("memory")
}

func (f *fakeDevice) Processes() ([]process, error)        { return f.processes, f.enter("processes") }
func (f *fakeDevice) SMClockMHz() (float64, error)         { return 1980, f.enter("smclock") }
func (f *fakeDevice) MemoryClockMHz() (float64, error)     { return 2619, f.enter("memclock") }
func (f *fakeDevice) PowerWatts() (float64, error)         { return 612.5, f.enter("power") }
func (f *fakeDevice) PowerLimitWatts() (float64, error)    { return 700, f.enter("limit") }
func (f *fakeDevice) EnergyJoules() (float64, error)       { return 1234.5, f.enter("energy") }
func (f *fakeDevice) TemperatureCelsius() (float64, error) { return 61, f.enter("temperature") }
func (f *fakeDevice) ThrottleReasons() (uint64, error)     { return 4, f.enter("throttle") }

func start(t *testing.T, f *fakeDevice) *Sampler {
	t.Helper()
	s, err := open(f, Options{UUID: testUUID, PID: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func latest(t *testing.T, s *Sampler) profiler.Reading {
	t.Helper()
	r, ok := s.Latest()
	if !ok {
		t.Fatal("no reading")
	}
	return r
}

// after lets the bubble's clock run, and everything in it come to rest.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, newFake())
		synctest.Wait()
		if r := latest(t, s); r.SMUtilizationPercent != nil || !r.WindowEnd.IsZero() {
			t.Errorf("a first reading has no window, got %+v", r)
		}
		began := time.Now()
		after(DefaultInterval)
		r := latest(t, s)
		if got := r.WindowEnd.Sub(r.WindowStart); got != DefaultInterval || !r.WindowStart.Equal(began) {
			t.Errorf("window of %v from %v, want %v from %v", got, r.WindowStart, DefaultInterval, began)
		}
		if *r.SMUtilizationPercent != 93.5 || *r.DRAMPercent != 80.25 || r.SMOccupancyPercent != nil {
			t.Errorf("GPM metrics: %v %v %v", *r.SMUtilizationPercent, *r.DRAMPercent, r.SMOccupancyPercent)
		}
		if *r.MemoryUsedBytes != 10 || *r.MemoryFreeBytes != 20 || *r.MemoryReservedBytes != 3 ||
			*r.MemoryTotalBytes != 33 || *r.MemoryProcessBytes != 2<<30 {
			t.Errorf("memory: %+v", r)
		}
		if *r.PowerWatts != 612.5 || *r.EnergyJoules != 1234.5 || *r.SMClockMHz != 1980 || *r.KernelActivePercent != 100 {
			t.Errorf("figures: %+v", r)
		}
		if !slices.Equal(r.ThrottleReasons, []string{"power cap"}) || r.Stale {
			t.Errorf("throttling %v, stale %v", r.ThrottleReasons, r.Stale)
		}
		if s.Driver() != "580.1" || len(s.Problems()) != 0 {
			t.Error("driver or problems")
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestUnsupportedIsDroppedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.fail("gpm", fmt.Errorf("%w: the GPU has no GPM", errUnsupported))
		s := start(t, f)
		after(5 * DefaultInterval)
		r := latest(t, s)
		if r.SMUtilizationPercent != nil || r.PowerWatts == nil || r.Stale {
			t.Errorf("got %+v", r)
		}
		if problems := s.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "has no GPM") {
			t.Errorf("problems %q, want one", problems)
		}
		if n := f.count("gpm"); n != 1 {
			t.Errorf("asked %d times for GPM, want 1", n)
		}
	})
}

func TestPassingFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.fail("power", errors.New("NVML error 999"))
		s := start(t, f)
		after(4 * DefaultInterval)
		if r := latest(t, s); r.PowerWatts != nil || r.SMClockMHz == nil {
			t.Errorf("got %+v", r)
		}
		if problems := s.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "power: NVML error 999") {
			t.Errorf("problems %q, want one", problems)
		}
		f.fail("power", nil)
		after(DefaultInterval)
		if r := latest(t, s); r.PowerWatts == nil {
			t.Error("power did not come back")
		}
	})
}

func TestHungCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := start(t, f)
		after(2*DefaultInterval + time.Millisecond)
		release := f.block("temperature")
		defer release()
		after(DefaultInterval + DefaultDeadline + 100*time.Millisecond)
		r := latest(t, s)
		if !r.Stale || *r.PowerWatts != 612.5 {
			t.Errorf("stale %v; the older values must stay: %+v", r.Stale, r)
		}
		problems := s.Problems()
		if len(problems) != 1 || !strings.Contains(problems[0], "temperature has not answered") {
			t.Errorf("problems %q", problems)
		}
		after(time.Minute)
		if problems := s.Problems(); len(problems) != 0 {
			t.Errorf("said again: %q", problems)
		}
		began := time.Now()
		if err := s.Close(); err != nil || time.Since(began) > closeGrace {
			t.Errorf("Close took %v, error %v", time.Since(began), err)
		}
	})
}

func TestHungCallRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := start(t, f)
		synctest.Wait() // The first reading is there.
		release := f.block("energy")
		after(3 * time.Second)
		if r := latest(t, s); !r.Stale {
			t.Error("not stale")
		}
		s.Problems()
		release()
		after(2 * DefaultInterval)
		if r := latest(t, s); r.Stale {
			t.Error("still stale")
		}
		if problems := s.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "energy answers again") {
			t.Errorf("problems %q", problems)
		}
	})
}

func TestLostAndFoundAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := start(t, f)
		after(2*DefaultInterval + time.Millisecond)
		f.fail("memory", fmt.Errorf("%w: the GPU is gone", errLost))
		f.fail("connect", errLost)
		after(time.Minute)
		if r := latest(t, s); !r.Stale || *r.SMUtilizationPercent != 93.5 {
			t.Errorf("lost: %+v", r)
		}
		if problems := s.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "the GPU is gone") {
			t.Errorf("problems %q, want one", problems)
		}
		// 1, 2, 4, 8, 16, 30 seconds apart, after the first connection.
		if n := f.count("connect"); n < 5 || n > 7 {
			t.Errorf("%d connections in a minute", n)
		}
		f.fail("memory", nil)
		f.fail("connect", nil)
		after(longestBackoff + 2*DefaultInterval)
		if r := latest(t, s); r.Stale || r.SMUtilizationPercent == nil {
			t.Errorf("found again: %+v", r)
		}
		if problems := s.Problems(); len(problems) != 1 || !strings.Contains(problems[0], "answers again") {
			t.Errorf("problems %q", problems)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts Options
		set  func(*fakeDevice)
		want string
	}{
		"no UUID":        {Options{}, nil, "no GPU was named"},
		"other GPU":      {Options{UUID: "GPU-x"}, nil, "no such GPU"},
		"short interval": {Options{UUID: testUUID, Interval: 100 * time.Millisecond}, nil, "at least 110ms"},
		"no library": {Options{UUID: testUUID}, func(f *fakeDevice) {
			f.fail("connect", errors.New("load NVML: no file"))
		}, "load NVML: no file"},
		"hung": {Options{UUID: testUUID}, func(f *fakeDevice) { f.block("connect") }, "connecting has not answered"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				if test.set != nil {
					test.set(f)
				}
				s, err := open(f, test.opts)
				if err == nil || !strings.Contains(err.Error(), test.want) || s != nil {
					t.Errorf("got %v, want %q", err, test.want)
				}
				f.mu.Lock()
				gate := f.hang["connect"]
				f.mu.Unlock()
				if gate != nil {
					close(gate)
				}
			})
		})
	}
}

func TestProcessMemory(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		processes []process
		want      *uint64
	}{
		"ours":                {[]process{{1, new(uint64(5))}, {7, new(uint64(6))}}, new(uint64(6))},
		"pid of the host":     {[]process{{4711, new(uint64(5))}}, new(uint64(5))},
		"several, none ours":  {[]process{{1, new(uint64(5))}, {2, new(uint64(6))}}, nil},
		"ours, without bytes": {[]process{{7, nil}}, nil},
		"none":                {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.processes = test.processes
				s := start(t, f)
				synctest.Wait()
				got := latest(t, s).MemoryProcessBytes
				if (got == nil) != (test.want == nil) || (got != nil && *got != *test.want) {
					t.Errorf("got %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestDriverVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		if v, err := driverVersion(t.Context(), f); v != "580.1" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
		release := f.block("driver")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := driverVersion(ctx, f); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a hung call: %v", err)
		}
		release()
	})
}

func TestThrottleWords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		bits uint64
		want []string
	}{
		"free":    {0, []string{}},
		"idle":    {1, []string{}},
		"several": {4 | 32, []string{"power cap", "thermal"}},
		"new bit": {1 << 20, []string{"unknown 0x100000"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := throttleWords(test.bits); got == nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
