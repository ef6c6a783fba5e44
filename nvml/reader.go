package nvml

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moetop/moetop/profiler"
)

// read is the sampler's goroutine: it makes the connection, reads on every tick, and makes the
// connection again, ever less often, when it was lost.
func (s *Sampler) read() {
	defer close(s.done)
	defer s.dev.Disconnect()
	if err := s.timed("connecting", func() error { return s.dev.Connect(s.opts.UUID) }); err != nil {
		s.opened <- err
		return
	}
	s.identify()
	s.opened <- nil

	wait := s.opts.Interval
	backoff := firstBackoff
	r := newReader(s)
	s.pass(r)
	for {
		if !s.sleep(wait) {
			return
		}
		if s.isLost() {
			if !s.reconnect() {
				wait = backoff
				backoff = min(2*backoff, longestBackoff)
				continue
			}
			r = newReader(s)
			wait, backoff = s.opts.Interval, firstBackoff
		}
		s.pass(r)
		if s.isLost() {
			wait = backoff
		}
	}
}

func (s *Sampler) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.stop:
		return false
	case <-timer.C:
		return true
	}
}

func (s *Sampler) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// reconnect reports whether the GPU answers again.
func (s *Sampler) reconnect() bool {
	s.dev.Disconnect()
	if err := s.timed("connecting", func() error { return s.dev.Connect(s.opts.UUID) }); err != nil {
		return false
	}
	s.identify()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = false
	s.problems = append(s.problems, "NVML: answers again")
	return true
}

// identify learns the driver's version; nothing depends on it, so that a failure is no problem.
func (s *Sampler) identify() {
	var version string
	err := s.timed("the driver's version", func() (err error) {
		version, err = s.dev.DriverVersion()
		return err
	})
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.driver = version
}

// timed runs one call of NVML and lets Latest and Problems see that it is under way.
func (s *Sampler) timed(name string, call func() error) error {
	s.mu.Lock()
	s.call, s.since, s.late = name, time.Now(), false
	s.mu.Unlock()
	err := call()
	s.mu.Lock()
	if s.late {
		s.problems = append(s.problems, fmt.Sprintf("NVML: %s answers again", name))
	}
	s.call = ""
	s.mu.Unlock()
	return err
}

// pass makes one reading and publishes it, unless the connection is lost on the way: then the older
// one stays.
func (s *Sampler) pass(r *reader) {
	reading, err := r.all()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.lost = true
		s.problems = append(s.problems, fmt.Sprintf("%v; the last figures stay, and it is tried again", err))
		return
	}
	s.reading, s.have = reading, true
}

// report adds to the problems.
func (s *Sampler) report(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// reader makes readings over one connection.
type reader struct {
	s      *Sampler
	reads  []read
	window time.Time // when the GPM window that is open began
}

// read is one call and where its result goes.
type read struct {
	name   string
	into   func(*profiler.Reading) error
	failed bool // its passing failure was reported
}

func newReader(s *Sampler) *reader {
	dev := s.dev
	r := &reader{s: s}
	r.reads = []read{
		{name: "GPM metrics", into: r.gpm},
		{name: "kernel active", into: func(o *profiler.Reading) error { return put(&o.KernelActivePercent, dev.KernelActive) }},
		{name: "memory", into: r.memory},
		{name: "memory by process", into: r.processes},
		{name: "SM clock", into: func(o *profiler.Reading) error { return put(&o.SMClockMHz, dev.SMClockMHz) }},
		{name: "memory clock", into: func(o *profiler.Reading) error { return put(&o.MemoryClockMHz, dev.MemoryClockMHz) }},
		{name: "power", into: func(o *profiler.Reading) error { return put(&o.PowerWatts, dev.PowerWatts) }},
		{name: "power limit", into: func(o *profiler.Reading) error { return put(&o.PowerLimitWatts, dev.PowerLimitWatts) }},
		{name: "energy", into: func(o *profiler.Reading) error { return put(&o.EnergyJoules, dev.EnergyJoules) }},
		{name: "temperature", into: func(o *profiler.Reading) error { return put(&o.TemperatureCelsius, dev.TemperatureCelsius) }},
		{name: "throttle reasons", into: r.throttling},
	}
	return r
}

// all makes a reading. The error is errLost and nothing else; a call that is not supported is
// reported and dropped, a passing failure leaves its value unknown.
func (r *reader) all() (profiler.Reading, error) {
	var reading profiler.Reading
	for i := 0; i < len(r.reads); {
		one := &r.reads[i]
		err := r.s.timed(one.name, func() error { return one.into(&reading) })
		switch {
		case errors.Is(err, errLost):
			return profiler.Reading{}, err
		case errors.Is(err, errUnsupported):
			r.s.report("NVML: %s: %v", one.name, err)
			r.reads = slices.Delete(r.reads, i, i+1)
			continue
		case err != nil && !one.failed:
			r.s.report("NVML: %s: %v", one.name, err)
		}
		one.failed = err != nil
		i++
	}
	reading.Time = time.Now()
	return reading, nil
}

// put stores the result of a call, or leaves nil.
func put(dst **float64, call func() (float64, error)) error {
	value, err := call()
	if err != nil {
		return err
	}
	*dst = &value
	return nil
}

func (r *reader) gpm(o *profiler.Reading) error {
	began := r.window
	metrics, ok, err := r.s.dev.GPM()
	r.window = time.Now()
	if err != nil || !ok {
		return err
	}
	o.WindowStart, o.WindowEnd = began, r.window
	o.SMUtilizationPercent, o.SMOccupancyPercent = metrics.smUtilization, metrics.smOccupancy
	o.TensorPercent, o.DRAMPercent = metrics.tensor, metrics.dram
	return nil
}

func (r *reader) memory(o *profiler.Reading) error {
	m, err := r.s.dev.Memory()
	if err != nil {
		return err
	}
	o.MemoryUsedBytes, o.MemoryFreeBytes = &m.used, &m.free
	o.MemoryReservedBytes, o.MemoryTotalBytes = &m.reserved, &m.total
	return nil
}

func (r *reader) processes(o *profiler.Reading) error {
	processes, err := r.s.dev.Processes()
	if err != nil {
		return err
	}
	for _, p := range processes {
		if p.pid == r.s.opts.PID {
			o.MemoryProcessBytes = p.bytes
			return nil
		}
	}
	// In a container NVML lists the pids of the host. Our process is among those listed, so that a
	// single one can only be ours; of several we cannot tell.
	if len(processes) == 1 {
		o.MemoryProcessBytes = processes[0].bytes
	}
	return nil
}

func (r *reader) throttling(o *profiler.Reading) error {
	bits, err := r.s.dev.ThrottleReasons()
	if err != nil {
		return err
	}
	o.ThrottleReasons = throttleWords(bits)
	return nil
}
