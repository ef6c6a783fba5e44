package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRemoteArgv(t *testing.T) {
	t.Parallel()
	args := []string{"--ndjson", "--routing=zipf:1.0", "--device=it's $HOME", ""}
	const quoted = `--ndjson --routing=zipf:1.0 '--device=it'\''s $HOME' ''`
	for name, test := range map[string]struct {
		options remoteOptions
		want    []string
	}{
		"ssh":     {remoteOptions{host: "me@gpu7"}, []string{"ssh", "-T", "-o", "BatchMode=yes", "me@gpu7", "exec moetop " + quoted}},
		"kubectl": {remoteOptions{command: "kubectl exec -i pod -- moetop {args}"}, append([]string{"kubectl", "exec", "-i", "pod", "--", "moetop"}, args...)},
		"quotes":  {remoteOptions{command: `sh -c 'cd "/a b" && ./moetop {quoted}' x\ y ""`}, []string{"sh", "-c", `cd "/a b" && ./moetop ` + quoted, "x y", ""}},
	} {
		got, err := test.options.argv(args)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// What a shell makes of the quoted words are the words.
	out, err := exec.Command("sh", "-c", "printf '<%s>' "+quoted).Output()
	if want := "<" + strings.Join(args, "><") + ">"; err != nil || string(out) != want {
		t.Errorf("the shell reads %q, %v", out, err)
	}
}

func FuzzShellQuote(f *testing.F) {
	for _, text := range []string{"", "a b", "it's", `\`, "$(x)\n", "{args}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitWords(shellQuote(text))
		if strings.ToValidUTF8(text, "") == text && (err != nil || len(words) != 1 || words[0] != text) {
			t.Errorf("%q became %q, %v", text, words, err)
		}
	})
}

func TestRemoteRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"option as host":  {[]string{"--json", "--remote", "-oProxyCommand=x"}, exitUsage, "no dash"},
		"blank in host":   {[]string{"--json", "--remote", "a b"}, exitUsage, "a host as ssh takes it"},
		"stream":          {[]string{"--ndjson", "--remote", "gpu7"}, exitUsage, "--remote: not allowed with --ndjson"},
		"no arguments":    {[]string{"--json", "--remote-command", "ssh x moetop"}, exitUsage, "either {args}"},
		"both":            {[]string{"--json", "--remote-command", "x {args} {quoted}"}, exitUsage, "either {args}"},
		"args in a word":  {[]string{"--json", "--remote-command", "x y{args}"}, exitUsage, "either {args}"},
		"open quote":      {[]string{"--json", "--remote-command", "x '{args}"}, exitUsage, "quotes are closed"},
		"host missing":    {[]string{"--json", "--remote-command", "ssh {host} {quoted}"}, exitUsage, "--remote HOST is needed"},
		"host for nobody": {[]string{"--json", "--remote", "gpu7", "--remote-command", "x {args}"}, exitUsage, "no {host} for --remote gpu7"},
		"no such program": {[]string{"--json", "--remote-command", "/nowhere/ssh {args}"}, exitFailure, "/nowhere/ssh"},
		"fails":           {[]string{"--json", "--remote-command", "sh -c 'echo no route to gpu7 >&2; exit 255' {args}"}, exitFailure, "exit status 255: no route to gpu7"},
		"no stream":       {[]string{"--json", "--remote-command", "sh -c 'echo Welcome to gpu7' {args}"}, exitFailure, `"Welcome to gpu7" does not begin an object`},
		"other schema": {
			[]string{"--json", "--remote-command", `sh -c 'echo "{\"record\":\"header\",\"header\":{\"schema_version\":\"7.0\"}}"' {args}`},
			exitFailure, `schema_version: "7.0" is not allowed: this moetop reads 1.x`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, test.args...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) {
				t.Errorf("code %d, stderr %q", got.code, got.stderr)
			}
		})
	}
}

// TestRemoteVersion runs another moetop through a local command.
func TestRemoteVersion(t *testing.T) {
	t.Parallel()
	template := fmt.Sprintf(`sh -c "%s {quoted} | sed -u 's/\"version\":\"test\"/\"version\":\"older\"/'"`, binary())
	got := runBinary(t, nil, append([]string{"--json", "--steps", "10", "--remote-command", template}, small()...)...)
	if got.code != exitDone || !strings.Contains(got.stderr, "runs moetop older, and this is test") {
		t.Errorf("code %d, %q", got.code, got.stderr)
	}
	if r := report(t, got.stdout); r.Steps < 10 || r.Version != "older" {
		t.Errorf("report %+v", r)
	}
}

// sshServer starts an sshd of this test's own on loopback, and returns a client's command for it.
func sshServer(t *testing.T) (client string) {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	me, userErr := user.Current()
	if _, err := os.Stat(sshd); err != nil || userErr != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("this test needs sshd, and it is not installed")
		}
		t.Skip("sshd is not installed")
	}
	dir := t.TempDir()
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	if os.Getuid() == 0 {
		// As root, sshd wants its folder, which a system's start makes.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	server := write("sshd_config", fmt.Sprintf(`ListenAddress 127.0.0.1
Port %d
HostKey %s/host
AuthorizedKeysFile %s/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
`, port, dir, dir))
	config := write("ssh_config", fmt.Sprintf(`Host gpu7
HostName 127.0.0.1
Port %d
User %s
IdentityFile %s/user
IdentitiesOnly yes
IdentityAgent none
StrictHostKeyChecking no
UserKnownHostsFile %s/known
LogLevel ERROR
`, port, me.Username, dir, dir))
	cmd := exec.Command(sshd, "-D", "-e", "-f", server)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, patience, "sshd listening", func() bool {
		connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
	return fmt.Sprintf(`'ssh -F %s -T -o BatchMode=yes {host} "exec %s {quoted}"'`, config, binary())
}

// TestRemoteThroughSSH runs on a host that is reached by a real sshd: a report, and a screen whose
// connection breaks and comes back.
func TestRemoteThroughSSH(t *testing.T) {
	t.Parallel()
	template := sshServer(t)
	args := []string{"--json", "--steps", "20", "--remote", "gpu7", "--remote-command", strings.Trim(template, "'")}
	got := runBinary(t, nil, append(args, small("--routing", "zipf:1.0")...)...)
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	if r := report(t, got.stdout); r.Steps < 20 || r.Partial || r.Workload.Routing.String() != "zipf:1.0" {
		t.Errorf("report %+v", r)
	}

	term := openTerminal(t, 120, 40)
	term.await("ready>")
	before := term.state()
	front := term.start(append([]string{"--remote", "gpu7", "--remote-command", template}, small()...)...)
	term.await("CPU REFERENCE", "manual (F,F)")
	ssh := childOf(t, front, "-T")
	if err := syscall.Kill(ssh, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	term.await("WORKER DIED", "killed (SIGKILL)")
	term.keys("r")
	term.await("manual (F,F)", "u up")
	if again := childOf(t, front, "-T"); again == ssh {
		t.Error("no new connection")
	}
	term.keys("l")
	term.await("the worker on gpu7 died", "started again")
	term.keys("q")
	term.await("exit=0")
	term.restored(before)
}
