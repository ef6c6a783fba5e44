package main

import (
	"fmt"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
)

// ceilingSource knows the ceilings of one GPU: from the cache, or measured.
type ceilingSource struct {
	cache    ceilingCache
	cacheErr error // why there is none
	device   *profiler.Device
	driver   string
	provider string
	// measure is nil if nothing may be measured.
	measure func(device int) (*profiler.Ceilings, error)
}

// get returns the ceilings, or nil; problem says why they are unknown or will not be known next time.
func (s *ceilingSource) get() (found *profiler.Ceilings, problem string) {
	if found = s.cache.find(s.device.UUID, s.key()); found != nil || s.measure == nil {
		return found, ""
	}
	found, err := s.measureAnew()
	switch {
	case found == nil:
		return nil, fmt.Sprintf("%% of attainable is not known: %v", err)
	case err != nil:
		return found, fmt.Sprintf("the GPU's ceilings are good for this run only: %v", err)
	default:
		return found, ""
	}
}

// measureAnew measures and keeps the outcome. The error may come with ceilings: they could not be
// kept.
func (s *ceilingSource) measureAnew() (*profiler.Ceilings, error) {
	found, err := s.measure(s.device.Index)
	if err != nil {
		return nil, err
	}
	if found.SpreadPercent > maxCeilingsSpread {
		return found, fmt.Errorf("repeats differ by %.0f %%, as if something else used the GPU; "+
			"moetop doctor --measure measures again", found.SpreadPercent)
	}
	err = s.cacheErr
	if err == nil {
		err = s.cache.keep(ceilingsEntry{UUID: s.device.UUID, Driver: s.key(), Provider: s.provider, Ceilings: found})
	}
	if err != nil {
		return found, fmt.Errorf("they cannot be kept: %w", err)
	}
	return found, nil
}

// key stands for the driver: its version or, where only NVML would know it, that of its CUDA.
func (s *ceilingSource) key() string {
	if s.driver != "" {
		return s.driver
	}
	return "CUDA " + s.device.CUDA
}

// knownEngine adds to an engine on a GPU what is known of its device from elsewhere.
type knownEngine struct {
	profiler.Engine
	driver   string
	ceilings *profiler.Ceilings
	problem  string
}

// Info implements profiler.Engine.
func (e knownEngine) Info() profiler.EngineInfo {
	info := e.Engine.Info()
	if info.Device != nil {
		device := *info.Device
		device.Driver = e.driver
		info.Device = &device
		info.Ceilings, info.CeilingsProblem = e.ceilings, e.problem
	}
	return info
}

// withKnowledge looks the driver and the ceilings up when the first engine is opened, before there is
// one, so that a measurement has the GPU for itself.
func (a *app) withKnowledge(o *options, selected *kernels.Selection) profiler.OpenEngine {
	if selected.Device == nil {
		return selected.Open
	}
	var known *knownEngine
	return func(cfg profiler.EngineConfig) (profiler.Engine, error) {
		if known == nil {
			driver := driverVersion()
			source := a.ceilingSource(selected, driver)
			if o.noMeasure {
				source.measure = nil
			}
			known = &knownEngine{driver: driver}
			known.ceilings, known.problem = source.get()
		}
		engine, err := selected.Open(cfg)
		if err != nil {
			return nil, err
		}
		return knownEngine{engine, known.driver, known.ceilings, known.problem}, nil
	}
}

// ceilingSource is that of the GPU that was chosen.
func (a *app) ceilingSource(selected *kernels.Selection, driver string) *ceilingSource {
	cache, err := newCeilingCache(a.environ)
	return &ceilingSource{
		cache: cache, cacheErr: err, device: selected.Device, driver: driver,
		provider: selected.Library.Provider(), measure: selected.Library.MeasureCeilings,
	}
}
