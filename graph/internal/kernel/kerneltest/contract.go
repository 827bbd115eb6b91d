package kerneltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
)

// Operation is what all kernels of operations have in common.
type Operation[T cpu.Float] interface {
	Forward(y []T, in [][]T)
	Backward(dIn [][]T, dy []T, in [][]T)
}

// Contract is one kernel with the sizes of its operands.
type Contract[T cpu.Float] struct {
	Name    string
	Kernel  Operation[T]
	In      []int
	Out     int
	Skipped []int // operands without a gradient
}

// CheckContracts: a kernel sets all of its results, whatever was there before;
// its gradient does not read the output; and a gradient is the same whether or
// not the others are wanted, which may be none.
func CheckContracts[T cpu.Float](t *testing.T, contracts []Contract[T]) {
	for _, c := range contracts {
		t.Run(c.Name, func(t *testing.T) {
			y, all := c.run(func(int) bool { return true })
			checkSet(t, "output", y)
			c.run(func(int) bool { return false })
			for i, d := range all {
				checkSet(t, fmt.Sprint("gradient ", i), d)
				if d == nil || len(all) == 1 {
					continue
				}
				again, one := c.run(func(operand int) bool { return operand == i })
				if !slices.Equal(again, y) {
					t.Errorf("a second run gives %v, want %v", again, y)
				}
				if !slices.Equal(one[i], d) {
					t.Errorf("gradient %d alone is %v, want %v as among all", i, one[i], d)
				}
			}
		})
	}
}

// operands returns random operands; labels and sample weights, where there are
// any, are 0 and 1.
func (c Contract[T]) operands() [][]T {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([][]T, len(c.In))
	for i, size := range c.In {
		in[i] = make([]T, size)
		for j := range in[i] {
			in[i][j] = T(r.Float64())
			if slices.Contains(c.Skipped, i) && size == 4 {
				in[i][j] = T(j % 2)
			}
		}
	}
	return in
}

// run returns the output and the wanted gradients, computed in memory that
// holds NaN before.
func (c Contract[T]) run(wanted func(operand int) bool) (y []T, dIn [][]T) {
	in := c.operands()
	y = Unset[T](c.Out)
	c.Kernel.Forward(y, in)
	dy := slices.Repeat([]T{2}, c.Out)
	for i := range dy {
		dy[i] += T(i % 3)
	}
	dIn = make([][]T, len(in))
	for i, size := range c.In {
		if wanted(i) && !slices.Contains(c.Skipped, i) {
			dIn[i] = Unset[T](size)
		}
	}
	output := slices.Clone(y)
	copy(y, Unset[T](c.Out)) // Gorgonia may overwrite it
	c.Kernel.Backward(dIn, dy, in)
	return output, dIn
}

func checkSet[T cpu.Float](t *testing.T, name string, x []T) {
	t.Helper()
	if i := slices.IndexFunc(x, func(v T) bool { return v != v }); i >= 0 {
		t.Errorf("%s, element %d is not set", name, i)
	}
}
