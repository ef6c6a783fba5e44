package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/recording"
	"github.com/moetop/moetop/profiler/trace"
	"github.com/moetop/moetop/ui"
)

// replayOptions are the flags of moetop replay.
type replayOptions struct {
	json, ndjson bool
	output       string
	trace        string
	speed        float64
	paced        bool // the stream, too: its speed was given
	from         time.Duration
	screen       *options // theme, ascii, no-mouse and fps of it
}

func (a *app) replayCommand() *cobra.Command {
	o := &replayOptions{speed: 1, screen: defaultOptions()}
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Show a recording on the screen, or print it",
		Long: `replay shows what moetop record has kept on the same screen: space pauses, the arrows seek, [ and ] change
the speed, g goes to a place, ? shows all keys. With --json it prints the last session's report, with --ndjson the stream.`,
		Example: "  moetop replay run.moetop --speed 4 --from 10m",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("%d arguments of %s are not allowed: it takes one recording", len(args), cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			if err := o.check(cmd.Flags().Changed); err != nil {
				return usage(err)
			}
			return a.runReplay(cmd.Context(), o, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "print the report of the recording's last session")
	addBool(flags, &o.ndjson, "ndjson", "print the stream, one JSON record a line")
	flags.StringVar(&o.output, "output", "", "write the report or the stream to `FILE` instead of stdout")
	flags.StringVar(&o.trace, "trace", "", "write the timeline to `FILE` instead of showing the screen")
	flags.Var(numberValue{&o.speed, recording.MinSpeed, recording.MaxSpeed, "FACTOR", ""}, "speed", fmt.Sprintf("`FACTOR` from %v to %v; with --ndjson the stream comes at that speed, not at once", recording.MinSpeed, float64(recording.MaxSpeed)))
	flags.Var(durationValue{&o.from, 0, 365 * 24 * time.Hour}, "from", "begin so long after the recording's beginning")
	flags.Var(choiceValue{&o.screen.theme, []string{"auto", "dark", "light", "contrast"}}, "theme", "colours of the screen")
	addBool(flags, &o.screen.ascii, "ascii", "no box or braille characters on the screen")
	addBool(flags, &o.screen.noMouse, "no-mouse", "leave the mouse to the terminal")
	flags.Var(intValue{&o.screen.fps, 1, 60}, "fps", "frames a second at most")
	return cmd
}

func (o *replayOptions) check(given func(string) bool) error {
	printed := o.json || o.ndjson || o.trace != ""
	switch {
	case o.trace != "" && (o.json || o.ndjson):
		return errors.New("--trace: not allowed with --json or --ndjson: it is one of the three")
	case o.trace != "" && o.output != "":
		return errors.New("--output: not allowed with --trace, which names its own file")
	case o.json && o.ndjson:
		return errors.New("--json and --ndjson: one of them is allowed")
	case o.output != "" && !printed:
		return errors.New("--output: only allowed with --json or --ndjson")
	case given("speed") && printed && !o.ndjson:
		return errors.New("--speed: only allowed on the screen and with --ndjson, since nothing else waits")
	case given("from") && o.json:
		return errors.New("--from: not allowed with --json, since a report is about a whole session")
	}
	o.paced = given("speed")
	return flagError(recording.PlayerConfig{Speed: o.speed, From: o.from}.Validate())
}

func (a *app) runReplay(ctx context.Context, o *replayOptions, path string) error {
	if !o.json && !o.ndjson && o.trace == "" {
		if err := a.requireTerminal(); err != nil {
			return err
		}
	}
	if err := errors.Join(keepInput("output", o.output, path), keepInput("trace", o.trace, path)); err != nil {
		return err
	}
	r, err := recording.Open(path)
	if err != nil {
		return err
	}
	switch {
	case o.json:
		err = a.replayReport(r, o.output)
	case o.trace != "":
		err = replayTrace(r, o)
	case o.ndjson:
		err = a.replayStream(r, o)
	default:
		return a.replayScreen(ctx, r, o)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(err, r.Close())
}

// replayReport prints the report of the last session, also of a recording that cannot be read to its
// end; the error tells of that.
func (a *app) replayReport(r *recording.Reader, output string) error {
	fold := profiler.NewFold()
	damage := eachRecord(r, time.Time{}, func(record profiler.Record) error {
		if record.Kind == profiler.KindHeader {
			fold = profiler.NewFold()
		}
		fold.Apply(record)
		return nil
	})
	view := fold.View()
	report := view.Summary
	switch {
	case report != nil:
	case view.Header == nil:
		return errors.Join(errors.New("the recording holds no session"), damage)
	// There is no report of a run that has not begun to measure, as with moetop --json.
	case view.Sample == nil && view.Failure != nil:
		return errors.Join(fmt.Errorf("its last session failed: %s", view.Failure.Text), damage)
	case view.Workload == nil || view.Sample == nil:
		return errors.Join(errors.New("its last session ended before anything was measured"), damage)
	default:
		report = view.Report(true)
	}
	return errors.Join(a.writeJSON(output, report), damage)
}

// eachRecord reads to the end. Records before a time are passed over, but for those that every
// stream begins with.
func eachRecord(r *recording.Reader, from time.Time, do func(profiler.Record) error) error {
	if err := r.SeekTime(from); err != nil {
		return err
	}
	var header, workload *profiler.Record
	began := false
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if record.Time.Before(from) && !began {
			switch {
			case record.Header != nil:
				header, workload = &record, nil
			case record.Workload != nil:
				workload = &record
			}
			continue
		}
		if !began {
			began = true
			for _, earlier := range []*profiler.Record{header, workload} {
				if earlier == nil || record.Header != nil {
					continue
				}
				if err := do(*earlier); err != nil {
					return err
				}
			}
		}
		if err := do(record); err != nil {
			return err
		}
	}
}

// replayTrace draws a recording on a timeline. Steps are on it if they were recorded with their
// stages.
func replayTrace(r *recording.Reader, o *replayOptions) error {
	file, err := os.Create(o.trace)
	if err != nil {
		return usage(fmt.Errorf("--trace: %w", err))
	}
	w := trace.NewWriter(file)
	err = eachRecord(r, o.begin(r), w.Add)
	return errors.Join(err, w.Close(), file.Close())
}

// begin is the time of --from; zero is all.
func (o *replayOptions) begin(r *recording.Reader) time.Time {
	if o.from == 0 {
		return time.Time{}
	}
	return r.Start().Add(o.from)
}

func (a *app) replayStream(r *recording.Reader, o *replayOptions) error {
	output, err := a.openStreamOutput(o.output)
	if err != nil {
		return err
	}
	restore := keepBrokenPipe()
	defer restore()
	buffered := bufio.NewWriter(output)
	encoder := profiler.NewEncoder(buffered)
	write := encoder.Encode
	if o.paced {
		pace := recording.NewPace(o.speed)
		write = func(record profiler.Record) error {
			pace.Wait(record.Time)
			return errors.Join(encoder.Encode(record), buffered.Flush())
		}
	}
	err = eachRecord(r, o.begin(r), write)
	return errors.Join(err, buffered.Flush(), output.close())
}

// replayScreen shows the recording. What is wrong with it is told on the screen, which shows all that
// came before.
func (a *app) replayScreen(ctx context.Context, r *recording.Reader, o *replayOptions) error {
	player, err := recording.Play(r, recording.PlayerConfig{Speed: o.speed, From: o.from})
	if err != nil {
		return errors.Join(usage(flagError(err)), r.Close())
	}
	err = a.showScreen(ctx, player, ui.Options{
		Input: a.stdin, Output: a.stdout, FPS: o.screen.fps, ASCII: o.screen.ascii, NoMouse: o.screen.noMouse,
		Theme: o.screen.theme, Environ: a.environ, Player: player,
	})
	return screenEnd(errors.Join(err, player.Close()))
}
