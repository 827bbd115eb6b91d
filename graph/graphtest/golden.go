package graphtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Golden compares a text with a file of the package's testdata folder. With
// update, usually a flag of the test, it writes the file first: read the
// difference before you keep it.
func Golden(t testing.TB, update bool, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it), got\n%s\nwant\n%s", path, got, want)
	}
}
