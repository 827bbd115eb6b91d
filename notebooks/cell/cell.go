// Package cell helps where the notebooks' interpreter falls short of Go.
package cell

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"tapenet/graph/graphtest"
)

// Op is an op that is declared in a cell, with its gradient. The interpreter
// wraps a value that it makes a gorgonia.Op of, and only the methods of Op are
// there then; this wraps it as an SDOp, whose gradient Gorgonia finds. A panic
// of Do is an error of the run.
func Op(o gorgonia.SDOp) gorgonia.Op { return safe{o} }

type safe struct{ gorgonia.SDOp }

// Do runs the op. The TapeMachine calls it on a goroutine of its own, where a
// panic would end the kernel.
func (s safe) Do(in ...gorgonia.Value) (v gorgonia.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("op %v panicked: %v", s.SDOp, r)
		}
	}()
	return s.SDOp.Do(in...)
}

// Func is a function for graphtest that is written in a cell. The interpreter
// knows []*gorgonia.Node, as variadic functions take it, by the name
// gorgonia.Nodes only.
func Func(f func(in gorgonia.Nodes) (*gorgonia.Node, error)) graphtest.Func {
	return func(in ...*gorgonia.Node) (*gorgonia.Node, error) { return f(in) }
}
