package zoo

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// workEnv asks the test's program for a work, as in "mobilenetv2 train 16 64".
const workEnv = "TAPENET_TEST_WORK"

// noise is a dataset of images that cost no memory.
type noise struct{ n, classes int }

func (s noise) Len() int { return s.n }
func (s noise) Read(i int, x []float32) (class int, err error) {
	for k := range x {
		x[k] = float32((i*31+k*7)%256) / 255
	}
	return i % s.classes, nil
}

// perform does a work and prints the highest resident memory of the process: as
// many runs as it takes for all workspaces, of a new network or of a model file, or
// two epochs of training.
func perform(work string) error {
	var model, mode string
	var batch, side int
	if _, err := fmt.Sscan(work, &model, &mode, &batch, &side); err != nil {
		return err
	}
	if mode == "predict" {
		if err := predict(model, batch); err != nil {
			return err
		}
		fmt.Println(highest())
		return nil
	}
	spec, err := modelzoo.Lookup(model)
	if err != nil {
		return err
	}
	shape := [3]int{spec.Input[0], side, side}
	if mode == "train" {
		classes := strings.Split("0123456789", "")
		d := data.Dataset{
			Name: "noise", Shape: shape, Classes: classes,
			Train: noise{4 * batch, len(classes)}, Test: noise{2 * train.Config{Batch: batch}.EvaluationBatch(shape[:]), len(classes)},
		}
		_, err = train.Fit(context.Background(), spec.New(len(classes)), d, train.Config{Batch: batch, Epochs: 2})
	} else {
		err = runs(spec, shape, batch)
	}
	if err != nil {
		return err
	}
	fmt.Println(highest())
	return nil
}

func runs(spec modelzoo.Spec, shape [3]int, batch int) error {
	m, err := graph.Build(spec.New(10), graph.Infer, batch, shape[0], shape[1], shape[2])
	if err != nil {
		return err
	}
	x := m.Input.Float32s()
	for i := range x {
		x[i] = float32(i%256) / 255
	}
	for range 4 {
		if err := m.Run(); err != nil {
			return err
		}
	}
	return nil
}

// predict does as a server does: it reads a model and predicts one batch after the
// other.
func predict(file string, batch int) error {
	p, err := infer.Load(file)
	if err != nil {
		return err
	}
	images := make([][]float32, batch)
	for i := range images {
		images[i] = make([]float32, p.Input[0]*p.Input[1]*p.Input[2])
	}
	for range 4 {
		if _, err := p.Predict(images); err != nil {
			return err
		}
	}
	return nil
}

// saved is the file of a new network.
func saved(tb testing.TB, model string, side int) (file string) {
	tb.Helper()
	spec, err := modelzoo.Lookup(model)
	if err != nil {
		tb.Fatal(err)
	}
	m := weights.Model{Name: model, Input: [3]int{spec.Input[0], side, side}, Classes: strings.Split("0123456789", "")}
	net, err := graph.NewNetwork(spec.New(10), m.Input[:], graph.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	m.Tensors = net.Weights.Map()
	file = filepath.Join(tb.TempDir(), "model.safetensors")
	if err := m.Save(file); err != nil {
		tb.Fatal(err)
	}
	return file
}

// highest is VmHWM in 10⁶ bytes.
func highest() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return math.NaN()
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	var kB float64
	fmt.Sscan(line, &kB)
	return kB * 1024 / 1e6
}

// process runs the test's program with an environment and returns what it prints.
func process(tb testing.TB, env string, args ...string) string {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := exec.CommandContext(tb.Context(), self, args...)
	c.Env = append(os.Environ(), env)
	out, err := c.CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %v: %v: %s", env, args, err, out)
	}
	return string(out)
}

// stated is what the command says of a work.
func stated(tb testing.TB, model, mode string, batch, side int) float64 {
	tb.Helper()
	out := process(tb, "TAPENET_TEST_COMMAND=1", "-model", model, "-batch", strconv.Itoa(batch), "-height", strconv.Itoa(side), "-width", strconv.Itoa(side))
	if strings.Contains(out, "estimated") {
		tb.Skip("there is not enough memory")
	}
	text := row(out, "resident memory")[0]
	if mode == "train" {
		_, after, _ := strings.Cut(out, " images at a time: ")
		text, _, _ = strings.Cut(after, " ")
	}
	mb, err := strconv.ParseFloat(text, 64)
	if err != nil {
		tb.Fatalf("%s %s: %v", model, mode, err)
	}
	return mb
}

// apart measures a work and returns what is stated, what is resident, and by how
// many parts of the latter they differ.
func apart(tb testing.TB, model, mode string, batch, side int) (said, resident, off float64) {
	tb.Helper()
	said = stated(tb, model, mode, batch, side)
	if mode == "predict" {
		model = saved(tb, model, side)
	}
	out := process(tb, fmt.Sprintf("%s=%s %s %d %d", workEnv, model, mode, batch, side))
	if _, err := fmt.Sscan(out, &resident); err != nil || !(resident > 0) {
		tb.Fatalf("%s %s: got %q, want a number of megabytes", model, mode, out)
	}
	return said, resident, (said - resident) / resident
}

// TestResident: what is stated is what is resident, within a tenth, in training, in
// inference of a new network, and with a predictor; with small networks, of which the
// program is most, and with large images. The program's part of it is that of a test, a
// few megabytes more than the command's.
func TestResident(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a while")
	}
	for _, tt := range []struct {
		model, mode string
		batch, side int
	}{
		{"mobilenetv2", "train", 8, 48},
		{"cnn", "train", 128, 28},
		{"lenet5", "train", 8, 224},
		{"resnet20", "infer", 32, 32},
		{"cnn", "infer", 1, 224}, // whose initial values are most of it
		{"lenet5", "predict", 1, 28},
		{"vgg11", "predict", 16, 32},
		{"resnet20", "predict", 8, 224},
		{"mobilenetv2", "predict", 8, 224},
	} {
		said, resident, off := apart(t, tt.model, tt.mode, tt.batch, tt.side)
		t.Logf("%v: stated %.0f MB, resident %.0f", tt, said, resident)
		if math.Abs(off) > 0.1 {
			t.Errorf("%v: %.1f MB are stated, %.1f are resident, want a tenth between them at most", tt, said, resident)
		}
	}
}

// BenchmarkResident measures how far what is stated is off, at sizes that take
// gigabytes: go test -run ^$ -bench Resident -benchtime 1x ./cmd/internal/zoo.
func BenchmarkResident(b *testing.B) {
	for _, model := range []string{"mobilenetv2", "resnet20", "vgg11"} {
		for _, mode := range []string{"infer", "predict", "train"} {
			for _, batch := range []int{1, 16, 32} {
				b.Run(fmt.Sprintf("%s/%s/%d", model, mode, batch), func(b *testing.B) {
					for b.Loop() {
						said, resident, off := apart(b, model, mode, batch, 224)
						b.ReportMetric(said, "stated-MB")
						b.ReportMetric(resident, "resident-MB")
						b.ReportMetric(100*off, "%off")
					}
				})
			}
		}
	}
}
