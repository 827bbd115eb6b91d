package infer

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/onnx"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// featured are the features that package infer has for pictures.
func featured(t *testing.T, files []string) [][]float32 {
	t.Helper()
	p, err := infer.Load(trained(t))
	if err != nil {
		t.Fatal(err)
	}
	var images [][]float32
	for _, file := range files {
		x, _, err := reader{pixels: p.Pixels}.read(file)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, x)
	}
	features, err := p.Features(images)
	if err != nil {
		t.Fatal(err)
	}
	return features
}

// exportedRun is the run as an ONNX file, which says how pictures become its input.
func exportedRun(t *testing.T) string {
	t.Helper()
	m, err := open.Open(trained(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnx.Options{Metadata: map[string]string{"preprocessing": "{}"}}.Export(m.Layer, m.Tensors, m.Sample...)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(t.TempDir(), "run.onnx"), b)
}

// near demands rows that are equal up to rounding.
func near(t *testing.T, what string, got, want [][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("%s: row %d has %d numbers, want %d", what, i, len(got[i]), len(want[i]))
		}
		for k, v := range want[i] {
			if !(math.Abs(float64(got[i][k]-v)) <= 1e-4) {
				t.Fatalf("%s: number %d of row %d is %v, want %v", what, k, i, got[i][k], v)
			}
		}
	}
}

// describedBy runs the command with -json and returns the features.
func describedBy(t *testing.T, files []string, args ...string) (rows [][]float32) {
	t.Helper()
	out, _, err := classified(t, slices.Concat(args, []string{"-features", "-json"}, files)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var d described
		strict(t, line, &d)
		if d.File != files[i] {
			t.Errorf("line %d is of %s, want %s", i, d.File, files[i])
		}
		rows = append(rows, d.Features)
	}
	return rows
}

// TestFeatures: what the last Dense reads, of a run and of its ONNX file, also by the
// name of a value and of a layer; and the output itself.
func TestFeatures(t *testing.T) {
	files, _ := pictures(t, 3)
	want, file := featured(t, files), exportedRun(t)
	near(t, "run", describedBy(t, files, "-model", trained(t)), want)
	near(t, "layer", describedBy(t, files, "-model", trained(t), "-output", "dense_1"), want)
	near(t, "ONNX", describedBy(t, files, "-model", file), want)
	m, err := onnx.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	probabilities := describedBy(t, files, "-model", file, "-output", m.Output().Name)
	for i, row := range probabilities {
		sum := float32(0)
		for _, v := range row {
			sum += v
		}
		if len(row) != 10 || math.Abs(float64(sum-1)) > 1e-5 {
			t.Errorf("picture %d: the output is %v, want ten probabilities", i, row)
		}
	}
	p, err := infer.LoadExtractor(file, "")
	if err != nil || p.Size != len(want[0]) {
		t.Fatalf("%v, error %v, want %d features", p, err, len(want[0]))
	}
	if got := describedBy(t, files, "-model", "../../../graph/tfjs/testdata/trained/model.json", "-output", "max_pooling2d_MaxPooling2D2"); len(got[0]) != 3 {
		t.Errorf("%d features of a layer of three channels", len(got[0]))
	}
}

// TestFeatureFormats: text and a table, which have all digits, and NumPy's file.
func TestFeatureFormats(t *testing.T) {
	files, _ := pictures(t, 3)
	want := featured(t, files)
	numbers := func(texts []string) (row []float32) {
		for _, text := range texts {
			v, err := strconv.ParseFloat(text, 32)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, float32(v))
		}
		return row
	}
	var text, table [][]float32
	out, _, err := classified(t, slices.Concat([]string{"-model", trained(t), "-features"}, files)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		text = append(text, numbers(strings.Fields(strings.TrimPrefix(line, files[i]+": "))))
	}
	near(t, "text", text, want)
	if out, _, err = classified(t, slices.Concat([]string{"-model", trained(t), "-features", "-csv"}, files)...); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if cells := strings.Split(line, ","); i == 0 && (cells[0] != "file" || cells[1] != "feature 0") {
			t.Errorf("heading %q", line)
		} else if i > 0 {
			table = append(table, numbers(cells[1:]))
		}
	}
	near(t, "table", table, want)
	npy, damaged := filepath.Join(t.TempDir(), "x.npy"), write(t, filepath.Join(t.TempDir(), "d.png"), []byte("no picture"))
	out, errs, err := classified(t, "-model", trained(t), "-features", "-out", npy, files[0], damaged, files[1], files[2])
	if err == nil || err.Error() != "infer: 1 of 4 files could not be read" || !strings.HasPrefix(errs, damaged+": infer: no picture, want PNG") {
		t.Errorf("error %v, stderr %q, want the damaged file", err, errs)
	}
	if out != strings.Join(files, "\n")+"\n" {
		t.Errorf("names %q, want %q", out, files)
	}
	content, err := os.ReadFile(npy)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "npy", readNPY(t, content, len(files), len(want[0])), want)
}

// readNPY reads an array of float32 as NumPy's format has it.
func readNPY(t *testing.T, b []byte, rows, columns int) (list [][]float32) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d,), }", rows, columns)
	start := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	if string(b[:8]) != "\x93NUMPY\x01\x00" || strings.TrimSpace(string(b[10:start])) != header || len(b) != start+4*rows*columns {
		t.Fatalf("%d bytes beginning with %q, want %s", len(b), b[:start], header)
	}
	for i := range rows {
		row := make([]float32, columns)
		if _, err := binary.Decode(b[start+4*i*columns:], binary.LittleEndian, row); err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	return list
}

// TestSimilar: the folder's pictures in the order of their cosines, without the picture
// itself, which has a copy; the same from Go.
func TestSimilar(t *testing.T) {
	files, _ := pictures(t, 12)
	dir := filepath.Dir(files[0])
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	twin := write(t, filepath.Join(dir, "twin.png"), content)
	damaged := write(t, filepath.Join(dir, "zz.png"), content[:20])
	out, errs, err := classified(t, "-model", trained(t), "-similar", dir, "-top", "4", "-json", files[0], files[5])
	if err == nil || err.Error() != "infer: 1 of 14 files could not be read" || !strings.HasPrefix(errs, damaged+": ") || errors.As(err, new(cli.UsageError)) {
		t.Fatalf("error %v, stderr %q, want the damaged picture", err, errs)
	}
	all := append(slices.Clone(files), twin)
	features := featured(t, all)
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var q query
		strict(t, line, &q)
		me := []int{0, 5}[i]
		if q.File != files[me] || len(q.Similar) != 4 {
			t.Fatalf("%s has %d similar pictures, want %s and 4", q.File, len(q.Similar), files[me])
		}
		worst := q.Similar[3].Cosine
		for k, f := range features {
			c := cosine(features[me], f)
			at := slices.IndexFunc(q.Similar, func(n neighbour) bool { return n.File == all[k] })
			switch {
			case k == me && at >= 0:
				t.Errorf("%s is similar to itself", all[k])
			case k != me && at < 0 && c > worst+1e-6:
				t.Errorf("%s, cosine %v, is left out, want it before %v", all[k], c, worst)
			case at >= 0 && math.Abs(q.Similar[at].Cosine-c) > 1e-6:
				t.Errorf("%s: cosine %v, want %v", all[k], q.Similar[at].Cosine, c)
			}
		}
		if !slices.IsSortedFunc(q.Similar, func(a, b neighbour) int { return cmp.Compare(b.Cosine, a.Cosine) }) {
			t.Errorf("the order is %v", q.Similar)
		}
	}
	if err := os.Remove(damaged); err != nil {
		t.Fatal(err)
	}
	out, _, err = classified(t, "-model", exportedRun(t), "-similar", dir, "-top", "1", files[0])
	if want := files[0] + "\n  1.0000  " + twin + "\n"; err != nil || out != want {
		t.Errorf("printed %q, error %v, want %q", out, err, want)
	}
}

func TestCosine(t *testing.T) {
	for _, tt := range []struct {
		a, b []float32
		want float64
	}{
		{[]float32{3, 4}, []float32{6, 8}, 1}, {[]float32{1, 0}, []float32{0, 2}, 0}, {[]float32{1, 1}, []float32{-2, -2}, -1},
		{[]float32{0, 0}, []float32{1, 2}, 0}, {[]float32{1, 0}, []float32{1, 1}, math.Sqrt2 / 2}, {[]float32{1e30, 0}, []float32{1e30, 0}, 1},
	} {
		if got := cosine(tt.a, tt.b); !(math.Abs(got-tt.want) < 1e-12) {
			t.Errorf("%v and %v: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestFeatureErrors(t *testing.T) {
	dir, run, file := t.TempDir(), trained(t), exportedRun(t)
	for _, tt := range []struct {
		name  string
		args  []string
		usage bool
		want  string
	}{
		{"both", []string{"-model", run, "-features", "-similar", dir, "x.png"}, true, "got both -features and -similar"},
		{"data", []string{"-model", run, "-features", "-data", "mnist"}, true, "go with none of -data, -saliency and -mirror"},
		{"out alone", []string{"-model", run, "-out", "x.npy", "x.png"}, true, "-out is for -features"},
		{"no npy", []string{"-model", run, "-features", "-out", "x.txt", "x.png"}, true, "-out x.txt, want a file ending in .npy"},
		{"no folder", []string{"-model", run, "-features", "-out", filepath.Join(dir, "none", "x.npy"), "x.png"}, true, "there is no folder"},
		{"similar table", []string{"-model", run, "-similar", dir, "-csv", "x.png"}, true, "-csv goes with neither"},
		{"no pictures", []string{"-model", run, "-similar", filepath.Join(dir, "none"), "x.png"}, true, "want a folder with pictures"},
		{"nothing", []string{"-model", run, "-features"}, true, "nothing to do, want picture files"},
		{"several", []string{"-model", run + "," + run, "-features", "x.png"}, true, "features of several models, want one"},
		{"layer", []string{"-model", run, "-features", "-output", "none", "x.png"}, false, `no output of a layer "none": want one that go run ./cmd/zoo -model ` + run},
		{"value", []string{"-model", file, "-features", "-output", "none", "x.png"}, false, `no node computes a value "none"`},
		{"output of a run", []string{"-model", run, "-output", "none", "x.png"}, false, "is a file of safetensors, which has one output"},
		{"output that classifies nothing", []string{"-model", file, "-output", "maxpool2d", "x.png"}, false, `"maxpool2d"`},
	} {
		out, _, err := classified(t, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || out != "" {
			t.Errorf("%s: error %v, stdout %q, want one line with %s", tt.name, err, out, tt.want)
		}
		if usage := errors.As(err, new(cli.UsageError)); usage != tt.usage {
			t.Errorf("%s: usage error: %t, want %t", tt.name, usage, tt.usage)
		}
	}
}
