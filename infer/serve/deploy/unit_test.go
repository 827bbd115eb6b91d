package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unit is the service's file, and the command that it starts.
func unit(t *testing.T) (text string, command []string) {
	t.Helper()
	file, err := os.ReadFile("tapenet-serve.service")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(file), "\nExecStart=")
	line, _, _ := strings.Cut(rest, "\n")
	if !ok || !strings.HasPrefix(line, "/usr/local/bin/serve ") {
		t.Fatalf("ExecStart=%s, want /usr/local/bin/serve", line)
	}
	return string(file), strings.Fields(line)
}

// TestUnit: systemd finds nothing wrong, with the service alone and with its socket. The
// binary of the test stands for the server's, which is not installed here.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze: apt-get install systemd")
	}
	text, command := unit(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := os.ReadFile("tapenet-serve.socket")
	if err != nil {
		t.Fatal(err)
	}
	text = strings.Replace(text, "ExecStart="+command[0], "ExecStart="+binary, 1)
	for _, tt := range []struct {
		name, service, socket string
		ok                    bool
	}{
		{"service", text, "", true},
		{"socket", text, string(socket), true},
		{"wrong service", strings.Replace(text, "ProtectSystem=strict", "ProtectSystems=strict", 1), "", false},
		{"wrong socket", text, strings.Replace(string(socket), "NoDelay=", "NoDelays=", 1), false},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"tapenet-serve.service": tt.service, "tapenet-serve.socket": tt.socket} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, "tapenet-serve.service")
		if tt.socket != "" {
			file = filepath.Join(dir, "tapenet-serve.socket")
		}
		out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
		if good := err == nil && len(out) == 0; good != tt.ok {
			t.Errorf("%s: systemd-analyze verify: %v, %q; want success: %t", tt.name, err, out, tt.ok)
		}
	}
}
