package sweep

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/go-faster/jx"

	"github.com/moetop/moetop/profiler"
)

// Decoder reads the figures of many points, and passes over the rest of their results. It does what
// encoding/json does by the tags, several times as fast and with a few large pieces of memory in place
// of many small ones: two sweeps of ten thousand points are compared within a second, and nearly all
// of that is reading.
type Decoder struct {
	words     words
	times     room[profiler.Times]
	ratios    room[profiler.Ratio]
	ranges    room[profiler.Range]
	numbers   room[float64]
	workloads room[profiler.Workload]
	outcomes  room[profiler.Outcome]
	tuples    room[[2]bool]
}

// Figures reads those of a point into f, whose Stages are used again.
func (r *Decoder) Figures(d *jx.Decoder, f *Figures) error {
	*f = Figures{Stages: f.Stages[:0]}
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "model":
			f.Model, err = r.words.read(d)
		case "tokens":
			f.Tokens, err = d.Int()
		case "routing":
			err = r.routing(d, &f.Routing)
		case "kernels":
			f.Kernels, err = r.words.read(d)
		case "status":
			err = word(d, &r.words, &f.Status)
		case "error":
			f.Error, err = d.Str()
		case "ran_kernels":
			f.RanKernels, err = r.words.read(d)
		case "time":
			err = moment(d, &f.Time)
		case "seed":
			f.Seed, err = d.UInt64()
		case "workload":
			f.Workload, err = optional(d, &r.workloads, r.workload)
		case "pairs":
			f.Pairs, err = d.Int()
		case "stages":
			f.Stages, err = list(d, f.Stages, r.stage)
		case "layer":
			err = r.layer(d, &f.Layer)
		case "sm_clock_mhz":
			f.SMClockMHz, err = optional(d, &r.ranges, decodeRange)
		case "power_watts":
			f.PowerWatts, err = optional(d, &r.ranges, decodeRange)
		case "throttle_reasons":
			f.ThrottleReasons, err = list(d, []string{}, r.words.into)
		case "verdict":
			err = r.verdict(d, &f.Verdict)
		default:
			err = d.Skip()
		}
		return err
	})
}

// Line reads a line of a journal. Its point is valid until the next one is read.
func (r *Decoder) Line(d *jx.Decoder, line *Line[Figures], point *Figures) error {
	*line = Line[Figures]{}
	err := object(d, func(key []byte) (err error) {
		switch string(key) {
		case "record":
			line.Record, err = r.words.read(d)
		case "sweep":
			line.Header, err = decodeHeader(d)
		case "point":
			if d.Next() == jx.Null {
				return d.Null()
			}
			line.Point, err = point, r.Figures(d, point)
		default:
			err = d.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	return line.Check()
}

// decodeHeader takes its time: a journal has one.
func decodeHeader(d *jx.Decoder) (h *Header, err error) {
	raw, err := d.Raw()
	if err == nil {
		err = json.Unmarshal(raw, &h)
	}
	return h, err
}

func (r *Decoder) routing(d *jx.Decoder, into *profiler.Routing) error {
	text, err := r.words.read(d)
	if err != nil {
		return err
	}
	return into.UnmarshalText([]byte(text))
}

func moment(d *jx.Decoder, into *time.Time) error {
	text, err := d.StrBytes()
	if err != nil {
		return err
	}
	return into.UnmarshalText(text)
}

func (r *Decoder) workload(d *jx.Decoder, w *profiler.Workload) error {
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "model":
			w.Model, err = r.words.read(d)
		case "experts":
			w.Experts, err = d.Int()
		case "top_k":
			w.TopK, err = d.Int()
		case "hidden":
			w.Hidden, err = d.Int()
		case "intermediate":
			w.Intermediate, err = d.Int()
		case "tp":
			w.TP, err = d.Int()
		case "ep":
			w.EP, err = d.Int()
		case "tokens":
			w.Tokens, err = d.Int()
		case "routing":
			err = r.routing(d, &w.Routing)
		case "seed":
			w.Seed, err = d.UInt64()
		default:
			err = d.Skip()
		}
		return err
	})
}

func (r *Decoder) stage(d *jx.Decoder, s *Stage) error {
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "name":
			s.Name, err = r.words.read(d)
		case "switchable":
			s.Switchable, err = d.Bool()
		case "off":
			s.Off, err = optional(d, &r.times, decodeTimes)
		case "on":
			s.On, err = optional(d, &r.times, decodeTimes)
		case "ratio":
			s.Ratio, err = optional(d, &r.ratios, decodeRatio)
		case "attainable_us":
			s.AttainableUS, err = optional(d, &r.numbers, decodeNumber)
		case "attainable_percent":
			s.AttainablePercent, err = optional(d, &r.numbers, decodeNumber)
		default:
			err = d.Skip()
		}
		return err
	})
}

func (r *Decoder) layer(d *jx.Decoder, l *Layer) error {
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "off_off":
			l.OffOff, err = optional(d, &r.times, decodeTimes)
		case "on_off":
			l.OnOff, err = optional(d, &r.times, decodeTimes)
		case "off_on":
			l.OffOn, err = optional(d, &r.times, decodeTimes)
		case "on_on":
			l.OnOn, err = optional(d, &r.times, decodeTimes)
		case "gap":
			l.Gap, err = optional(d, &r.times, decodeTimes)
		case "on_off_ratio":
			l.OnOffRatio, err = optional(d, &r.ratios, decodeRatio)
		case "off_on_ratio":
			l.OffOnRatio, err = optional(d, &r.ratios, decodeRatio)
		case "on_on_ratio":
			l.OnOnRatio, err = optional(d, &r.ratios, decodeRatio)
		case "attainable_percent":
			l.AttainablePercent, err = optional(d, &r.numbers, decodeNumber)
		default:
			err = d.Skip()
		}
		return err
	})
}

func (r *Decoder) verdict(d *jx.Decoder, v *profiler.Verdict) error {
	outcome := func(d *jx.Decoder, o *profiler.Outcome) error { return word(d, &r.words, o) }
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "enable_es":
			v.EnableES, err = optional(d, &r.tuples, decodeTuple)
		case "text":
			v.Text, err = d.Str()
		case "up":
			v.Up, err = optional(d, &r.outcomes, outcome)
		case "down":
			v.Down, err = optional(d, &r.outcomes, outcome)
		case "layer":
			v.Layer, err = optional(d, &r.outcomes, outcome)
		case "settled":
			v.Settled, err = d.Bool()
		default:
			err = d.Skip()
		}
		return err
	})
}

func decodeTimes(d *jx.Decoder, t *profiler.Times) error {
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "count":
			t.Count, err = d.Int64()
		case "median_us":
			t.MedianUS, err = d.Float64()
		case "p90_us":
			t.P90US, err = d.Float64()
		case "p99_us":
			t.P99US, err = d.Float64()
		case "block_us":
			t.BlockUS, err = list(d, []float64{}, decodeNumber)
		default:
			err = d.Skip()
		}
		return err
	})
}

// decodeRatio leaves the conditions of the two sides out: they are as much again, and the point has its
// own.
func decodeRatio(d *jx.Decoder, r *profiler.Ratio) error {
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "value":
			r.Value, err = d.Float64()
		case "low":
			r.Low, err = d.Float64()
		case "high":
			r.High, err = d.Float64()
		case "p_value":
			r.PValue, err = d.Float64()
		case "pairs":
			r.Pairs, err = d.Int()
		default:
			err = d.Skip()
		}
		return err
	})
}

func decodeRange(d *jx.Decoder, r *profiler.Range) error {
	return object(d, func(key []byte) (err error) {
		switch string(key) {
		case "median":
			r.Median, err = d.Float64()
		case "min":
			r.Min, err = d.Float64()
		case "max":
			r.Max, err = d.Float64()
		case "count":
			r.Count, err = d.Int()
		default:
			err = d.Skip()
		}
		return err
	})
}

func decodeNumber(d *jx.Decoder, into *float64) (err error) {
	*into, err = d.Float64()
	return err
}

func decodeTuple(d *jx.Decoder, tuple *[2]bool) error {
	n := 0
	err := d.Arr(func(d *jx.Decoder) error {
		if n == len(tuple) {
			return errTuple
		}
		value, err := d.Bool()
		tuple[n] = value
		n++
		return err
	})
	if err == nil && n != len(tuple) {
		err = errTuple
	}
	return err
}

var errTuple = errors.New("two values are allowed: up and down")
