package program

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// net is a program that a test makes by hand, step by step. Bound tensors get random
// elements from r, the same for the same seed.
type net[T cpu.Float] struct {
	Program[T]
	r        *rand.Rand
	fixed    bool // whether bound tensors never change
	training bool // whether normalisations take the batch's own statistics
	bound    int  // how many bound tensors there are
	ops      []made[T]
}

// made is an op or a view, for its gradient.
type made[T cpu.Float] struct {
	kernel   Kernel[T] // nil for a view
	in       []*Value[T]
	out      *Value[T]
	constant []int // the operands that have no gradient
}

func newNet[T cpu.Float](seed uint64) *net[T] {
	return &net[T]{r: rand.New(rand.NewPCG(seed, 0))}
}

// bind adds a tensor with normally distributed elements of the given deviation.
func (n *net[T]) bind(name string, deviation float64, shape ...int) *Value[T] {
	size := 1
	for _, d := range shape {
		size *= d
	}
	data := kerneltest.Normal[T](n.r, size)
	for i := range data {
		data[i] *= T(deviation)
	}
	n.bound++
	return n.Bind(fmt.Sprint(name, n.bound), shape, n.fixed, func() []T { return data })
}

// Add adds a step, and notes it for its gradient.
func (n *net[T]) Add(name string, k Kernel[T], shape []int, in ...*Value[T]) *Value[T] {
	n.ops = append(n.ops, made[T]{kernel: k, in: in, out: n.Program.Add(name, nil, k, shape, in...)})
	return n.ops[len(n.ops)-1].out
}

// View is v in another shape.
func (n *net[T]) View(v *Value[T], shape []int) *Value[T] {
	n.ops = append(n.ops, made[T]{in: []*Value[T]{v}, out: n.Program.View(v, shape)})
	return n.ops[len(n.ops)-1].out
}

// input adds images.
func (n *net[T]) input(images, channels, height, width int) *Value[T] {
	return n.bind("x", 1, images, channels, height, width)
}

// convolution says what a convolution is like; zero means 1, or no.
type convolution struct {
	filters, kernel, stride, groups int
	bias                            bool
	made                            bool // the filters are made of a parameter, by a product and a rearrangement
}

// conv adds a convolution that keeps the size of the images, but for its stride.
func (n *net[T]) conv(x *Value[T], c convolution) *Value[T] {
	k, stride, groups := max(c.kernel, 1), max(c.stride, 1), max(c.groups, 1)
	s := conv.Shape{
		N: x.Shape[0], C: x.Shape[1], H: x.Shape[2], W: x.Shape[3], F: c.filters, KH: k, KW: k, StrideH: stride, StrideW: stride,
		PadTop: k / 2, PadLeft: k / 2, DilationH: 1, DilationW: 1, Groups: groups,
	}
	s.OH, s.OW = (s.H-1)/stride+1, (s.W-1)/stride+1
	w := []int{s.F, s.C / groups, k, k}
	in := []*Value[T]{x}
	if c.made {
		in = append(in, n.made(w))
	} else {
		in = append(in, n.bind("w", 1/float64(k*k*s.C/groups), w...))
	}
	if c.bias {
		in = append(in, n.bind("b", 1, s.F))
	}
	return n.Add(fmt.Sprintf("Conv2d %dx%d", k, k), conv.NewConv2d[T](s, c.bias), []int{s.N, s.F, s.OH, s.OW}, in...)
}

// made are filters of the given shape, the rows of a product backwards, each twice in
// turn with its elements moved on by one.
func (n *net[T]) made(shape []int) *Value[T] {
	size := elements(shape[1:])
	rows := (shape[0] + 1) / 2
	product := n.Add("Mul", &kernel.Mul[T]{M: rows, K: 3, N: size}, []int{rows, size}, n.bind("a", 1/float64(size), rows, 3), n.bind("b", 1, 3, size))
	var index []int32
	for f := range shape[0] {
		for i := range size {
			index = append(index, int32((rows-1-f/2)*size+(i+f)%size))
		}
	}
	return n.Add("Gather", kernel.NewGather[T](1, rows*size, index, 0), shape, product)
}

// norm adds a normalisation: with running statistics, unless it is for training.
func (n *net[T]) norm(x *Value[T]) *Value[T] {
	c := x.Shape[1]
	k := &kernel.BatchNorm[T]{N: x.Shape[0], C: c, Pixels: elements(x.Shape[2:]), Epsilon: 2, Momentum: 0.9, Training: n.training}
	variance := n.bind("var", 0.1, c)
	y := n.Add("BatchNorm", k, x.Shape, x, n.bind("g", 1, c), n.bind("b", 1, c), n.bind("m", 1, c), variance)
	n.ops[len(n.ops)-1].constant = []int{3, 4}
	return y
}

func elements(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

func (n *net[T]) relu(x *Value[T]) *Value[T] {
	return n.Add("ReLU", kernel.NewReLU[T](), x.Shape, x)
}

func (n *net[T]) curve(name string, c vector.Curve, x *Value[T]) *Value[T] {
	return n.Add(name, kernel.NewActivation[T](c), x.Shape, x)
}

func (n *net[T]) add(x ...*Value[T]) *Value[T] {
	return n.Add("Add", kernel.NewAdd[T](len(x)), x[0].Shape, x...)
}

func (n *net[T]) product(a, b *Value[T]) *Value[T] {
	return n.Add("Hadamard", kernel.NewHadamard[T](), a.Shape, a, b)
}

// concat joins the channels of images.
func (n *net[T]) concat(x ...*Value[T]) *Value[T] {
	shape, k := append([]int{}, x[0].Shape...), &kernel.Concat[T]{Outer: x[0].Shape[0]}
	shape[1] = 0
	for _, v := range x {
		shape[1] += v.Shape[1]
		k.Blocks = append(k.Blocks, elements(v.Shape[1:]))
	}
	return n.Add("Concat", k, shape, x...)
}

// pool is the largest pixel, or the mean, of windows. They lie side by side, or are as
// many as there are pixels.
func (n *net[T]) pool(x *Value[T], mean bool, size, stride int) *Value[T] {
	s := kernel.PoolShape{
		Planes: x.Shape[0] * x.Shape[1], H: x.Shape[2], W: x.Shape[3], KH: size, KW: size, StrideH: stride, StrideW: stride,
		OH: x.Shape[2] / stride, OW: x.Shape[3] / stride,
	}
	if stride == 1 {
		s.PadTop, s.PadLeft = size/2, size/2
	}
	shape := []int{x.Shape[0], x.Shape[1], s.OH, s.OW}
	if mean {
		return n.Add(fmt.Sprintf("AvgPool2D %dx%d", size, size), kernel.NewAvgPool2D[T](s), shape, x)
	}
	return n.Add(fmt.Sprintf("MaxPool2D %dx%d", size, size), kernel.NewMaxPool2D[T](s), shape, x)
}

// mean is the mean of each channel of each image.
func (n *net[T]) mean(x *Value[T]) *Value[T] {
	h, w := x.Shape[2], x.Shape[3]
	s := kernel.PoolShape{Planes: x.Shape[0] * x.Shape[1], H: h, W: w, KH: h, KW: w, StrideH: 1, StrideW: 1, OH: 1, OW: 1}
	return n.Add("AvgPool2D", kernel.NewAvgPool2D[T](s), []int{x.Shape[0], x.Shape[1], 1, 1}, x)
}

// scaled is x times s, which repeats over the pixels of an image.
func (n *net[T]) scaled(x, s *Value[T]) *Value[T] {
	return n.Add("Broadcast", kernel.NewBroadcast[T](true, x.Shape, s.Shape), x.Shape, x, s)
}

// excite is x times a number for each channel, which a curve and 1×1 convolutions make
// of the channels' means: squeeze and excite.
func (n *net[T]) excite(x *Value[T], c vector.Curve) *Value[T] {
	squeezed := n.relu(n.conv(n.mean(x), convolution{filters: 6, bias: true}))
	return n.scaled(x, n.curve("Curve", c, n.conv(squeezed, convolution{filters: x.Shape[1], bias: true})))
}

// flat is x as a matrix with a row for each image.
func (n *net[T]) flat(x *Value[T]) *Value[T] {
	return n.View(x, []int{x.Shape[0], elements(x.Shape[1:])})
}

// dense is the product of a matrix with weights, and a bias.
func (n *net[T]) dense(x *Value[T], units int) *Value[T] {
	rows, k := x.Shape[0], x.Shape[1]
	m := &kernel.Mul[T]{M: rows, K: k, N: units, Bias: true}
	return n.Add("Mul", m, []int{rows, units}, x, n.bind("w", 1/float64(k), k, units), n.bind("b", 1, units))
}

// turn makes the channels of images the last dimension, or back.
func (n *net[T]) turn(x *Value[T], last bool) *Value[T] {
	s := x.Shape
	shape, steps := []int{s[0], s[2], s[3], s[1]}, []int{elements(s[1:]), s[3], 1, s[2] * s[3]}
	if !last {
		shape, steps = []int{s[0], s[3], s[1], s[2]}, []int{elements(s[1:]), 1, s[2] * s[3], s[3]}
	}
	return n.Add("Transpose", kernel.NewStrided[T](0, shape, steps, false, false), shape, x)
}

// passCase is a small program, made by a function that returns its results.
type passCase struct {
	name string
	make func(n *net[float32]) []*Value[float32]
}

// checkGoldens prints programs before and after they are compiled and compares with
// the golden files testdata/pass/name.txt: the same ones on every tier.
func checkGoldens(t *testing.T, pass string, o Options, cases []passCase) {
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				checkGolden(t, pass, c.name, c.printed(o))
			})
		}
	})
}

// printed is the program before and after it is compiled.
func (c passCase) printed(o Options) string {
	n := newNet[float32](1)
	n.results = c.make(n)
	before := n.String()
	n.Compile(n.results, o)
	return fmt.Sprintf("%sbecomes\n%s", before, n.String())
}

func checkGolden(t *testing.T, pass, name, got string) {
	t.Helper()
	file := goldenFile(pass, name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s(-update rewrites %s)", got, want, file)
	}
}

func goldenFile(pass, name string) string {
	return filepath.Join("testdata", pass, strings.ReplaceAll(name, " ", "_")+".txt")
}
