package recording

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// TestKill copies the file while a recorder writes, as a kill would leave it.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w, err := Create(filepath.Join(dir, "r"))
		if err != nil {
			t.Fatal(err)
		}
		r := NewRecorder(w)
		records := newSession(1, time.Now()).stream(47)
		for _, record := range records {
			time.Sleep(time.Until(record.Time))
			r.Add(record)
		}
		synctest.Wait()
		died := time.Now()
		data, err := os.ReadFile(filepath.Join(dir, "r"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Close(), r.Close(), os.WriteFile(filepath.Join(dir, "killed"), data, 0o600)); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(openFile(t, filepath.Join(dir, "killed")))
		if !errors.Is(err, ErrTruncated) {
			t.Errorf("ended by %v", err)
		}
		if lost := died.Sub(got[len(got)-1].Time); lost > time.Second {
			t.Errorf("a kill loses %v", lost)
		}
		whole, err := readAll(openFile(t, filepath.Join(dir, "r")))
		if !errors.Is(err, io.EOF) || lines(t, whole) != lines(t, records) {
			t.Errorf("closed: %d records of %d, %v", len(whole), len(records), err)
		}
		if s := r.Status(); s.Records != len(records) || s.Lost != 0 || s.Err != nil || s.Bytes < 1000 {
			t.Errorf("status %+v", s)
		}
	})
}

// jammed is a disk that takes nothing until it is let go, and then fails.
type jammed struct{ release chan struct{} }

func (j jammed) Write([]byte) (int, error) {
	<-j.release
	return 0, errors.New("no space left on device")
}

func (jammed) Close() error { return nil }

func TestSlowAndFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := jammed{make(chan struct{})}
		w, err := newWriter(disk, 0, index{})
		if err != nil {
			t.Fatal(err)
		}
		r := NewRecorder(w)
		s := newSession(1, time.Now())
		r.Add(s.header())
		r.Add(s.sample(0))
		time.Sleep(time.Second) // The flush waits for the disk.
		for i := range maxWaiting + 10 {
			r.Add(s.sample(i))
		}
		synctest.Wait()
		if lost := r.Status().Lost; lost != 10 {
			t.Errorf("%d samples lost", lost)
		}
		close(disk.release)
		if err := r.Close(); err == nil || r.Status().Err == nil {
			t.Error("a full disk is no error")
		}
	})
}

// play plays a recording of so many samples in a bubble of synctest.
func play(t *testing.T, path string, cfg PlayerConfig) *Player {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Play(r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shown is the newest view.
func shown(t *testing.T, p *Player) *profiler.View {
	t.Helper()
	synctest.Wait()
	select {
	case v := <-p.Views():
		return v
	default:
		t.Fatal("no new view")
		return nil
	}
}

func TestPlayer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r")
	records := newSession(1, began).stream(100)
	record(t, path, records)
	synctest.Test(t, func(t *testing.T) {
		p := play(t, path, PlayerConfig{Speed: 2, From: 3 * time.Second})
		near := func(want time.Duration) *profiler.View {
			t.Helper()
			v := shown(t, p)
			if at := v.Time.Sub(began); at < want-150*time.Millisecond || at > want+150*time.Millisecond {
				t.Errorf("at %v, not %v", at, want)
			}
			return v
		}
		if v := near(3 * time.Second); v.Header == nil || v.Workload == nil || len(v.History) < 29 || v.Worker.Phase != profiler.WorkerRunning {
			t.Errorf("%d points of history, %+v", len(v.History), v.Worker)
		}
		time.Sleep(time.Second)
		near(5 * time.Second)
		if err := errors.Join(p.Send(profiler.Command{Pause: new(true)})); err != nil {
			t.Fatal(err)
		}
		if v := near(5 * time.Second); v.Sample.State != profiler.StatePaused {
			t.Errorf("paused: %v", v.Sample.State)
		}
		time.Sleep(time.Minute)
		p.Slower()
		near(5 * time.Second)
		if err := p.Send(profiler.Command{Pause: new(false)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		near(7 * time.Second)
		p.Seek(-4 * time.Second)
		near(3 * time.Second)
		if err := p.Send(profiler.Command{Reset: true}); !errors.Is(err, ErrFixed) {
			t.Errorf("a command: %v", err)
		}
		time.Sleep(10 * time.Second)
		if v := shown(t, p); v.Worker.Phase != profiler.WorkerEnded || v.Summary == nil || !v.Playback.Ended {
			t.Errorf("at the end: %+v, %+v", v.Worker, v.Playback)
		}
		p.SeekTo(time.Hour)
		p.SeekTo(8 * time.Second)
		if v := near(8 * time.Second); v.Playback.Ended || v.Playback.At != 8*time.Second || v.Playback.Length < 9*time.Second || v.Playback.Speed != 1 {
			t.Errorf("back from the end: %+v", v.Playback)
		}
		for range 2 * len(speeds()) {
			p.Faster()
		}
		if v := shown(t, p); v.Playback.Speed != MaxSpeed {
			t.Errorf("as fast as can be: %+v", v.Playback)
		}
		for range 2 * len(speeds()) {
			p.Slower()
		}
		if v := shown(t, p); v.Playback.Speed != MinSpeed {
			t.Errorf("as slow as can be: %+v", v.Playback)
		}
		for speed := MinSpeed; speed < 1; speed = shown(t, p).Playback.Speed {
			p.Faster()
		}
		if err := p.Restart(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		<-p.Views()
		time.Sleep(time.Second)
		near(time.Second)
		if err := errors.Join(p.Close(), p.Restart()); err != nil {
			t.Error(err)
		}
		for range p.Views() { // A closed channel ends this.
			t.Log("a last view")
		}
	})
}

func TestPlayerEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSession(1, began)
	unfinished := filepath.Join(dir, "unfinished")
	record(t, unfinished, append([]profiler.Record{s.header(), s.workload()}, s.sample(0), s.sample(1)))
	data, err := os.ReadFile(unfinished)
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"empty": len(fileHead()), "torn": len(data) / 2} {
		if err := os.WriteFile(filepath.Join(dir, name), data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A day lies between the two sessions of a file.
	two := filepath.Join(dir, "two")
	record(t, two, append(newSession(1, began).stream(2), newSession(2, began.Add(24*time.Hour)).stream(3)...))
	for name, want := range map[string]string{
		"unfinished": "without a summary", "empty": "empty", "torn": "truncated", "two": "",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := play(t, filepath.Join(dir, name), PlayerConfig{})
			time.Sleep(20 * time.Second)
			v := shown(t, p)
			if want == "" && (v.Worker.Phase != profiler.WorkerEnded || len(v.History) != 3) {
				t.Errorf("%s: %+v with %d points", name, v.Worker, len(v.History))
			}
			if want != "" && (v.Worker.Phase != profiler.WorkerDied || !contains(v.Worker.Cause, want)) {
				t.Errorf("%s: %+v", name, v.Worker)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
