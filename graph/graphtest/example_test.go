package graphtest_test

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/graphtest"
)

// square is y = x², element by element: an op of your own, with nothing but
// what Gorgonia asks for. The first four methods say what it computes.
type square struct{}

// Do computes a new value. It must neither change nor return its operand, and
// must not panic.
func (square) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	x, ok := in[0].(tensor.Tensor)
	if !ok {
		return nil, fmt.Errorf("square: got a %T, want a tensor", in[0])
	}
	return tensor.Square(x)
}

// DiffWRT says that the operand has a gradient.
func (square) DiffWRT(inputs int) []bool { return []bool{true} }

// SymDiff adds the gradient to the graph: dx = (x+x)·dy.
func (square) SymDiff(in gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	double, err := gorgonia.Add(in[0], in[0])
	if err != nil {
		return nil, err
	}
	dx, err := gorgonia.HadamardProd(double, dy)
	return gorgonia.Nodes{dx}, err
}

// InferShape returns the shape of the output, the operand's.
func (square) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(in)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), nil
}

// Type is a → a: the output has the operand's type, whatever that is.
func (square) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(a, a)
}

// The rest is the same for most ops: Do is called at every run and leaves its
// operands alone. Ops with equal hashes are one op to Gorgonia.
func (square) Arity() int            { return 1 }
func (square) ReturnsPtr() bool      { return false }
func (square) CallsExtern() bool     { return false }
func (square) OverwritesInput() int  { return -1 }
func (square) String() string        { return "Square" }
func (square) WriteHash(h hash.Hash) { fmt.Fprint(h, "Square") }
func (s square) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

// An op of your own, its gradient checked, and a layer that uses it.
func Example() {
	err := graphtest.Op{
		F:  func(in ...*gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.ApplyOp(square{}, in...) },
		In: []*tensor.Dense{graphtest.Random("x", 2, 3, 4)},
	}.Check()
	fmt.Println("op:", err)

	layer := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Op(square{}, x)
	})
	err = graphtest.Case{Layer: layer, Input: []int{4}, Output: []int{4}}.Check()
	fmt.Println("layer:", err)
	// Output:
	// op: <nil>
	// layer: <nil>
}
