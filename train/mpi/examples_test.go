//go:build unix

package mpi_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const restart = "examples/restart"

// fakeRun is a command that notes how it was called, and does what the file named after
// its call says: run.1, run.2, ….
const fakeRun = `#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >>calls
n=$(wc -l <calls)
. "./run.$((n))"
`

// restarted runs restart on a fake command in a folder, and returns how that was called.
func restarted(t *testing.T, dir string, runs ...string) (calls []string, code int, said string) {
	t.Helper()
	c := fakeCommand(t, dir, runs...)
	var errs bytes.Buffer
	c.Stderr = &errs
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return callsIn(t, dir), c.ProcessState.ExitCode(), errs.String()
}

func fakeCommand(t *testing.T, dir string, runs ...string) *exec.Cmd {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "fake"), []byte(fakeRun), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, run := range runs {
		if err := os.WriteFile(filepath.Join(dir, "run."+string(rune('1'+i))), []byte(run+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return exec.Command(restart, "-restarts", "3", "-wait", "0", "--", filepath.Join(dir, "fake"), "-out", dir, "-epochs", "2")
}

func callsIn(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestRestart: what is started again, how often, and when with -resume.
func TestRestart(t *testing.T) {
	const save = "cp fake checkpoint.safetensors; "
	for _, tt := range []struct {
		name    string
		runs    []string
		resumed string // for each call whether it had -resume
		code    int
		said    string
	}{
		{"success", []string{"exit 0"}, "n", 0, ""},
		{"two failures", []string{save + "exit 137", save + "exit 1", "exit 0"}, "nyy", 0,
			"restart: exit code 137; restart 1 of 3 in 0 s\nrestart: exit code 1; restart 2 of 3 in 0 s\n"},
		{"a failure before the first checkpoint", []string{"exit 1", save + "exit 1", "exit 0"}, "nny", 0, ""},
		{"killed", []string{save + "kill -9 $$", "exit 0"}, "ny", 0, "restart: exit code 137; restart 1 of 3 in 0 s\n"},
		{"too many failures", []string{save + "exit 1", "exit 1", "exit 1", "exit 9"}, "nyyy", 9, "restart: exit code 9 after 3 restarts, the last one\n"},
		{"a wrong command line", []string{"exit 2"}, "n", 2, ""},
		{"stopped", []string{save + "exit 130"}, "n", 130, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			calls, code, said := restarted(t, dir, tt.runs...)
			resumed := ""
			for _, call := range calls {
				flags, yes := strings.CutSuffix(call, " -resume")
				resumed += map[bool]string{true: "y", false: "n"}[yes]
				if flags != "-out "+dir+" -epochs 2" {
					t.Errorf("called with %q", call)
				}
			}
			if resumed != tt.resumed || code != tt.code || !strings.HasSuffix(said, tt.said) {
				t.Errorf("-resume in %s, exit code %d, said %q, want %s, %d and %q", resumed, code, said, tt.resumed, tt.code, tt.said)
			}
		})
	}
}

// TestRestartBesideEarlier: the checkpoint of an earlier run is not gone on with.
func TestRestartBesideEarlier(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "checkpoint.safetensors"), []byte("earlier"), 0o644); err != nil {
		t.Fatal(err)
	}
	calls, code, _ := restarted(t, dir, "exit 1", "rm checkpoint.safetensors; sleep 1; cp fake checkpoint.safetensors; exit 1", "exit 0")
	if got := strings.Join(calls, "\n"); code != 0 || len(calls) != 3 || strings.Count(got, "-resume") != 1 || !strings.HasSuffix(got, "-resume") {
		t.Errorf("exit code %d, calls %q, want -resume in the third alone", code, calls)
	}
}

// TestRestartResume: with -resume the checkpoint that is there counts from the first call
// on.
func TestRestartResume(t *testing.T) {
	for there, want := range map[bool]string{true: "yy", false: "ny"} {
		dir := t.TempDir()
		if there {
			if err := os.WriteFile(filepath.Join(dir, "checkpoint.safetensors"), []byte("earlier"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c := fakeCommand(t, dir, "cp fake checkpoint.safetensors; exit 1", "exit 0")
		c.Args = append([]string{restart, "-resume"}, c.Args[1:]...)
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, call := range callsIn(t, dir) {
			got += map[bool]string{true: "y", false: "n"}[strings.HasSuffix(call, " -resume")]
		}
		if got != want {
			t.Errorf("checkpoint there: %t: -resume in %s, want %s", there, got, want)
		}
	}
}

// TestRestartStopped: a signal reaches the command as SIGUSR1, which has the time to
// save; nothing is started again.
func TestRestartStopped(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1} {
		dir := t.TempDir()
		c := fakeCommand(t, dir, "trap 'sleep 0.3; touch saved; exit 1' USR1; touch ready; while :; do sleep 0.1; done")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ready := filepath.Join(dir, "ready")
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(ready); err == nil {
				break
			}
			if time.Since(began) > 30*time.Second {
				t.Fatal("the command has not started")
			}
		}
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // the code says more
		if _, err := os.Stat(filepath.Join(dir, "saved")); err != nil || c.ProcessState.ExitCode() != 130 || len(callsIn(t, dir)) != 1 {
			t.Errorf("%v: exit code %d, %v, %d calls, want 130, a saved run and one call", s, c.ProcessState.ExitCode(), err, len(callsIn(t, dir)))
		}
	}
}

// TestRestartUsage: a wrong command line is one message, and exit code 2.
func TestRestartUsage(t *testing.T) {
	for _, args := range []string{"", "--", "-restarts", "-restarts x -- true -out y", "-wait -1 -- true -out y", "-- true", "-restarts 3 --"} {
		var errs bytes.Buffer
		c := exec.Command(restart, strings.Fields(args)...)
		c.Stderr = &errs
		_ = c.Run() // the code says more
		if code, text := c.ProcessState.ExitCode(), errs.String(); code != 2 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "restart: ") {
			t.Errorf("%q: exit code %d, %q, want 2 and a line", args, code, text)
		}
	}
}

// TestMPIJob holds together what mpijob.yaml and the image of Containerfile must agree
// on. train/mpi/README.md says how the job was judged by the operator's schema.
func TestMPIJob(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("examples", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	job, image := read("mpijob.yaml"), read("Containerfile")
	for _, want := range []string{
		"\napiVersion: kubeflow.org/v2beta1\nkind: MPIJob\n", "\n  sshAuthMountPath: /home/mpiuser/.ssh\n", "\n    backoffLimit: 6\n",
		"\n    Launcher:\n", "\n    Worker:\n      replicas: 4\n", "                - -n\n                - \"4\"\n",
		"command: [restart, -resume, ", "command: [/usr/sbin/sshd, -De, -f, /home/mpiuser/.sshd_config]\n", "tcpSocket: {port: 2222}\n", "runAsUser: 1000\n",
	} {
		if !strings.Contains(job, want) {
			t.Errorf("mpijob.yaml has no %q", want)
		}
	}
	if strings.Contains(job, "\t") || strings.Count(job, "mountPath: /home/mpiuser/runs}") != 2 || !strings.Contains(job, "- /home/mpiuser/runs/resnet20\n") {
		t.Error("mpijob.yaml: want no tabs, and the folder of the run in both kinds of pods")
	}
	for _, want := range []string{
		"useradd -m -u 1000 mpiuser", "'Port 2222' 'HostKey /home/mpiuser/.ssh/id_rsa'", ">/home/mpiuser/.sshd_config", "'Host *' 'Port 2222'",
		"COPY train/mpi/examples/restart /usr/local/bin/restart", "/usr/local/bin/train", "go build -tags mpi ",
	} {
		if !strings.Contains(image, want) {
			t.Errorf("Containerfile has no %q", want)
		}
	}
}
