package onnx

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// python is Debian's, as python3-onnx is installed for that one.
const python = "/usr/bin/python3"

// checked judges files by ONNX's own checker; it skips the test where that is
// not installed.
func checked(t *testing.T, files ...string) {
	t.Helper()
	if err := exec.Command(python, "-c", "import onnx").Run(); err != nil {
		t.Skipf("ONNX's checker, Debian's python3-onnx, is not installed: %v", err)
	}
	if out, err := exec.Command(python, append([]string{"testdata/check.py"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("checker: %v\n%s", err, out)
	}
}

// job is a file for ONNX Runtime to run, and what it is to give.
type job struct {
	name  string
	Model string `json:"model"`
	Shape []int  `json:"shape"`
	In    string `json:"input"`
	Out   string `json:"output"`
	Type  string `json:"type,omitempty"`  // of the model's input; "" means float32
	Fetch string `json:"fetch,omitempty"` // the output to compare; "" means the first
	want  []float32
}

// newJob writes the files of a job.
func newJob(t *testing.T, name string, model []byte, shape []int, x, want []float32) job {
	t.Helper()
	dir := t.TempDir()
	j := job{name: name, Model: filepath.Join(dir, "model.onnx"), Shape: shape, In: filepath.Join(dir, "x"), Out: filepath.Join(dir, "y"), want: want}
	raw, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{j.Model: model, j.In: raw} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// runtimeAgrees runs jobs by ONNX Runtime and compares to 1e-5 of the largest
// value, or of 1 if that is smaller. It skips the test where there is none.
func runtimeAgrees(t *testing.T, jobs []job) {
	t.Helper()
	runJobs(t, jobs)
	for _, j := range jobs {
		t.Logf("%s: differs by up to %.2g", j.name, near(t, j.name, j.result(t), j.want, 1e-5))
	}
}

// runJobs runs jobs by ONNX Runtime. It skips the test where there is none.
func runJobs(t *testing.T, jobs []job) {
	t.Helper()
	needRuntime(t)
	list, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jobs.json")
	if err := os.WriteFile(file, list, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("node", "testdata/run.js", file).CombinedOutput(); err != nil {
		t.Fatalf("ONNX Runtime: %v\n%s", err, out)
	}
}

// result is what ONNX Runtime gave.
func (j job) result(t *testing.T) []float32 {
	t.Helper()
	raw, err := os.ReadFile(j.Out)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// needRuntime skips the test where npm's onnxruntime-node is not to be found:
// NODE_PATH says where it is.
func needRuntime(t *testing.T) {
	t.Helper()
	if err := exec.Command("node", "-e", "require('onnxruntime-node')").Run(); err != nil {
		t.Skipf("npm's onnxruntime-node is not installed, or NODE_PATH does not lead to it: %v", err)
	}
}

// near compares values to a bound times the largest one, or 1 if that is
// smaller, and returns the largest difference in this measure.
func near(t *testing.T, name string, got, want []float32, bound float64) (largest float64) {
	t.Helper()
	largest, at := difference(got, want)
	if !(largest <= bound) {
		t.Errorf("%s: %d values, of which value %d differs by %g, want %d and at most %g", name, len(got), at, largest, len(want), bound)
	}
	return largest
}

// difference is the largest one between two lists, in units of the largest
// finite value, or of 1 if that is smaller, and where it is.
func difference(got, want []float32) (largest float64, at int) {
	if len(got) != len(want) {
		return math.Inf(1), 0
	}
	scale := 1.0
	for _, v := range want {
		if a := math.Abs(float64(v)); a > scale && !math.IsInf(a, 0) {
			scale = a
		}
	}
	for i := range got {
		if got[i] == want[i] || got[i] != got[i] && want[i] != want[i] { // infinite, or no number
			continue
		}
		if d := math.Abs(float64(got[i])-float64(want[i])) / scale; !(d <= largest) {
			largest, at = d, i
		}
	}
	return largest, at
}
