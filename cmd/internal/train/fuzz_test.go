package train

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzConfig: any file of settings gives options, or an error of one line.
func FuzzConfig(f *testing.F) {
	f.Add("model = \"cnn\"\nepochs = 3\nlr = 1e-3\noptimizer = \"adamw\"\nseed = \"18446744073709551615\"\n")
	f.Add("model = \"resnet18-0.5\"\naugment = \"shift:2,rotate:5\"\nschedule = \"onecycle\"\nclip = 1.5\nmixup = 0.2\nval = 0.1\npatience = 3")
	f.Add("epochs = [1]\nbatch = -1\n")
	f.Add("adversarial = \"pgd:0.1\"\ncorrupt = true\nlimit = 9999999999999999999\n[a]\nb = 1979-05-27")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := parse([]string{"-config", file, "-data", filepath.Join(t.TempDir(), "none")}, io.Discard)
		if err != nil && (strings.Contains(strings.TrimSuffix(err.Error(), "\n"), "\n") || len(err.Error()) > 4000) {
			t.Errorf("error %.5000q, want one line", err)
		}
	})
}
