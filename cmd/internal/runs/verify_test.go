package runs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/train"
)

// TestVerify: files of runs are sound; one with a bit changed, one that is cut off and one
// without a checksum are each said.
func TestVerify(t *testing.T) {
	dir := folder(t)
	out, _, err := command(t, "-verify", dir)
	n := strings.Count(out, ": sound\n")
	if err != nil || n < 12 || !strings.HasSuffix(out, fmt.Sprintf("\n%d sound, 0 without checksum, 0 damaged\n", n)) {
		t.Fatalf("got %q, %v", out, err)
	}
	model, best := filepath.Join(dir, "a", train.ModelFile), filepath.Join(dir, "a", train.BestFile)
	older := filepath.Join(dir, "b <&> c", train.ModelFile)
	for path, change := range map[string]func(b []byte) []byte{
		model: func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		best:  func(b []byte) []byte { return b[:len(b)-1] },
		older: func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"tapenet.sha256"`, `"tapenet.sha25x"`, 1))
		},
	} {
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(b), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, _, err = command(t, "-verify", dir)
	if err == nil || err.Error() != fmt.Sprintf("runs: 2 of %d files are damaged or cannot be read", n) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{
		model + ": damaged: the content is not that of its checksum\n", best + ": damaged: weights: ",
		older + ": readable, has no checksum\n", fmt.Sprintf("%d sound, 1 without checksum, 2 damaged\n", n-3),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	if out, _, err := command(t, "-verify", older); err != nil || !strings.HasPrefix(out, older+": readable") {
		t.Errorf("a file alone: %q, %v", out, err)
	}
	for _, args := range [][]string{{"-verify", filepath.Join(dir, "empty")}, {"-verify", filepath.Join(dir, "none")}, {"-verify", "-json", dir}} {
		if _, _, err := command(t, args...); err == nil || errors.As(err, new(cli.UsageError)) != (len(args) == 3) {
			t.Errorf("%q: error %v", args, err)
		}
	}
}
