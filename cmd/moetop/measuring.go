package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
)

// measuringOptions say how off and on are compared, and for how long.
type measuringOptions struct {
	ab          bool
	aa          bool
	until       bool
	maxDuration time.Duration
	untilWidth  float64 // percent
	duty        float64 // percent
}

// defaultMaxDuration is how long a verdict may take to settle.
const defaultMaxDuration = time.Minute

func defaultMeasuringOptions() measuringOptions {
	return measuringOptions{untilWidth: 100 * profiler.DefaultUntilWidth, duty: 100}
}

func (o *measuringOptions) register(flags *pflag.FlagSet) {
	addBool(flags, &o.ab, "ab", "measure all ES masks interleaved and compare them")
	addBool(flags, &o.aa, "aa", "test the comparison itself: as --ab, but every block runs the mask of --es")
	addBool(flags, &o.until, "until-significant", "with --ab, which it implies: end as soon as the verdict is settled")
	flags.Var(durationValue{&o.maxDuration, time.Millisecond, 30 * 24 * time.Hour}, "max-duration",
		"with --until-significant: give up after this time (default 1m)")
	flags.Var(percentValue(&o.untilWidth, 0.01, 100), "until-width",
		"with --until-significant: an interval narrower than this settles it, too, in percent of the ratio")
	flags.Var(percentValue(&o.duty, 1, 100), "duty", "keep the GPU busy this share of the time, in percent, with idle gaps between bursts of steps")
}

// completeMeasuring checks what the flags mean together and fills in what they imply.
func (o *options) completeMeasuring() error {
	m := &o.measuring
	_, hasES := o.given["es"]
	_, hasWidth := o.given["until-width"]
	switch {
	case m.ab && m.aa:
		return errors.New("--ab and --aa: one of them is allowed")
	case (m.ab || m.aa || m.until) && o.esSchedule != "":
		return errors.New("--ab and --es-schedule: one of them is allowed, since --ab switches ES on its own (so do --aa and --until-significant)")
	case (m.ab || m.until) && hasES && !m.aa:
		return errors.New("--ab and --es: one of them is allowed, since --ab switches ES on its own (so does --until-significant)")
	case m.maxDuration != 0 && !m.until:
		return errors.New("--max-duration: only allowed with --until-significant; --duration ends other runs")
	case hasWidth && !m.until:
		return errors.New("--until-width: only allowed with --until-significant")
	case m.until && o.duration != 0:
		return errors.New("--until-significant and --duration: one of them is allowed; --max-duration limits --until-significant")
	}
	if !m.until {
		return nil
	}
	m.ab = !m.aa
	if m.maxDuration == 0 {
		m.maxDuration = defaultMaxDuration
	}
	return nil
}

// limit is the time after which the session ends; 0 is none.
func (o *options) limit() time.Duration {
	if o.measuring.until {
		return o.measuring.maxDuration
	}
	return o.duration
}

// configure says how a session compares.
func (o *measuringOptions) configure(cfg *profiler.SessionConfig) {
	cfg.AB, cfg.AA = o.ab || o.aa, o.aa
	cfg.Until, cfg.UntilWidth = o.until, o.untilWidth/100
	cfg.DutyPercent = o.duty
}

// numberValue is a number in a range.
type numberValue struct {
	dst      *float64
	min, max float64
	kind     string // in the help: PERCENT, FACTOR
	unit     string // behind the range in an error, with its commas
}

func percentValue(dst *float64, least, most float64) numberValue {
	return numberValue{dst, least, most, "PERCENT", ", in percent,"}
}

func (v numberValue) String() string {
	if v.dst == nil {
		return ""
	}
	return strconv.FormatFloat(*v.dst, 'g', -1, 64)
}
func (v numberValue) Type() string { return v.kind }
func (v numberValue) Set(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < v.min || n > v.max {
		return fmt.Errorf("a number from %v to %v%s is allowed", v.min, v.max, v.unit)
	}
	*v.dst = n
	return nil
}
