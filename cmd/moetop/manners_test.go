package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// TestCompletionScripts has each shell that is here look at its script.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for shell, check := range map[string][]string{
		"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"},
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, "completion", shell)
			if got.code != exitDone || !strings.Contains(got.stdout, "__complete") || got.stderr != "" {
				t.Fatalf("code %d, %.200s, %s", got.code, got.stdout, got.stderr)
			}
			if _, err := exec.LookPath(check[0]); err != nil {
				return
			}
			script := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(script, []byte(got.stdout), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(check[0], append(check[1:], script)...).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestCompletionOffersValues(t *testing.T) {
	t.Parallel()
	for words, want := range map[string][]string{
		"--engine ":        {"auto", "cuda", "cpu"},
		"--engine=":        {"auto", "cuda", "cpu"},
		"--model qwen3-30": {"qwen3-30b", "qwen3-30b-ep8"},
		"--control ":       {"-", "unix:"},
		"--routing z":      {"zipf:"},
		"--tokens ":        nil,
		"--ascii=":         {"true", "false"},
		"verify --timer c": {"cupti"},
		"ctl p":            {"pause"},
		"ctl es up=on do":  {"down=on", "down=off"},
		"ctl pause ":       {"on", "off"},
		"ctl pause on ":    nil,
		"ctl tokens 5 ":    nil,
	} {
		got := runBinary(t, nil, append([]string{"__complete"}, strings.Split(words, " ")...)...)
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		offered := lines[:len(lines)-1] // The last one tells the shell what else to do.
		for _, value := range want {
			if !slices.Contains(offered, value) {
				t.Errorf("%q: no %q in %q", words, value, offered)
			}
		}
		if len(want) == 0 && len(offered) != 0 || got.code != exitDone {
			t.Errorf("%q: code %d, %q", words, got.code, offered)
		}
	}
}

func TestManPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "share", "man1")
	env := []string{"SOURCE_DATE_EPOCH=1700000000"}
	if got := runBinary(t, env, "man", dir); got.code != exitDone || got.stdout+got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	for page, says := range map[string][]string{
		"moetop.1":        {`.TH "MOETOP" "1" "Nov 2023" "moetop test"`, `\fB--es-schedule\fP`, "moetop-verify(1)"},
		"moetop-verify.1": {`.TH "MOETOP-VERIFY" "1"`, "float64 reference", `\fB--engine\fP`},
		"moetop-ctl.1":    {`\fB--socket\fP`, "tokens N"},
		"moetop-config.1": {"config.toml"},
		"moetop-doctor.1": {`\fB--measure-timer\fP`},
	} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range says {
			if !strings.Contains(string(text), word) {
				t.Errorf("%s does not say %q", page, word)
			}
		}
		if strings.Contains(string(text), "front-mode") {
			t.Errorf("%s tells of a flag that is not for people", page)
		}
	}
	for _, args := range [][]string{{"man"}, {"man", "a", "b"}, {"man", ""}} {
		if got := runBinary(t, nil, args...); got.code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestClosedPipesAreQuiet closes stdout before anything is written to it.
func TestClosedPipesAreQuiet(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"report": small("--json", "--steps", "5"), "stream": small("--ndjson", "--steps", "5"), "settings": {"config"},
		"settings in JSON": {"config", "--json"}, "doctor": {"doctor", "--engine", "cpu", "--json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(binary(), args...)
			var stderr bytes.Buffer
			cmd.Env, cmd.Stdout, cmd.Stderr = environment(), write, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := io.Closer(read).Close(); err != nil {
				t.Fatal(err)
			}
			if err := write.Close(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || strings.Contains(stderr.String(), "pipe") {
				t.Errorf("%v: %s", err, stderr.String())
			}
		})
	}
}

func TestOutputIsWrittenWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(link, []byte("after")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	info, statErr := os.Lstat(file)
	if err != nil || statErr != nil || string(text) != "after" || info.Mode() != 0o600 {
		t.Errorf("the file of a link: %q, mode %v, %v, %v", text, info.Mode(), err, statErr)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is none any more: %v, %v", info.Mode(), err)
	}
	// Nothing is yet where a link leads.
	ahead := filepath.Join(dir, "ahead")
	if err := os.Symlink("new", ahead); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(ahead, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(ahead); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link ahead is none any more: %v, %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "new")); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
	if err := writeWhole(dir, []byte("x")); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: %v", err)
	}
	if err := writeWhole(filepath.Join(dir, "none", "x"), []byte("x")); err == nil {
		t.Error("a file in no folder was written")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("something was left: %v, %v", entries, err)
	}
}

// TestOutputIsCheckedFirst asks for runs that would take far longer than the test waits.
func TestOutputIsCheckedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"report": small("--json", "--duration", "1h"),
		"sweep":  {"sweep", "--engine", "cpu", "--pairs", "60000", "--time", "1h"},
		"verify": {"verify", "--json", "--engine", "cpu", "--soak", "1000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for path, says := range map[string]string{
				dir:                         dir + " is a folder",
				filepath.Join(dir, "no/x"):  "there is no folder " + filepath.Join(dir, "no"),
				filepath.Join(file, "x"):    "there is no folder " + file,
				"/proc/self/nothing/report": "there is no folder",
			} {
				got := runBinary(t, nil, append(args, "--output", path)...)
				if got.code != exitUsage || !strings.Contains(got.stderr, "--output: ") || !strings.Contains(got.stderr, says) || got.stdout != "" {
					t.Errorf("%s: %+v", path, got)
				}
			}
		})
	}
}

// TestOutputKeepsWhatIsRead names the file that is read as the one to write, also by another name.
func TestOutputKeepsWhatIsRead(t *testing.T) {
	t.Parallel()
	recording := recorded(t)
	dir := filepath.Dir(recording)
	measured, link := filepath.Join(dir, "run.json"), filepath.Join(dir, "link")
	if got := runBinary(t, nil, small("--json", "--steps", "5", "--output", measured)...); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if err := os.Symlink(measured, link); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file string
		env  []string
		args []string
	}{
		"stream":      {recording, nil, []string{"replay", recording, "--ndjson", "--output", recording}},
		"report":      {recording, nil, []string{"replay", recording, "--json", "--output", recording}},
		"timeline":    {recording, nil, []string{"replay", recording, "--trace", recording}},
		"environment": {recording, []string{"MOETOP_OUTPUT=" + recording}, []string{"replay", recording, "--ndjson"}},
		"page":        {measured, nil, []string{"report", measured, "-o", link}},
		"comparison":  {measured, nil, []string{"compare", link, measured, "--output", measured}},
		"sweep":       {measured, nil, sweptOnCPU("--resume", filepath.Join(dir, "new"), "--output", filepath.Join(dir, "new"))},
	} {
		before, err := os.ReadFile(test.file)
		if err != nil {
			t.Fatal(err)
		}
		got := runBinary(t, test.env, test.args...)
		after, err := os.ReadFile(test.file)
		if err != nil || string(after) != string(before) {
			t.Errorf("%s: the file changed, %v", name, err)
		}
		if got.code != exitUsage || !strings.Contains(got.stderr, "which is read") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestOutputIntoAPipe stands for /dev/null and its like, which must stay what they are.
func TestOutputIntoAPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan []byte, 1)
	go func() {
		data, err := os.ReadFile(pipe)
		if err != nil {
			data = nil
		}
		read <- data
	}()
	got := runBinary(t, nil, small("--json", "--steps", "5", "--output", pipe)...)
	if got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if data := <-read; !strings.Contains(string(data), `"schema_version": "`+profiler.SchemaVersion) {
		t.Errorf("read %.100q", data)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe is none any more: %v", err)
	}
}
