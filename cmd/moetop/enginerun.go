package main

import (
	"errors"
	"runtime"

	"github.com/moetop/moetop/profiler"
)

// withEngine opens an engine, lends it to use, and closes it, all on one OS thread, as engines want
// it. The thread is not used for anything else afterwards.
func withEngine(open profiler.OpenEngine, cfg profiler.EngineConfig, use func(profiler.Engine) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		engine, err := open(cfg)
		if err != nil {
			done <- err
			return
		}
		err = use(engine)
		done <- errors.Join(err, engine.Close())
	}()
	return <-done
}
