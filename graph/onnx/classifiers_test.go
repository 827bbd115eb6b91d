package onnx

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// families are torchvision's families of classifiers, each by a small one of its
// networks.
var families = strings.Fields(`alexnet convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 maxvit_t mnasnet0_5
	mobilenet_v2 mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_1
	swin_t swin_v2_t vgg11_bn vit_b_32 wide_resnet50_2`)

// quickFamilies are those of the ordinary run: the others take longer to be written.
var quickFamilies = strings.Fields(`mnasnet0_5 mobilenet_v3_small regnet_y_400mf resnet18 shufflenet_v2_x0_5 squeezenet1_1`)

// What the environment says about TestClassifiers: which networks it takes, by name,
// separated by commas, "families" or "all", and a file for the rows of README.md's table.
const (
	whichClassifiers = "TAPENET_CLASSIFIERS"
	classifierTable  = "TAPENET_CLASSIFIER_TABLE"
)

// TestClassifiers: torchvision's classifiers, with random weights, as PyTorch exports
// them, give what ONNX Runtime and PyTorch give: for one image and for three, in double
// precision too, and exported again for two sizes of images.
func TestClassifiers(t *testing.T) {
	if testing.Short() {
		t.Skip("PyTorch takes seconds to write a network")
	}
	if out, err := exec.Command(python, "-c", "import onnx, torchvision; torchvision.models.list_models").CombinedOutput(); err != nil {
		t.Skipf("Debian's python3-torch, python3-torchvision and python3-onnx are not installed: %v %.200s", err, out)
	}
	needRuntime(t)
	names := quickFamilies
	switch which := os.Getenv(whichClassifiers); which {
	case "":
	case "families":
		names = families
	case "all":
		out, err := exec.Command(python, "testdata/classifiers.py", "list").Output()
		if err != nil {
			t.Fatal(err)
		}
		names = strings.Fields(string(out))
	default:
		names = strings.Split(which, ",")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			c := &classifier{name: name, dir: t.TempDir()}
			c.write(t)
			c.compare(t)
			c.row(t)
		})
	}
}

// classifier is a network that PyTorch has written, with what it computes.
type classifier struct {
	name, dir string

	Size, Opset, Small, Weights int
	Why                         string // there is no smaller size

	results []string
	bound   float64
}

// write has PyTorch write the network.
func (c *classifier) write(t *testing.T) {
	t.Helper()
	args := []string{"testdata/classifiers.py", c.name, c.dir}
	for _, f := range families {
		if f == c.name {
			args = append(args, "double")
		}
	}
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		if _, what, unsupported := strings.Cut(string(out), "UnsupportedOperatorError: "); unsupported {
			what, _, _ = strings.Cut(what, ". ")
			c.results = append(c.results, "PyTorch does not export it: "+what)
			c.row(t)
			t.Skip(what)
		}
		t.Fatalf("PyTorch: %v: %s", err, out[max(0, len(out)-300):])
	}
	about, err := os.ReadFile(c.path("about.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(about, c); err != nil {
		t.Fatal(err)
	}
}

func (c *classifier) path(name string) string { return filepath.Join(c.dir, name) }

// read reads numbers of a file.
func (c *classifier) read(t *testing.T, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile(c.path(name))
	if err != nil {
		t.Fatal(err)
	}
	v, err := decode[float32](b, 4)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// compare runs the network in each way.
func (c *classifier) compare(t *testing.T) {
	t.Helper()
	m, err := Open(c.path("model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if c.bound = 1e-5; slices.ContainsFunc(m.nodes, tiles) {
		c.bound = 3e-5
	}
	x, y, one := c.read(t, "x"), c.read(t, "y"), 3*c.Size*c.Size
	theirs := c.runtime(t, "model.onnx", c.Size, x)
	c.note(t, "PyTorch and ONNX Runtime", theirs, y, 1e-3) // how far apart two others are
	c.note(t, "one image", c.ran(t, m, 1, c.Size, x[:one]), theirs[:1000], 0)
	c.note(t, "three", c.ran(t, m, 3, c.Size, x), theirs, 0)
	c.fixed(t, x, theirs)
	c.again(t, m, c.Size, x, theirs)
	if c.Small == 0 {
		c.results = append(c.results, "one size: "+c.Why)
	} else if _, err := (graph.Options{Fixed: true}).Build(m, graph.Infer, 1, 3, c.Small, c.Small); err != nil {
		c.results = append(c.results, "the file is of one size")
		t.Logf("%d pixels: %v", c.Small, err)
	} else {
		c.again(t, m, c.Small, c.read(t, "small"), c.read(t, "small_y"))
	}
	c.double(t, x[:one])
}

// fixed compares the file that is made for one image: for three, or where such a file
// tells how many there are, for one.
func (c *classifier) fixed(t *testing.T, x, want []float32) {
	t.Helper()
	if _, err := os.Stat(c.path("fixed.onnx")); os.IsNotExist(err) {
		c.results = append(c.results, "not written")
		return
	}
	m, err := Open(c.path("fixed.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = (graph.Options{Fixed: true}).Build(m, graph.Infer, 3, 3, c.Size, c.Size); err == nil {
		c.note(t, "made for one, three", c.ran(t, m, 3, c.Size, x), want, 0)
		return
	}
	t.Logf("made for one image: %v", err)
	c.note(t, "made for one, one", c.ran(t, m, 1, c.Size, x[:len(x)/3]), want[:1000], 0)
	c.results[len(c.results)-1] += " for one"
}

// note compares what came, to 1e-5 of the largest output, or to 3e-5 where F(4×4,3×3)
// computes.
func (c *classifier) note(t *testing.T, what string, got, want []float32, bound float64) {
	t.Helper()
	if bound == 0 {
		bound = c.bound
	}
	d, at := relative(got, want)
	if !(d <= bound) {
		t.Errorf("%s: value %d differs by %g of the largest, want at most %g", what, at, d, bound)
	}
	c.results = append(c.results, fmt.Sprintf("%.1e", d))
}

// tiles reports whether a node is a convolution that F(4×4,3×3) may compute.
func tiles(n nodeProto) bool {
	is := func(name string, v ...int64) bool {
		i := slices.IndexFunc(n.Attributes, func(a attributeProto) bool { return a.Name == name })
		return i < 0 || slices.Equal(n.Attributes[i].Ints, v) || len(v) == 1 && n.Attributes[i].Int == v[0]
	}
	return n.Op == "Conv" && is("kernel_shape", 3, 3) && is("strides", 1, 1) && is("group", 1)
}

// relative is the largest difference, in units of the largest value.
func relative[T float32 | float64](got, want []T) (largest float64, at int) {
	if len(got) != len(want) {
		return float64(len(want)), -1
	}
	scale := 0.0
	for i, v := range want {
		scale = max(scale, float64(v), float64(-v))
		if d := float64(got[i]) - float64(v); !(max(d, -d) <= largest) {
			largest, at = max(d, -d), i
		}
	}
	return largest / scale, at
}

// ran runs a network for inference.
func (c *classifier) ran(t *testing.T, l graph.Layer, batch, size int, x []float32) []float32 {
	t.Helper()
	g, err := graph.Options{Fixed: true}.Build(l, graph.Infer, batch, 3, size, size)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	return g.Output().Float32s()
}

// runtime runs a file by ONNX Runtime.
func (c *classifier) runtime(t *testing.T, file string, size int, x []float32) []float32 {
	t.Helper()
	in, err := os.Create(c.path("in"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(raw(t, x...)); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	runJobs(t, []job{{Model: c.path(file), Shape: []int{len(x) / 3 / size / size, 3, size, size}, In: c.path("in"), Out: c.path("out")}})
	return c.read(t, "out")
}

// again exports the network for a size, which ONNX Runtime runs.
func (c *classifier) again(t *testing.T, m *Model, size int, x, want []float32) {
	t.Helper()
	net, err := graph.NewNetwork(m, []int{3, size, size}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := Options{Logits: true}.Export(m, net.Weights.Map(), 3, size, size)
	if c.Weights > mostBytes/4 && err != nil {
		c.results = append(c.results, "too large")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.path("again.onnx"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	c.note(t, fmt.Sprintf("exported again for %d pixels", size), c.runtime(t, "again.onnx", size, x), want, 0)
}

// double compares with PyTorch in double precision, if that was asked for.
func (c *classifier) double(t *testing.T, x []float32) {
	t.Helper()
	b, err := os.ReadFile(c.path("double_y"))
	if os.IsNotExist(err) {
		c.results = append(c.results, "")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := decode[float64](b, 8)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(c.path("double.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Options{Fixed: true, Float64: true}.Build(m, graph.Infer, 1, 3, c.Size, c.Size)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		g.Input.Float64s()[i] = float64(v)
	}
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	d, at := relative(g.Output().Float64s(), want)
	if !(d <= 1e-9) {
		t.Errorf("in double precision value %d differs by %g of the largest, want at most 1e-9", at, d)
	}
	c.results = append(c.results, fmt.Sprintf("%.1e", d))
}

// row adds a row to README.md's table.
func (c *classifier) row(t *testing.T) {
	t.Helper()
	row := fmt.Sprintf("| %s | %d | %.1f | %s |", c.name, c.Opset, float64(c.Weights)/1e6, strings.Join(c.results, " | "))
	t.Log(row)
	path := os.Getenv(classifierTable)
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(file, row); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
