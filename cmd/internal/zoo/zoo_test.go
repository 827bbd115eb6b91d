package zoo

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/foreign"
	"tapenet/graph/memory"
	"tapenet/modelzoo"
)

// zoo runs the command.
func zoo(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// contains demands parts in a text.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %q", part, text)
		}
	}
}

func TestList(t *testing.T) {
	out, errs, err := zoo(t)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	specs := modelzoo.Specs()
	if len(lines) != len(specs)+1 {
		t.Fatalf("%d lines, want a heading and %d networks:\n%s", len(lines), len(specs), out)
	}
	for i, s := range specs {
		if !strings.HasPrefix(lines[i+1], s.Name+" ") {
			t.Errorf("line %q, want one of %s", lines[i+1], s.Name)
		}
		contains(t, lines[i+1], fmt.Sprintf("%d×%d×%d", s.Input[0], s.Input[1], s.Input[2]), s.Doc, s.Reference)
	}
}

func TestShow(t *testing.T) {
	parameters := map[string]string{
		"cnn": "693,962", "fcnn": "688,114", "lenet5": "61,706", "mlp": "266,610", "convnet": "61,306", "stridednet": "893,418",
		"simplecnn": "1,128,180", "simplecnn-m3": "1,124,180", "simplecnn-m7": "2,291,972", "smallcnn": "312,202",
		"p4cnn": "24,620", "e2cnn": "106,318",
		"vgg11": "9,228,362", "resnet20": "269,722", "mobilenetv2": "2,236,682", "mlpmixer": "569,994",
	}
	for _, s := range modelzoo.Specs() {
		t.Run(s.Name, func(t *testing.T) {
			out, _, err := zoo(t, "-model", s.Name)
			if err != nil {
				t.Fatal(err)
			}
			input := fmt.Sprintf("(1, %d, %d, %d)", s.Input[0], s.Input[1], s.Input[2])
			contains(t, out, s.Name+": "+s.Doc, s.Reference, input, "(1, 10)", "total", parameters[s.Name])
		})
	}
	out, _, err := zoo(t, "-model", "cnn", "-batch", "7", "-classes", "3")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "(7, 1, 28, 28)", "(7, 3)")
	if out, _, err = zoo(t, "-model", "mobilenetv2-0.5"); err != nil {
		t.Fatal(err)
	}
	contains(t, out, "mobilenetv2-0.5: ", ", width 0.5\n", "700,490")
}

// TestMemory compares what can be counted by hand.
func TestMemory(t *testing.T) {
	out, _, err := zoo(t, "-model", "cnn", "-batch", "100")
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string][]string{
		"memory in MB":                          {"inference", "training"},
		"parameters":                            {"2.78", "2.78"},
		"state":                                 {"0.00", "0.00"},
		"input and target":                      {"0.31", "0.31"},
		"output, loss, gradients of parameters": {"0.01", "2.78"},
		"Adam's two values for each parameter":  {"0.00", "5.55"},
		"images read ahead":                     {"0.00", fmt.Sprintf("%.2f", float64(2*runtime.GOMAXPROCS(0)*100*784*4)/1e6)},
		"other values":                          {"2.21", "4.38"}, // pooled pixels and what the first dense layer makes of them; in training also the gradient of the pixels
	} {
		if got := row(out, line); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
	for k, column := range []string{"inference", "training"} {
		sum := 0.0
		for _, name := range parts {
			sum += number(t, row(out, name), k)
		}
		if total := number(t, row(out, "resident memory"), k); math.Abs(total-sum) > 0.06 { // each part is rounded
			t.Errorf("%s: the total is %g, the parts' sum %g", column, total, sum)
		}
	}
	contains(t, out, "A run of train evaluates too, 128 images at a time: ", " MB more if the last batch of an epoch is shorter.")
}

// parts are the rows of the table of memory.
var parts = []string{
	"parameters", "state", "input and target", "output, loss, gradients of parameters", "other values", "workspaces",
	"Adam's two values for each parameter", "images read ahead", "program and graph",
}

// number is a cell.
func number(t *testing.T, cells []string, k int) float64 {
	t.Helper()
	if k >= len(cells) {
		t.Fatalf("no cell %d in %v", k, cells)
	}
	v, err := strconv.ParseFloat(cells[k], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSize: -height and -width are the image's, and its memory's.
func TestSize(t *testing.T) {
	out, _, err := zoo(t, "-model", "convnet", "-height", "40", "-width", "56", "-batch", "3")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "(3, 1, 40, 56)", "(3, 10)")
	if got, want := row(out, "input and target"), []string{"0.03", "0.03"}; !slices.Equal(got, want) {
		t.Errorf("input and target take %v MB, want %v", got, want)
	}
	if _, _, err = zoo(t, "-model", "lenet5", "-height", "3"); err == nil {
		t.Error("lenet5 takes images of three rows, want an error")
	}
}

// TestTooLarge: what the machine has too little memory for is estimated, at once.
func TestTooLarge(t *testing.T) {
	available, known := memory.Available()
	if !known {
		t.Skip("the system does not tell what is available")
	}
	// An image of vgg11 has 64 planes of 32×32 float32s behind the first layer, but takes
	// 12 KiB itself, which are allocated.
	out, _, err := zoo(t, "-model", "vgg11", "-batch", strconv.Itoa(available/200000))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "Workspaces are estimated", "A run of train evaluates too, 128 images at a time: ")
	values, workspaces := row(out, "other values"), row(out, "workspaces")
	if v, w := number(t, values, 1), number(t, workspaces, 1); v != w {
		t.Errorf("values take %v MB, workspaces %v, want the same for an estimate of training", v, w)
	}
	// For inference they are prepared weights and some tiles, however many images there are.
	few, _, err := zoo(t, "-model", "vgg11", "-batch", "8")
	if err != nil {
		t.Fatal(err)
	}
	planned, taken := number(t, workspaces, 0), number(t, row(few, "workspaces"), 0)
	if planned < taken || planned > 2*taken {
		t.Errorf("workspaces for inference are estimated as %v MB, want one to two times the %v MB of eight images", planned, taken)
	}
}

// row returns what follows a name at the beginning of a line, or nil.
func row(text, name string) []string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+"  "); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}

// drawn runs the command with -graph and returns the file.
func drawn(t *testing.T, model, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	out, _, err := zoo(t, "-model", model, "-graph", file)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "parameters")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestDOT(t *testing.T) {
	dot := drawn(t, "cnn", "x.dot")
	contains(t, dot, "digraph", "Conv2d", "MaxPool2D", "Mul", "SoftMax", "(1, 32, 26, 26)", "->")
}

func TestSVG(t *testing.T) {
	for _, s := range modelzoo.Specs() {
		t.Run(s.Name, func(t *testing.T) {
			svg := drawn(t, s.Name, "x.svg")
			contains(t, svg, "<svg", "SoftMax")
			if s.Name != "p4cnn" { // it has convolutions alone
				contains(t, svg, "Mul")
			}
			if s.Name == "cnn" {
				contains(t, svg, "Conv2d", "MaxPool2D", "(1, 32, 26, 26)")
			}
			elements, d := 0, xml.NewDecoder(strings.NewReader(svg))
			for {
				token, err := d.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("the file is not well-formed: %v", err)
				}
				if _, ok := token.(xml.StartElement); ok {
					elements++
				}
			}
			if elements < 20 {
				t.Errorf("%d elements, want a drawing", elements)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name  string
		args  []string
		usage bool // exit code 2
		want  string
	}{
		{"unknown network", []string{"-model", "vgg"}, true, `modelzoo: no model "vgg", want one of cnn, fcnn, lenet5, mlp, convnet, stridednet, simplecnn, simplecnn-m3, simplecnn-m7, smallcnn, p4cnn, e2cnn, vgg11, resnet20, mobilenetv2, mlpmixer`},
		{"png", []string{"-model", "cnn", "-graph", filepath.Join(dir, "x.png")}, true, "x.png, want a file ending in .dot or .svg"},
		{"no extension", []string{"-model", "cnn", "-graph", filepath.Join(dir, "x")}, true, "want a file ending in .dot or .svg"},
		{"graph of nothing", []string{"-graph", "x.dot"}, true, "zoo: -graph without -model"},
		{"description of nothing", []string{"-describe"}, true, "zoo: -describe without -model"},
		{"argument", []string{"cnn"}, true, `zoo: unexpected argument "cnn"`},
		{"unknown flag", []string{"-x"}, true, "zoo: no flag -x; zoo -help lists the flags"},
		{"no classes", []string{"-model", "cnn", "-classes", "0"}, true, "zoo: -classes 0, want 1 or more"},
		{"no batch", []string{"-model", "cnn", "-batch", "-1"}, true, "zoo: -batch -1, want 1 or more"},
		{"no height", []string{"-model", "cnn", "-height", "-1"}, true, "zoo: -height -1 and -width 0, want positive numbers, or 0"},
		{"no folder", []string{"-model", "cnn", "-graph", filepath.Join(dir, "none", "x.svg")}, false, "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, err := zoo(t, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, tt.want)
			}
			if usage := errors.As(err, new(cli.UsageError)); usage != tt.usage {
				t.Errorf("usage error: %t, want %t", usage, tt.usage)
			}
			if tt.usage && out != "" || errs != "" {
				t.Errorf("printed %q and %q besides the error", out, errs)
			}
		})
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v left behind", left)
	}
}

func TestHelp(t *testing.T) {
	out, errs, err := zoo(t, "-help")
	if !errors.Is(err, flag.ErrHelp) || errs != "" {
		t.Errorf("error %v, stderr %q, want flag.ErrHelp alone", err, errs)
	}
	contains(t, out, "usage: tapenet zoo", "-model", "-graph", "-classes", "-batch", "-height", "-width")
}

// TestForeign: a network of any kind is shown, and one line says what is left out; of
// other files one line says what they are.
func TestForeign(t *testing.T) {
	files, err := foreign.Files(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out, _, err := zoo(t, "-model", f.Path)
		if !f.Opens {
			if f.Check(err) != nil {
				t.Error(f.Check(err))
			}
			continue
		}
		if err != nil {
			t.Error(err)
		}
		contains(t, out, "operator", "total", "resident memory", "Training is left out: "+f.Path+f.Want)
		if got := row(out, "memory in MB"); !slices.Equal(got, []string{"inference"}) {
			t.Errorf("memory of %q, want inference alone", got)
		}
	}
}

// TestForeignClassifier: a file's network has a line for each operator, the line that
// says what runs together, and a drawing; -height and -width are for sizes that a file
// leaves open.
func TestForeignClassifier(t *testing.T) {
	model := "../../../graph/tfjs/testdata/trained/model.json"
	file := filepath.Join(t.TempDir(), "x.svg")
	out, _, err := zoo(t, "-model", model, "-graph", file)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "conv2d_Conv2D5                           Conv2D              (1, 3, 6, 6)  30          972\n",
		"conv2d_Conv2D5 runs as Conv2d+ReLU\n", "A run of train evaluates too")
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(svg), "<svg", "conv2d_Conv2D5", "MaxPool2D", "dense_Dense8", "</svg>")
	_, _, err = zoo(t, "-model", model, "-height", "9")
	if want := "zoo: " + model + " takes images of 8×8: want that height and width, or none said"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
