package graphtest_test

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
)

// fake is an op of one operand that keeps its shape. It may do wrong what it
// likes: it gets the operand's own memory. Either half may be nil: a copy.
type fake struct {
	forward  func(y, x []float64)
	backward func(dx, dy []float64)
	id       uint64
}

var fakes atomic.Uint64

func (f fake) apply(in ...*gorgonia.Node) (*gorgonia.Node, error) {
	f.id = fakes.Add(1)
	return gorgonia.ApplyOp(f, in[0])
}

// Build makes it a layer.
func (f fake) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return f.apply(x) }, x)
}

func (f fake) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	x := in[0].(*tensor.Dense)
	y := x.Clone().(*tensor.Dense)
	if f.forward == nil {
		return y, nil
	}
	if x.Dtype() == tensor.Float64 {
		f.forward(y.Float64s(), x.Float64s())
		return y, nil
	}
	x64, y64 := widen(x.Float32s()), widen(y.Float32s())
	f.forward(y64, x64)
	narrow(x.Float32s(), x64)
	narrow(y.Float32s(), y64)
	return y, nil
}

func (f fake) SymDiff(_ gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := fake{forward: f.backward}.apply(dy)
	return gorgonia.Nodes{dx}, err
}

func (f fake) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}

func (f fake) Type() hm.Type         { return hm.NewFnType(hm.TypeVariable('a'), hm.TypeVariable('a')) }
func (f fake) DiffWRT(int) []bool    { return []bool{true} }
func (f fake) Arity() int            { return 1 }
func (f fake) ReturnsPtr() bool      { return false }
func (f fake) CallsExtern() bool     { return false }
func (f fake) OverwritesInput() int  { return -1 }
func (f fake) String() string        { return "fake" }
func (f fake) WriteHash(h hash.Hash) { fmt.Fprintf(h, "fake %d", f.id) }
func (f fake) Hashcode() uint32 {
	h := fnv.New32a()
	f.WriteHash(h)
	return h.Sum32()
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func narrow(dst []float32, x []float64) {
	for i, v := range x {
		dst[i] = float32(v)
	}
}
