package corrupt

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/checksums.txt anew")

// TestChecksums compares the bytes of all corruptions, at all severities, with
// those that testdata/checksums.txt has: every machine makes the same ones. The
// pictures are a digit and colour pictures of the three sizes that matter.
func TestChecksums(t *testing.T) {
	const file = "testdata/checksums.txt"
	var got strings.Builder
	for _, c := range all() {
		pictures := []Picture{digits(t)[0]}
		if c.Set == "common" {
			pictures = []Picture{formula(3, 32, 32), colours(), formula(3, 128, 131)}
		}
		h := sha256.New()
		for severity := range 6 {
			for i, p := range pictures {
				for _, v := range c.Apply(p, severity, Seed(7, i)).Pix {
					h.Write([]byte{byte(v*255 + 0.5)})
				}
			}
		}
		fmt.Fprintf(&got, "%-26s %x\n", c, h.Sum(nil)[:12])
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wants, gots := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i, line := range gots {
		if i >= len(wants) || wants[i] != line {
			t.Errorf("got %q, want the line of %s; with -update it is written anew", line, file)
		}
	}
	if len(wants) != len(gots) {
		t.Errorf("%s has %d lines, want %d", file, len(wants), len(gots))
	}
}

// TestNothingFused looks for instructions that multiply and add at once in what
// the compiler makes of this package for a processor that has them.
func TestNothingFused(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	c := exec.Command("go", "build", "-gcflags=-S", ".")
	c.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "TEXT") {
		t.Fatalf("the compiler's listing: %v: %.300s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		for _, name := range []string{"FMADD", "FMSUB", "FNMADD", "FNMSUB"} {
			if strings.Contains(line, "\t"+name) {
				t.Error(strings.TrimSpace(line))
			}
		}
	}
}
