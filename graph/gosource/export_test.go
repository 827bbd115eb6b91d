package gosource

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
)

// network is a layer with a model's file.
type network struct {
	layer graph.Layer
	model weights.Model
}

// random returns a network whose weights, and running statistics, are random.
func random(t testing.TB, name string, l graph.Layer, classes int, input [3]int) network {
	t.Helper()
	net, err := graph.NewNetwork(l, input[:], graph.Options{Seed: 1})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range net.Weights.Names() {
		if strings.HasSuffix(name, "weight") {
			continue // as the layer's init has it: the values stay in range
		}
		for i, values := 0, net.Weights.Get(name).Float32s(); i < len(values); i++ {
			values[i] += 0.5 * r.Float32()
		}
	}
	m := weights.Model{Name: name, Input: input, Tensors: net.Weights.Map()}
	for c := range classes {
		m.Classes = append(m.Classes, strconv.Itoa(c))
	}
	return network{l, m}
}

// export writes it below a folder, as a package of its name.
func (n network) export(t testing.TB, dir, pkg string) {
	t.Helper()
	files, err := Options{
		Package: pkg, Name: n.model.Name, Classes: n.model.Classes, Preprocessing: n.model.Preprocessing,
	}.Export(n.layer, n.model.Tensors, n.model.Input)
	if err != nil {
		t.Fatalf("%s: %v", n.model.Name, err)
	}
	for _, f := range files {
		write(t, filepath.Join(dir, f.Name), f.Content)
	}
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// predictions are those of infer.
func (n network) predictions(t testing.TB, images [][]float32) [][]float32 {
	t.Helper()
	p, err := infer.New(n.layer, n.model)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := p.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]float32
	for _, p := range predictions {
		list = append(list, p.Probabilities)
	}
	return list
}

func noise(images, size int) [][]float32 {
	r := rand.New(rand.NewPCG(3, 4))
	list := make([][]float32, images)
	for i := range list {
		list[i] = make([]float32, size)
		for k := range list[i] {
			list[i][k] = r.Float32()
		}
	}
	return list
}

// goTool runs the go command in a module of the test's, without asking for any
// other.
func goTool(t testing.TB, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %v: %v\n%s", env, cmd, err, out)
	}
}

// layers are those that no network of the zoo has.
func layers() map[string]graph.Layer {
	reshaped := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x, x.Shape()[0], 6, 4, 7) }, x)
	})
	twice := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Add(x, x, x) }, x)
	})
	end := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	return map[string]graph.Layer{
		"curves": graph.Sequential{
			graph.LeakyReLU(0.1), graph.ELU(0.7), graph.SiLU, graph.Sigmoid, graph.GELU, graph.Tanh, twice, graph.BatchNorm{}, end,
		},
		"concat": graph.Sequential{graph.Concat{
			graph.Conv2D{Filters: 2, Kernel: 3, Padding: graph.PadEach(1, 4, 1, 3), Dilation: 2, Stride: 2},
			graph.MaxPool2D{Size: 3, Stride: 2, Padding: graph.Same},
			graph.Sequential{graph.BatchNorm{}, graph.AvgPool2D{Size: 3, Stride: 2, Padding: graph.Same}},
		}, end},
		"groups": graph.Sequential{
			graph.Conv2D{Filters: 4, Kernel: 3, Groups: 2}, graph.BatchNorm{Epsilon: 1e-3},
			graph.DepthwiseConv2D{Kernel: 2, Multiplier: 2, NoBias: true}, graph.BatchNorm{},
			graph.Conv2D{Filters: 5, Kernel: 1, NoBias: true}, end, graph.BatchNorm{}, graph.BatchNorm{},
		},
		"reshape": graph.Sequential{reshaped, graph.Conv2D{Filters: 4, Kernel: 2}, reshapedTo(2, 18), graph.Transpose{}, graph.LayerNorm{}, graph.SoftMax, end},
	}
}

// reshapedTo makes (N,4,3,6) tokens.
func reshapedTo(tokens, size int) graph.Layer {
	return graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x, x.Shape()[0], 2*tokens, size) }, x)
	})
}

// all are the networks of the zoo and those of layers; one is normalised.
func all(t testing.TB) (networks []network) {
	t.Helper()
	for _, spec := range modelzoo.Specs() {
		networks = append(networks, random(t, spec.Name, spec.New(10), 10, spec.Input))
	}
	for name, l := range layers() {
		n := random(t, name, l, 3, [3]int{2, 7, 12})
		n.model.Preprocessing = raster.Preprocessing{Mean: []float64{0.3, 0.5}, Deviation: []float64{0.2, 0}}
		networks = append(networks, n)
	}
	return networks
}

// harness reads pixels of images from stdin for the network that its argument
// names, and writes the probabilities.
const harness = `package main

import (
	"encoding/binary"
	"io"
	"log"
	"os"
%s)

var networks = map[string]func([]float32) ([]float32, error){
%s}

func main() {
	for x := make([]float32, %s); ; {
		if err := binary.Read(os.Stdin, binary.LittleEndian, x); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		y, err := networks[os.Args[1]](x)
		if err != nil {
			log.Fatal(err)
		}
		if err := binary.Write(os.Stdout, binary.LittleEndian, y); err != nil {
			log.Fatal(err)
		}
	}
}
`

// TestExport: what is written is valid and formatted Go, passes vet and computes
// what infer does.
func TestExport(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles every network of the zoo")
	}
	dir, networks := t.TempDir(), all(t)
	var imports, table strings.Builder
	for i, n := range networks {
		pkg := fmt.Sprintf("n%d", i)
		n.export(t, filepath.Join(dir, pkg), pkg)
		fmt.Fprintf(&imports, "\t%q\n", "generated/"+pkg)
		fmt.Fprintf(&table, "\t%q: %s.Classify,\n", n.model.Name, pkg)
	}
	write(t, filepath.Join(dir, "go.mod"), []byte("module generated\n\ngo 1.24\n"))
	write(t, filepath.Join(dir, "main.go"), fmt.Appendf(nil, harness, imports.String(), table.String(), `size(os.Args[2])`))
	write(t, filepath.Join(dir, "size.go"), []byte("package main\n\nimport \"strconv\"\n\nfunc size(s string) int { n, _ := strconv.Atoi(s); return n }\n"))
	goTool(t, dir, nil, "vet", "./...")
	goTool(t, dir, nil, "build", "-o", "harness", ".")
	if out, err := exec.Command("gofmt", "-l", dir).CombinedOutput(); err != nil || strings.Contains(string(out), "model.go") {
		t.Errorf("not formatted: %s %v", out, err)
	}
	for _, n := range networks {
		t.Run(n.model.Name, func(t *testing.T) {
			size := n.model.Input[0] * n.model.Input[1] * n.model.Input[2]
			images := noise(3, size)
			cmd := exec.Command(filepath.Join(dir, "harness"), n.model.Name, strconv.Itoa(size))
			compare(t, run(t, cmd, images), n.predictions(t, images))
		})
	}
}

// run hands images to a program's stdin and reads what it answers.
func run(t testing.TB, cmd *exec.Cmd, images [][]float32) []float32 {
	t.Helper()
	var in, stderr bytes.Buffer
	for _, x := range images {
		if err := binary.Write(&in, binary.LittleEndian, x); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
	}
	y := make([]float32, len(out)/4)
	if _, err := binary.Decode(out, binary.LittleEndian, y); err != nil {
		t.Fatal(err)
	}
	return y
}

// compare holds probabilities together to 1e-5.
func compare(t testing.TB, got []float32, want [][]float32) {
	t.Helper()
	if len(got) != len(want)*len(want[0]) {
		t.Fatalf("%d probabilities, want %d", len(got), len(want)*len(want[0]))
	}
	var largest float64
	for i, p := range got {
		q := want[i/len(want[0])][i%len(want[0])]
		if d := math.Abs(float64(p - q)); !(d <= 1e-5) {
			t.Fatalf("image %d: class %d has %g, want %g", i/len(want[0]), i%len(want[0]), p, q)
		} else {
			largest = max(largest, d)
		}
	}
	t.Logf("differs by up to %.2g", largest)
}

func TestExportErrors(t *testing.T) {
	good := random(t, "dense", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}, 2, [3]int{1, 2, 2})
	unary := func(f func(*gorgonia.Node) (*gorgonia.Node, error)) graph.Layer { return graph.Activation(f) }
	flat := func(l graph.Layer) graph.Layer { return graph.Sequential{graph.Flatten{}, l} }
	tests := []struct {
		name    string
		layer   graph.Layer
		tensors map[string]*tensor.Dense
		o       Options
		want    string
	}{
		{"missing weights", good.layer, nil, Options{Classes: []string{"a", "b"}}, "gosource: graph: dense: tensor dense/weight is missing"},
		{"classes", good.layer, good.model.Tensors, Options{Classes: []string{"a"}}, "the network's output is (1, 2), want (1,1)"},
		{"means", good.layer, good.model.Tensors, Options{Classes: []string{"a", "b"}, Preprocessing: raster.Preprocessing{Mean: []float64{1, 2}}}, "2 means and 0 deviations"},
		{"package", good.layer, good.model.Tensors, Options{Classes: []string{"a", "b"}, Package: "no name"}, `gosource: package "no name"`},
		{"blank package", good.layer, good.model.Tensors, Options{Classes: []string{"a", "b"}, Package: "_"}, `gosource: package "_", want a name`},
		{"another package's op", flat(unary(gorgonia.Exp)), nil, Options{Classes: make([]string, 4)}, "cannot be written as Go, want one of Add, AvgPool2D"},
		{"an op of ours", flat(unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Hadamard(x, x) })), nil, Options{Classes: make([]string, 4)}, "the op Hadamard of (1, 4) cannot be written as Go"},
		{"rows of images", graph.Sequential{graph.SoftMax, graph.Flatten{}}, nil, Options{Classes: make([]string, 4)}, "SoftMax of the rows of an image (1, 1, 2, 2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Package = cmp.Or(tt.o.Package, "network")
			files, err := tt.o.Export(tt.layer, tt.tensors, [3]int{1, 2, 2})
			if err == nil || !strings.Contains(err.Error(), tt.want) || files != nil {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
