package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shapes")
	writeFolder(t, dir, fiveClasses())
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "shapes" {
		t.Errorf("name %q, want %q", d.Name, "shapes")
	}

	t.Chdir(dir)
	if d, err := Open("."); err != nil || d.Name != "shapes" {
		t.Errorf("Open(%q) has the name %q and the error %v, want %q and none", ".", d.Name, err, "shapes")
	}
	if err := os.Mkdir("mnist", 0o755); err != nil {
		t.Fatal(err)
	}
	if d, err := Open("mnist"); err != nil || d.Train.Len() != 60000 {
		t.Errorf("Open(%q) beside a folder of that name: error %v, want MNIST", "mnist", err)
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, open, want string }{
		{"no name", "", `want "mnist" or a folder`},
		{"no such folder", "mnits", `no folder "mnits", want one with train-images-idx3-ubyte`},
		{"a file", file, "no folder"},
		{"a folder that cannot be read", "/" + strings.Repeat("x", 5000), "cannot be read: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.open)
			wantError(t, err, "data: ", tt.want)
		})
	}
}

func TestRead(t *testing.T) {
	d := open(t, fiveClasses())
	x := make([]float32, 6*7)
	for i := range d.Train.Len() {
		class, err := d.Train.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		if class != i%5 {
			t.Errorf("sample %d has class %d, want %d", i, class, i%5)
		}
		for k, got := range x {
			if want := float32(byte(i*len(x)+k)) / 255; got != want {
				t.Fatalf("sample %d pixel %d is %v, want %v", i, k, got, want)
			}
		}
	}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := d.Train.Read(3, x); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("Read allocates %v times, want 0", allocs)
	}
}

func TestReadErrors(t *testing.T) {
	d := open(t, fiveClasses())
	tests := []struct {
		name string
		s    Samples
		i    int
		x    []float32
		want string
	}{
		{"before the first", d.Train, -1, make([]float32, 42), "sample -1, want 0 to 9"},
		{"after the last", d.Train, 10, make([]float32, 42), "sample 10, want 0 to 9"},
		{"after the limit", Limit(d.Train, 4), 4, make([]float32, 42), "sample 4, want 0 to 3"},
		{"before the limit", Limit(d.Train, 4), -1, make([]float32, 42), "sample -1, want 0 to 3"},
		{"short x", d.Train, 0, make([]float32, 41), "room for 41 values, want 42"},
		{"long x", Limit(d.Train, 4), 0, make([]float32, 43), "room for 43 values, want 42"},
		{"nil x", d.Test, 0, nil, "room for 0 values, want 42"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.s.Read(tt.i, tt.x)
			wantError(t, err, "data: ", tt.want)
		})
	}
}

func TestLimit(t *testing.T) {
	s := open(t, fiveClasses()).Train
	tests := []struct {
		name    string
		s       Samples
		n, want int
	}{
		{"negative", s, -1, 10},
		{"zero", s, 0, 10},
		{"one", s, 1, 1},
		{"all but one", s, 9, 9},
		{"all", s, 10, 10},
		{"more than all", s, 11, 10},
		{"a limit's limit", Limit(s, 7), 3, 3},
		{"a limit's larger limit", Limit(s, 3), 7, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := Limit(tt.s, tt.n)
			if l.Len() != tt.want {
				t.Fatalf("%d samples, want %d", l.Len(), tt.want)
			}
			last := tt.want - 1
			got, want := make([]float32, 42), make([]float32, 42)
			gotClass, err := l.Read(last, got)
			if err != nil {
				t.Fatal(err)
			}
			wantClass, err := s.Read(last, want)
			if err != nil {
				t.Fatal(err)
			}
			if gotClass != wantClass || got[0] != want[0] {
				t.Errorf("last sample has class %d and pixel %v, want %d and %v", gotClass, got[0], wantClass, want[0])
			}
		})
	}
}

func TestReadConcurrently(t *testing.T) {
	s := Limit(open(t, fiveClasses()).Train, 9)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			x := make([]float32, 42)
			for i := range 1000 {
				if class, err := s.Read(i%9, x); err != nil || class != i%9%5 || x[0] != float32(i%9*42%256)/255 {
					t.Errorf("sample %d: class %d, first pixel %v, error %v", i%9, class, x[0], err)
				}
			}
		})
	}
	wg.Wait()
}

// wantError reports an error that is absent, longer than a line, or without the
// wanted start and part.
func wantError(t *testing.T, err error, prefix, part string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", part)
	}
	s := err.Error()
	if !strings.HasPrefix(s, prefix) || !strings.Contains(s, part) || strings.Contains(s, "\n") {
		t.Errorf("error %q, want a line that begins with %q and has %q", s, prefix, part)
	}
}

// TestIndicesAndName: parts say where their samples are, and what their files are called.
func TestIndicesAndName(t *testing.T) {
	d := open(t, fiveClasses())
	folds, err := Folds(d, 3, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, f := range folds {
		at := Indices(f.Test)
		if len(at) != f.Test.Len() {
			t.Fatalf("%d indices of %d samples", len(at), f.Test.Len())
		}
		x, y := make([]float32, volumeOf(d.Shape)), make([]float32, volumeOf(d.Shape))
		for i, k := range at {
			a, err := f.Test.Read(i, x)
			if err != nil {
				t.Fatal(err)
			}
			b, err := d.Train.Read(k, y)
			if err != nil || a != b || !slices.Equal(x, y) || seen[k] {
				t.Errorf("sample %d of a fold is %d of all: classes %d and %d, error %v, or was in another", i, k, a, b, err)
			}
			seen[k] = true
			if got, want := Name(f.Test, i), Name(d.Train, k); got != want || got == "" {
				t.Errorf("sample %d of a fold is called %q, want %q", i, got, want)
			}
		}
	}
	if len(seen) != d.Train.Len() {
		t.Errorf("%d samples in all folds, want %d", len(seen), d.Train.Len())
	}
	if at := Indices(d.Test); !slices.Equal(at, InOrder(d.Test.Len())) {
		t.Errorf("indices %v of a whole, want all in order", at)
	}
}
