package graphtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"tapenet/graph/graphtest"
)

// failures records what a test reports, and does not fail.
type failures struct {
	testing.TB
	errors int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.errors++ }

// Golden fails for another text, and only writes when it is told to.
func TestGolden(t *testing.T) {
	t.Chdir(t.TempDir())
	graphtest.Golden(t, true, "a.txt", "one\n")
	graphtest.Golden(t, false, "a.txt", "one\n")
	f := &failures{TB: t}
	graphtest.Golden(f, false, "a.txt", "two\n")
	if f.errors != 1 {
		t.Errorf("%d errors for another text, want 1", f.errors)
	}
	if b, err := os.ReadFile(filepath.Join("testdata", "a.txt")); err != nil || string(b) != "one\n" {
		t.Errorf("the file holds %q (%v), want it unchanged", b, err)
	}
}
