package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// readRecord reads a file of -out.
func readRecord(t *testing.T, path string) (r record) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecord: the file has the figures that are printed, all samples that they
// are made of, and what was measured where.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "bench.json")
	printed := bench(t, "-time", "1ms", "-model", "lenet5", "-batch", "2", "-threads", "1", "-out", path)
	got := readRecord(t, path)
	if len(got.Results) != 2 || len(printed) != 2 {
		t.Fatalf("%d results in the file, %d printed, want 2", len(got.Results), len(printed))
	}
	for i, r := range got.Results {
		if len(r.Samples) != r.Steps || r.Steps == 0 {
			t.Errorf("%v: %d samples of %d steps, want all", r.combination, len(r.Samples), r.Steps)
		}
		if slices.Min(r.Samples) != r.Fastest {
			t.Errorf("%v: the fastest sample is %g, want %g", r.combination, slices.Min(r.Samples), r.Fastest)
		}
		if r.combination != printed[i].combination || r.figures != printed[i].figures {
			t.Errorf("the file has %+v, printed is %+v", r.report, printed[i])
		}
	}
	if want := runtime.Version(); got.Go != want || got.Commit == "" || got.System != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("Go %q, commit %q, system %q, want %s, some commit or \"unknown\", this system", got.Go, got.Commit, got.System, want)
	}
	if got.Machine.Cores != runtime.NumCPU() || got.Machine.Tier == "" || !(got.Machine.PeakMulAdds > 0) {
		t.Errorf("machine %+v, want one with %d cores, a tier and a peak", got.Machine, runtime.NumCPU())
	}
	if age := time.Since(got.Time); age < 0 || age > time.Hour || got.Arguments[0] != "-time" {
		t.Errorf("%v old, arguments %q, want this run's", age, got.Arguments)
	}
}

// TestRecordFolder: in a folder each run has a file of its own.
func TestRecordFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results")
	at := time.Date(2026, 11, 29, 10, 15, 0, 0, time.UTC)
	for i := range 2 {
		if err := newRecord(dir, nil, machine{}, at.Add(time.Duration(i)*time.Second)).write(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{"bench-20261129-101500.json", "bench-20261129-101501.json"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

// TestRecordErrors: a place that cannot be written to is an error before the
// work, and no place is none.
func TestRecordErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"-time", "1ms", "-model", "lenet5", "-out", filepath.Join(file, "x.json")}, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "bench: -out: ") || out.Len() > 0 {
		t.Errorf("error %v, output %q, want an error about -out before any result", err, &out)
	}
	if err := newRecord("", nil, machine{}, time.Now()).write(); err != nil {
		t.Errorf("without -out: %v", err)
	}
}
