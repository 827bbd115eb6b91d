package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tapenet/graph/graphtest"
)

// fakeEngine is the argument with which the test's program is another engine.
const fakeEngine = "-fake-engine"

// fake is another engine, whose variants are the milliseconds that its steps
// take, or an error that it ends with.
func fake(args []string, stdin io.Reader, stdout io.Writer) {
	variant := args[slices.Index(args, "-variant")+1]
	var ms float64
	if _, err := fmt.Sscan(variant, &ms); err != nil {
		fmt.Fprintf(os.Stderr, "a warning\nno variant %s\n", variant)
		os.Exit(1)
	}
	answers := json.NewEncoder(stdout)
	answers.Encode(started{Engine: "Fake 1", Build: 3, First: 4})
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		answers.Encode(turn{Samples: []float64{ms, ms, 2 * ms}, CPUSeconds: 0.004 * ms, PeakMB: 7})
	}
}

// newFake is the opponent with these variants.
func newFake(t *testing.T, variants ...string) *opponent {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &opponent{
		name: "fake", engine: "Fake 1", command: []string{exe, fakeEngine}, dir: t.TempDir(), files: map[string]string{},
		variants: func(combination) []string { return variants },
	}
}

// TestTurns: slow variants are tried once, the others take all turns, and the
// fastest is what we are compared with.
func TestTurns(t *testing.T) {
	o := options{time: time.Millisecond, rounds: 3}
	c := combination{"lenet5", "train", 2, 1}
	got, err := o.compareOne(t.Context(), newFake(t, "9", "1.1", "5", "1", "1.3"), c, machine{})
	if err != nil {
		t.Fatal(err)
	}
	for variant, want := range map[string]int{"9": 1, "1.1": 3, "5": 1, "1": 3, "1.3": 1} {
		if n := len(got.TheirTurns[variant]); n != want {
			t.Errorf("variant %s had %d turns, want %d", variant, n, want)
		}
	}
	want := side{Engine: "Fake 1", Variant: "1", Median: 1, P99: 2, ImagesPerSecond: 6 / 0.004, CPUPerStep: 4. / 3, StartMS: 7, PeakMB: 7}
	if math.Abs(got.Theirs.CPUPerStep-want.CPUPerStep) < 1e-9 {
		got.Theirs.CPUPerStep = want.CPUPerStep
	}
	if got.Theirs != want {
		t.Errorf("theirs is %+v, want %+v", got.Theirs, want)
	}
	if len(got.OurTurns) != 3 || !slices.Equal(got.Input, []int{1, 28, 28}) || got.Ours.Engine != "tapenet" {
		t.Errorf("%d turns of %+v on %v, want 3 of tapenet on (1,28,28)", len(got.OurTurns), got.Ours, got.Input)
	}
	if got.Ratio != 1/got.Ours.Median || !(got.Lowest <= got.Ratio && got.Ratio <= got.Highest) || !(got.Peak > 0) {
		t.Errorf("ratio %g from %g to %g, peak %g, want %g between the two", got.Ratio, got.Lowest, got.Highest, got.Peak, 1/got.Ours.Median)
	}
}

// TestTurnErrors: what either side says on its way out is the error.
func TestTurnErrors(t *testing.T) {
	o := options{time: time.Millisecond, rounds: 1}
	_, err := o.compareOne(t.Context(), newFake(t, "1", "broken"), combination{"lenet5", "train", 2, 1}, machine{})
	if err == nil || err.Error() != "Fake 1: no variant broken" {
		t.Errorf("got error %v, want the last line of the other side", err)
	}
	_, err = o.compareOne(t.Context(), newFake(t, "1"), combination{"none", "train", 2, 1}, machine{})
	if err == nil || !strings.Contains(err.Error(), `no model "none"`) {
		t.Errorf("got error %v, want our side's", err)
	}
}

func TestAgree(t *testing.T) {
	for _, tt := range []struct {
		ours, theirs []float32
		want         string
	}{
		{[]float32{1, -1000}, []float32{1.5, -1000}, ""},
		{nil, []float32{1}, ""},
		{[]float32{1}, nil, ""},
		{[]float32{1, 2}, []float32{1}, "its output has 1 values, ours 2: want the same network"},
		{[]float32{1, 10}, []float32{2, 10}, "its output differs from ours by 1, its largest value is 10"},
		{[]float32{float32(math.NaN())}, []float32{1}, "differs"},
	} {
		err := agree(tt.ours, tt.theirs)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v and %v: got error %v, want %q", tt.ours, tt.theirs, err, tt.want)
		}
	}
}

// TestComparisonTable compares with testdata/against.golden.
func TestComparisonTable(t *testing.T) {
	one := func(model string, batch int, ours, theirs float64) comparison {
		return comparison{
			combination: combination{model, "infer", batch, 2},
			Ours:        side{Median: ours, ImagesPerSecond: 1e3 / ours}, Theirs: side{Variant: "frozen", Median: theirs, ImagesPerSecond: 1e3 / theirs},
			Ratio: theirs / ours, Lowest: 0.9 * theirs / ours, Highest: 1.1 * theirs / ours, CPURatio: 1.25,
		}
	}
	all := []comparison{one("folder/a.onnx", 1, 10, 20), one("b", 1, 4, 2), one("b", 8, 20, 60)}
	all[1].CPURatio, all[1].Theirs.Variant = 0, ""
	var out bytes.Buffer
	writeComparisonHead(&out, "Fake 1")
	for _, c := range all {
		if err := c.write(&out); err != nil {
			t.Fatal(err)
		}
	}
	writeMeans(&out, all)
	writeMeans(&out, nil)
	graphtest.Golden(t, *update, "against.golden", out.String())
}

// TestMissing: one line says what is not there and how to get it.
func TestMissing(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	script := []byte("#!/bin/sh\necho 'a stack' >&2\necho 'no package: npm install it' >&2\nexit 1\n")
	if err := os.WriteFile(filepath.Join(broken, "node"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, name, want string }{
		{empty, againstONNXRuntime, "bench: -against onnxruntime: there is no command node, want Node.js: apt-get install nodejs"},
		{broken, againstONNXRuntime, "bench: -against onnxruntime: no package: npm install it"},
	} {
		t.Setenv("PATH", tt.path)
		if _, err := newOpponent(t.Context(), tt.name, t.TempDir()); err == nil || err.Error() != tt.want {
			t.Errorf("got error %v, want %s", err, tt.want)
		}
	}
}

// against runs the command against an engine and returns its comparisons; it skips
// the test where the engine is not installed.
func against(t *testing.T, engine string, args ...string) (comparisons []comparison, file record) {
	t.Helper()
	if _, err := newOpponent(t.Context(), engine, t.TempDir()); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "bench.json")
	var stdout bytes.Buffer
	args = append(args, "-against", engine, "-json", "-out", path, "-rounds", "1", "-time", "1ms", "-batch", "2", "-threads", "1")
	if err := run(t.Context(), args, &stdout, io.Discard); err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(&stdout); d.More(); {
		var c comparison
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		if !(c.Ratio > 0) || c.Ratio != c.Theirs.Median/c.Ours.Median {
			t.Errorf("%v: the ratio is %g, want %g of %g", c.combination, c.Ratio, c.Theirs.Median, c.Ours.Median)
		}
		comparisons = append(comparisons, c)
	}
	return comparisons, readRecord(t, path)
}

// TestONNXRuntime: it computes what we do, from files and from networks that are
// exported for it.
func TestONNXRuntime(t *testing.T) {
	path := writeNetwork(t, "small.onnx", small(), 3, 12, 16)
	keras := "../../../graph/tfjs/testdata/trained/model.json" // exported for it, with its SoftMax
	got, file := against(t, againstONNXRuntime, "-model", "lenet5,"+path+","+keras, "-mode", "infer,predict")
	if len(got) != 6 || !strings.HasPrefix(got[0].Theirs.Engine, "ONNX Runtime 1.") {
		t.Errorf("got %+v, want six comparisons with ONNX Runtime", got)
	}
	if len(file.Comparisons) != 6 || len(file.Comparisons[0].TheirTurns[""][0].Samples) < minSteps {
		t.Errorf("the file has %+v, want all samples of six comparisons", file.Comparisons)
	}
}

// TestPyTorch: it has a network of its own for ours, and torchvision's for files
// of their names.
func TestPyTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PyTorch eight times")
	}
	got, file := against(t, againstPyTorch, "-model", "lenet5", "-mode", "train")
	if len(got) != 1 || !strings.HasPrefix(got[0].Theirs.Engine, "PyTorch ") || len(file.Comparisons[0].TheirTurns) != 2 {
		t.Errorf("got %+v, want a comparison with PyTorch, and 2 variants tried", file.Comparisons)
	}
	path := writeNetwork(t, "resnet18.onnx", small(), 3, 32, 32)
	got, file = against(t, againstPyTorch, "-model", path, "-mode", "infer")
	if len(got) != 1 || len(file.Comparisons[0].TheirTurns) != 4 {
		t.Errorf("got %+v, want a comparison with PyTorch, and 4 variants tried", file.Comparisons)
	}
}
