package hdf5

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// content is what make.py says of a file.
type content struct {
	Datasets   map[string][2]any              `json:"datasets"` // shape, type
	Attributes map[string]map[string][]string `json:"attributes"`
}

func contents(t testing.TB, dir string) map[string]content {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "contents.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]content
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// unpacked returns a file of make.py.
func unpacked(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// number is an element of a dataset as a float64.
func number(t testing.TB, a Array, i int) float64 {
	t.Helper()
	b := a.Data[i*a.Size:]
	switch a.Format {
	case Float16: // make.py's numbers are normal
		h := uint64(binary.LittleEndian.Uint16(b))
		if h&0x7FFF == 0 {
			return 0
		}
		return math.Float64frombits(h>>15<<63 | (h>>10&31+1008)<<52 | h&1023<<42)
	case Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	t.Fatalf("format %q", a.Format)
	return 0
}

// check holds all datasets and attributes of a folder's files against make.py.
func check(t *testing.T, dir string) {
	for name, want := range contents(t, dir) {
		t.Run(name, func(t *testing.T) {
			f := open(t, unpacked(t, filepath.Join(dir, name)))
			for path, d := range want.Datasets {
				o, err := f.Root().Find(path)
				if err != nil || o == nil {
					t.Errorf("%s: %v, %v", path, o, err)
					continue
				}
				a, err := o.Read()
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				n := 1
				for _, d := range a.Shape {
					n *= d
				}
				if got, want := fmt.Sprint(a.Shape, a.Format), fmt.Sprint(d[0], d[1]); got != want || n*a.Size != len(a.Data) || !o.IsDataset() {
					t.Errorf("%s: %s with %d bytes, want %s", path, got, len(a.Data), want)
					continue
				}
				for i := range n {
					want := float64((i*7919)%1021-510) / 64
					if got := number(t, a, i); got != want {
						t.Errorf("%s: element %d is %v, want %v", path, i, got, want)
						break
					}
				}
			}
			for path, all := range want.Attributes {
				o := f.Root()
				if path != "/" {
					var err error
					if o, err = o.Find(path); err != nil || o == nil {
						t.Fatalf("%s: %v", path, err)
					}
				}
				for key, want := range all {
					if got, err := o.Strings(key); err != nil || !slices.Equal(got, want) {
						t.Errorf("%s of %s: %q, %v, want %q", key, path, got, err, want)
					}
				}
			}
		})
	}
}

// TestGoldens reads what h5py has written with both versions of the format.
func TestGoldens(t *testing.T) { check(t, "testdata") }

// TestLive is the same with larger files that h5py writes now: trees of several
// levels, arrays in pages, groups of 1500 members, a huge attribute.
func TestLive(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import h5py").Run(); err != nil {
		t.Skipf("Debian's python3-h5py is not installed: %v", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("/usr/bin/python3", "testdata/make.py", dir, "large").CombinedOutput(); err != nil {
		t.Fatalf("h5py: %v\n%s", err, out)
	}
	check(t, dir)
}

func TestNames(t *testing.T) {
	for _, version := range []string{"earliest", "latest"} {
		f := open(t, unpacked(t, "testdata/many_"+version+".h5"))
		many, err := f.Root().Find("many")
		if err != nil {
			t.Fatal(err)
		}
		names, err := many.Names()
		if err != nil || len(names) != 70 || names[0] != "layer_000" || names[69] != "layer_069" {
			t.Errorf("%s: %d names, %v", version, len(names), err)
		}
		if o, err := f.Root().Find("many/nobody"); o != nil || err != nil {
			t.Errorf("%s: %v, %v, want nothing", version, o, err)
		}
		if o, err := f.Root().Find("many/layer_000/below"); o != nil || err != nil {
			t.Errorf("%s: %v, %v, want nothing below a dataset", version, o, err)
		}
		if many.IsDataset() {
			t.Errorf("%s: a group is a dataset", version)
		}
		if _, err := many.Read(); err == nil {
			t.Errorf("%s: a group was read", version)
		}
	}
}
