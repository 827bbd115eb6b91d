package op_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// accessors are the methods of a Description that return parameters, by name. A
// function cannot be compared: its name stands for it.
var accessors = map[string]func(d op.Description) any{
	"Alpha":     func(d op.Description) any { return d.Alpha() },
	"Axes":      func(d op.Description) any { return d.Axes() },
	"Axis":      func(d op.Description) any { return d.Axis() },
	"Border":    func(d op.Description) any { return d.Border() },
	"Channels":  func(d op.Description) any { return d.Channels() },
	"Conv":      func(d op.Description) any { return d.Conv() },
	"Epsilon":   func(d op.Description) any { return d.Epsilon() },
	"Function":  func(d op.Description) any { return d.Function().Name },
	"Line":      func(d op.Description) any { return d.Line() },
	"Norm":      func(d op.Description) any { return d.Norm() },
	"PatchSize": func(d op.Description) any { return d.PatchSize() },
	"Picks":     func(d op.Description) any { return d.Picks() },
	"Pool":      func(d op.Description) any { return d.Pool() },
	"Products":  func(d op.Description) any { return d.Products() },
	"Rate":      func(d op.Description) any { return d.Rate() },
	"Along":     func(d op.Description) any { return d.Along().Name },
	"Shifts":    func(d op.Description) any { return d.Shifts() },
	"View":      func(d op.Description) any { return d.View() },
}

// TestAccessors: the table has them all.
func TestAccessors(t *testing.T) {
	for m := range reflect.TypeFor[op.Description]().Methods() {
		if accessors[m.Name] == nil {
			t.Errorf("no test calls %s", m.Name)
		}
	}
}

// described is an op, and what its description says.
type described struct {
	kind     op.Kind
	node     func() (node, error)
	operands []node
	accessor string // that returns parameters, if one does
	want     any
}

// TestDescribe: a translator is told the kind, the operands and the parameters,
// the latter by the accessor of that kind alone.
func TestDescribe(t *testing.T) {
	for _, tt := range describedOps() {
		t.Run(string(tt.kind), func(t *testing.T) {
			n, err := tt.node()
			if err != nil {
				t.Fatal(err)
			}
			d, ok := op.Describe(n)
			if !ok || d.Kind != tt.kind || !slices.Equal(d.Operands, tt.operands) {
				t.Errorf("got %v of %v, %v, want %v of %v", d.Kind, d.Operands, ok, tt.kind, tt.operands)
			}
			for name, get := range accessors {
				got := get(d)
				if name == tt.accessor && !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s is %v, want %v", name, got, tt.want)
				}
				if name != tt.accessor && !reflect.ValueOf(got).IsZero() {
					t.Errorf("%s is %v, want the zero value", name, got)
				}
			}
		})
	}
}

// describedOps has each kind that has parameters, and some that have none.
func describedOps() []described {
	g := gorgonia.NewGraph()
	of := func(shape ...int) node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...))
	}
	image, filters, batch, row, vector := of(2, 3, 4, 4), of(5, 3, 3, 3), of(2, 3, 4), of(2, 3), of(3)
	norm := op.Norm{Epsilon: 1e-3, Momentum: 0.5}
	line, border := op.Line{Slope: 0.2, Offset: 0.5}, op.Border{Padding: op.Padding{Top: 1}, Fill: 2}
	picks := op.Picks{Blocks: 2, Index: []int32{3, -1}, Fill: 1}
	whole := op.View{Shape: []int{2, 3, 4}, Steps: []int{12, 4, 1}}
	turned := op.View{Shape: []int{2, 4, 3}, Steps: []int{12, 1, 4}}
	return []described{
		{op.KindConv2d, func() (node, error) { return op.Conv2d(image, filters, nil, op.Conv{Pad: op.Padding{Left: 1}}) }, []node{image, filters},
			"Conv", op.Conv{StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, Pad: op.Padding{Left: 1}}},
		{op.KindMaxPool2D, func() (node, error) { return op.MaxPool2D(image, op.Pool{KH: 2, KW: 3}) }, []node{image},
			"Pool", op.Pool{KH: 2, KW: 3, StrideH: 2, StrideW: 3}},
		{op.KindAvgPool2D, func() (node, error) { return op.AvgPool2D(image, op.Pool{KH: 2, KW: 3, StrideW: 1}) }, []node{image},
			"Pool", op.Pool{KH: 2, KW: 3, StrideH: 2, StrideW: 1}},
		{op.KindBatchNorm, func() (node, error) { return op.BatchNorm(image, vector, vector, vector, vector, norm) },
			[]node{image, vector, vector, vector, vector}, "Norm", norm},
		{op.KindLayerNorm, func() (node, error) { return op.LayerNorm(row, vector, vector, 1e-5) }, []node{row, vector, vector}, "Epsilon", 1e-5},
		{op.KindDropout, func() (node, error) { return op.Dropout(image, 0.25, op.Random{Step: new(uint64)}) }, []node{image}, "Rate", 0.25},
		{op.KindLeakyReLU, func() (node, error) { return op.LeakyReLU(image, 0.1) }, []node{image}, "Alpha", 0.1},
		{op.KindELU, func() (node, error) { return op.ELU(image, 0.3) }, []node{image}, "Alpha", 0.3},
		{op.KindHardSigmoid, func() (node, error) { return op.HardSigmoid(image, line) }, []node{image}, "Line", line},
		{op.KindMap, func() (node, error) { return op.Map(image, op.Function{Name: "sin", F: math.Sin, DF: math.Cos}) }, []node{image}, "Function", "sin"},
		{op.KindAcross, func() (node, error) { return op.Across(image, 1, cubes) }, []node{image}, "Along", "cubes"},
		{op.KindConcat, func() (node, error) { return op.Concat(1, image, image) }, []node{image, image}, "Axis", 1},
		{op.KindPatches, func() (node, error) { return op.Patches(image, 2) }, []node{image}, "PatchSize", 2},
		{op.KindGather, func() (node, error) { return op.Gather(batch, picks, 2, 2) }, []node{batch}, "Picks", picks},
		{op.KindBatchMul, func() (node, error) { return op.BatchMul(batch, batch, op.Products{TransB: true}) }, []node{batch, batch},
			"Products", op.Products{A: whole, B: turned, Scale: 1}},
		{op.KindStrided, func() (node, error) { return op.Strided(batch, op.View{}) }, []node{batch}, "View", whole},
		{op.KindPermute, func() (node, error) { return op.Permute(batch, 0, 2, 1) }, []node{batch}, "Axes", []int{0, 2, 1}},
		{op.KindPickChannels, func() (node, error) { return op.PickChannels(image, 2, 0) }, []node{image}, "Channels", []int{2, 0}},
		{op.KindRoll, func() (node, error) { return op.Roll(batch, 0, -1, 9) }, []node{batch}, "Shifts", []int{0, 2, 1}},
		{op.KindPadImage, func() (node, error) { return op.PadImage(image, border) }, []node{image}, "Border", border},
		{op.KindExpand, func() (node, error) { return op.Expand(vector, 2, 3) }, []node{vector}, "", nil},
		{op.KindReLU, func() (node, error) { return op.ReLU(image) }, []node{image}, "", nil},
		{op.KindReLUCentre, func() (node, error) { return op.ReLUCentre(row, row) }, []node{row, row}, "", nil},
		{op.KindAdd, func() (node, error) { return op.Add(image, image) }, []node{image, image}, "", nil},
	}
}

// TestDescribeOthers: nodes that are no ops of the package have no description.
func TestDescribeOthers(t *testing.T) {
	x := gorgonia.NewTensor(gorgonia.NewGraph(), tensor.Float32, 2, gorgonia.WithShape(2, 3))
	exp, err := gorgonia.Exp(x)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]node{"a bound tensor": x, "Gorgonia's op": exp} {
		if d, ok := op.Describe(n); ok {
			t.Errorf("%s is described as %v", name, d)
		}
	}
}
