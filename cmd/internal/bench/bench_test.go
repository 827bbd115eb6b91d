package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/graphtest"
)

var update = flag.Bool("update", false, "rewrite the files of testdata")

// TestMain is the command itself when the command calls itself, and another
// engine when a test asks for one.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-child") {
		cli.Main(Command, Command)
	}
	if slices.Contains(os.Args, fakeEngine) {
		fake(os.Args, os.Stdin, os.Stdout)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// bench runs the command with -json and returns its reports.
func bench(t *testing.T, args ...string) []report {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), append(args, "-json"), &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr has %q, want nothing", &stderr)
	}
	var reports []report
	for d := json.NewDecoder(&stdout); ; {
		d.DisallowUnknownFields()
		var r report
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return reports
		} else if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
}

func TestJSON(t *testing.T) {
	reports := bench(t, "-time", "50ms", "-model", "lenet5", "-batch", "2", "-threads", "1")
	want := []combination{{"lenet5", "train", 2, 1}, {"lenet5", "infer", 2, 1}}
	if len(reports) != len(want) {
		t.Fatalf("got %d reports, want %d", len(reports), len(want))
	}
	for i, r := range reports {
		if r.combination != want[i] {
			t.Errorf("report %d is of %v, want %v", i, r.combination, want[i])
		}
		checkReport(t, r)
		if r.GorgoniaRatio != 0 || r.GorgoniaImagesPerSecond != 0 {
			t.Errorf("%v: compared with Gorgonia, want that with -compare only", r.combination)
		}
	}
}

func TestPredict(t *testing.T) {
	reports := bench(t, "-time", "50ms", "-model", "lenet5", "-mode", "predict", "-batch", "3", "-threads", "1")
	if len(reports) != 1 || reports[0].combination != (combination{"lenet5", "predict", 3, 1}) {
		t.Fatalf("got %+v, want one report of lenet5, predict", reports)
	}
	checkReport(t, reports[0])
}

// checkReport checks that figures are there and that they fit each other.
func checkReport(t *testing.T, r report) {
	t.Helper()
	figures := map[string]float64{
		"build_ms": r.Build, "first_run_ms": r.First, "load_ms": r.Load, "parameters": float64(r.Parameters), "cores": float64(r.Cores), "images_per_second": r.ImagesPerSecond, "ms_fastest": r.Fastest, "mul_adds_per_second": r.MulAddsPerSecond,
		"peak_mul_adds_per_second": r.PeakMulAdds, "copy_bytes_per_second": r.CopyBytes,
	}
	if runtime.GOOS == "linux" {
		figures["images_per_cpu_second"], figures["mul_adds_per_cpu_second"] = r.ImagesPerCPUSecond, r.MulAddsPerCPUSecond
		figures["peak_share"], figures["peak_mb"], figures["start_peak_mb"] = r.PeakShare, r.PeakMB, r.StartMB
	}
	for name, v := range figures {
		if !(v > 0) {
			t.Errorf("%v: %s is %g, want a positive number", r.combination, name, v)
		}
	}
	if r.Steps < minSteps || r.AllocsPerStep < 0 {
		t.Errorf("%v: %d steps of %g allocations, want at least %d steps", r.combination, r.Steps, r.AllocsPerStep, minSteps)
	}
	if !slices.IsSorted([]float64{r.Fastest, r.Quartile1, r.Median, r.Quartile3, r.P99}) {
		t.Errorf("%v: fastest, quartile, median, quartile, p99 are %g, %g, %g, %g, %g, want them in order", r.combination, r.Fastest, r.Quartile1, r.Median, r.Quartile3, r.P99)
	}
	if r.PeakMB < r.StartMB {
		t.Errorf("%v: %g MB at most, %g until the first answer, want no less", r.combination, r.PeakMB, r.StartMB)
	}
}

// TestCompare: Gorgonia's ops are compared where they can be, and our figures
// are there as always.
func TestCompare(t *testing.T) {
	reports := bench(t, "-time", "10ms", "-batch", "2", "-threads", "1", "-compare", "gorgonia")
	if len(reports) != 2 {
		t.Fatalf("got %d reports, want 2", len(reports))
	}
	for _, r := range reports {
		checkReport(t, r)
		if compared := r.GorgoniaRatio > 0; compared != (r.Mode == "train") {
			t.Errorf("%v: ratio to Gorgonia is %g, want one for training only", r.combination, r.GorgoniaRatio)
		}
	}
	r := reports[0]
	if got := r.ImagesPerSecond / r.GorgoniaImagesPerSecond; got != r.GorgoniaRatio {
		t.Errorf("ratio is %g, want %g of %g", r.GorgoniaRatio, r.ImagesPerSecond, r.GorgoniaImagesPerSecond)
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-model", "cnn,resnet20", "-mode", "infer", "-batch", "1,32", "-threads", "2"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := []combination{{"cnn", "infer", 1, 2}, {"cnn", "infer", 32, 2}, {"resnet20", "infer", 1, 2}, {"resnet20", "infer", 32, 2}}
	if !slices.Equal(o.combinations, want) {
		t.Errorf("combinations are %v, want %v", o.combinations, want)
	}
	for args, want := range map[string]combination{
		"-against onnxruntime":             {"cnn", "infer", 1024, 0},
		"-against pytorch -model resnet18": {"resnet18", "infer", 8, 0},
	} {
		if o, err = parse(strings.Fields(args), io.Discard); err != nil {
			t.Fatal(err)
		}
		last := o.combinations[len(o.combinations)-1]
		if last.Threads = 0; last != want {
			t.Errorf("%s: the last combination is %v, want %v", args, last, want)
		}
	}
	if o, err = parse(nil, io.Discard); err != nil {
		t.Fatal(err)
	}
	if first := (combination{"cnn", "train", 1, 1}); o.combinations[0] != first || o.time != 3*time.Second || o.json {
		t.Errorf("the default begins with %v for %v, JSON %v, want %v for 3s as a table", o.combinations[0], o.time, o.json, first)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"-model vgg", `no model "vgg", want one of cnn, fcnn, lenet5, mlp, convnet, stridednet, simplecnn, simplecnn-m3, simplecnn-m7, smallcnn, p4cnn, e2cnn, vgg11, resnet20, mobilenetv2, mlpmixer, conv3, resnet18, mobilenet_v2, efficientnet_b0, or a file or folder with a model`},
		{"-model cnn,", `no model ""`},
		{"-model none.onnx", "-model: stat none.onnx: no such file or directory"},
		{"-height -1", "-height -1 and -width 0, want 0 to 16384"},
		{"-mode eval", `-mode "eval", want train, infer`},
		{"-batch 0", `-batch "0", want numbers from 1 to 65536`},
		{"-batch 1,x", `-batch "1,x", want numbers`},
		{"-batch 1000000000", `-batch "1000000000", want numbers`},
		{"-threads -1", `-threads "-1", want numbers from 1`},
		{"-time 0s", "-time 0s, want a positive duration"},
		{"-profile -mode predict", "-profile with -mode predict, want infer"},
		{"-profile -json", "-profile goes with none of -json"},
		{"-profile -by layer", "-by layer, want one of op, node"},
		{"-compare keras", "-compare keras, want one of gorgonia"},
		{"-compare gorgonia -mode infer", "compares the training of cnn"},
		{"-against tensorflow", "-against tensorflow, want one of onnxruntime, pytorch"},
		{"-against onnxruntime -mode train", "want infer or predict: it does not train"},
		{"-against pytorch -mode predict", "want train or infer"},
		{"-against pytorch -rounds 0", "-rounds 0, want 1 to 1000"},
		{"-against pytorch -compare gorgonia", "-against goes with neither"},
		{"-against pytorch -profile", "-profile goes with none of"},
		{"-child theirs -mode train -batch 1 -threads 1", `-child "theirs", want ours or gorgonia`},
		{"-child ours -mode train -batch 1,2 -threads 1", "-child with 2 combinations, want one"},
		{"-child gorgonia -mode infer -batch 1 -threads 1", "training of cnn only"},
		{"extra", `unexpected argument "extra"`},
		{"-trace", "-help lists the flags"},
	} {
		var stdout bytes.Buffer
		err := run(t.Context(), strings.Fields(tt.args), &stdout, io.Discard)
		var usage cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) || stdout.Len() > 0 {
			t.Errorf("%s: got error %v and output %q, want a usage error with %q", tt.args, err, &stdout, tt.want)
		}
	}
}

// TestFailures: what a child says on its way out is the command's error, and the
// other combinations are measured all the same.
func TestFailures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(file, []byte("no network"), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	err := run(t.Context(), strings.Fields("-time 1ms -mode infer -batch 1 -threads 1 -json -model "+file+",lenet5"), &stdout, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "bench: broken.onnx, infer, batch 1, threads 1: "+file+" is text; read are ") {
		t.Errorf("got error %v, want the child's", err)
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || r.Model != "lenet5" {
		t.Errorf("got %q and %v, want a report of lenet5", &stdout, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := options{time: time.Millisecond}
	if _, _, err := o.inChild(ctx, engineOurs, combination{"cnn", "train", 1, 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want one that wraps %v", err, context.Canceled)
	}
}

// TestTable compares with testdata/table.golden, which has a report with all
// figures and one of a system that tells little.
func TestTable(t *testing.T) {
	full := report{
		combination: combination{"folder/net.onnx", "train", 128, 2},
		started:     started{Load: 12.34, Build: 1.5, First: 0.25, StartMB: 80},
		figures: figures{
			1000, 34567.8, 17345.6, 3.456, 3.1, 3.3, 12.34, 15.67, 85.4e9, 42.7e9, 8.02, 93.6,
		},
		PeakShare: 0.612, GorgoniaImagesPerSecond: 1234.5, GorgoniaRatio: 28.001,
	}
	little := report{
		combination: combination{"resnet20", "infer", 1, 1},
		figures:     figures{ImagesPerSecond: 9.995, Median: 0.5, Fastest: 0.25, Quartile1: 0.4, Quartile3: 1.5, P99: 1.75, MulAddsPerSecond: 1e9},
	}
	m := machine{"Some Processor", "AVX2", 4, 110e9, 88e9, 25e9}
	got := ""
	for _, compared := range []bool{false, true} {
		var b bytes.Buffer
		if err := writeTable(&b, m, []report{full, little}, compared); err != nil {
			t.Fatal(err)
		}
		head, table, _ := strings.Cut(b.String(), "\n\n")
		if want := "4 processors, AVX2; one thread: 110.0 G multiply-adds/s at most, 88.0 (80 %) in a 1024×1024 matrix product, 25.0 GB/s read and written in a copy"; !strings.HasPrefix(head, "Some Processor, ") || !strings.HasSuffix(head, want) {
			t.Errorf("the table begins with %q, want the processor and %q", head, want)
		}
		got += table
	}
	graphtest.Golden(t, *update, "table.golden", got)
}
