package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const source = `package small

// Larger is the larger of two numbers.
func Larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func unused(a int) int { return a + 1 }
`

const sourceTest = `package small

import "testing"

func TestLarger(t *testing.T) {
	if Larger(1, 2) != 2 || Larger(2, 1) != 2 {
		t.Error("not the larger one")
	}
}
`

// module makes a module of one package the working folder.
func module(t *testing.T) goPackage {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module small\n\ngo 1.26\n", "small.go": source, "small_test.go": sourceTest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return goPackage{Dir: dir, ImportPath: "small", GoFiles: []string{"small.go"}}
}

func TestMutants(t *testing.T) {
	all, err := mutantsOf(module(t), "small.go")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.String())
		text := string(m.apply([]byte(source)))
		if len(text) != len(source)-len(m.Was)+len(m.Text) || text[:m.Start] != source[:m.Start] || !strings.HasSuffix(text, source[m.End:]) {
			t.Errorf("%v makes %s", m, text)
		}
	}
	want := []string{"small/small.go:5: a > b → !(a > b)", "small/small.go:5: > → >=", "small/small.go:11: + → -", "small/small.go:11: 1 → 2"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRun: of the four mutants one is killed, one is no other program (the larger of two
// equal numbers), two are in a line that no test runs. A second call goes on from there.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	module(t)
	const want = "1 killed, 1 survived, 2 in lines that no test runs: 25.0 % killed of 4\n"
	for _, count := range []string{"2", "4"} {
		var out bytes.Buffer
		if err := run(t.Context(), []string{"-out", "record", "-count", count, "."}, &out, &out); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(out.String(), "\n"); lines != 3 {
			t.Errorf("%s\nwant two more mutants and a last line", &out)
		}
		if count == "4" && !strings.HasSuffix(out.String(), want) {
			t.Errorf("%s\nwant %s", &out, want)
		}
	}
}
