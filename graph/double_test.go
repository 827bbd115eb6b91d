package graph_test

import (
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// double is a user's op: y = 2x. Its gradient is again a double, of dy; runs
// counts how often it ran, and gradient how often its gradient did.
type double struct {
	name           string // "" means Double
	runs, gradient *int
}

func (d *double) Arity() int { return 1 }

func (d *double) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(a, a)
}

func (d *double) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape), nil
}

func (d *double) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if d.runs != nil {
		*d.runs++
	}
	y := in[0].(*tensor.Dense).Clone().(*tensor.Dense)
	for i := range y.Float32s() {
		y.Float32s()[i] *= 2
	}
	return y, nil
}

func (d *double) DiffWRT(int) []bool { return []bool{true} }

func (d *double) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := gorgonia.ApplyOp(&double{name: "DoubleGrad", runs: d.gradient}, grad)
	return gorgonia.Nodes{dx}, err
}

func (d *double) ReturnsPtr() bool      { return false }
func (d *double) CallsExtern() bool     { return false }
func (d *double) OverwritesInput() int  { return -1 }
func (d *double) WriteHash(h hash.Hash) { h.Write([]byte(d.String())) }

func (d *double) Hashcode() uint32 {
	h := fnv.New32a()
	d.WriteHash(h)
	return h.Sum32()
}

func (d *double) String() string {
	if d.name == "" {
		return "Double"
	}
	return d.name
}
