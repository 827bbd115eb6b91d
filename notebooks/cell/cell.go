// Package cell helps where the notebooks' interpreter falls short of Go.
package cell

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/graphtest"
)

// Op is an op that is declared in a cell, with its gradient. The interpreter
// wraps a value that it makes a gorgonia.Op of, and only the methods of Op are
// there then; this wraps it as an SDOp, whose gradient Gorgonia finds.
func Op(o gorgonia.SDOp) gorgonia.Op { return o }

// Func is a function for graphtest that is written in a cell. The interpreter
// knows []*gorgonia.Node, as variadic functions take it, by the name
// gorgonia.Nodes only.
func Func(f func(in gorgonia.Nodes) (*gorgonia.Node, error)) graphtest.Func {
	return func(in ...*gorgonia.Node) (*gorgonia.Node, error) { return f(in) }
}
