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

// TestUnit: systemd finds nothing wrong. The binary of the test stands for the server's,
// which is not installed here.
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
	for text, ok := range map[string]bool{text: true, strings.Replace(text, "ProtectSystem=strict", "ProtectSystems=strict", 1): false} {
		file := filepath.Join(t.TempDir(), "tapenet-serve.service")
		if err := os.WriteFile(file, []byte(strings.Replace(text, "ExecStart="+command[0], "ExecStart="+binary, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
		if good := err == nil && len(out) == 0; good != ok {
			t.Errorf("systemd-analyze verify: %v, %q; want success: %t", err, out, ok)
		}
	}
}
