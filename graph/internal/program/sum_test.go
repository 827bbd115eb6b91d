package program

import (
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/vector"
)

// TestSumsOfGradientsKeepTheirBits: a gradient that is added to another one in its place,
// or written over the one that its step begins with, is the one that has memory of its own,
// bit by bit: channels last and as planes.
func TestSumsOfGradientsKeepTheirBits(t *testing.T) {
	sums, replaced := 0, 0
	for seed := range uint64(programs()) {
		for _, o := range []Options{{}, {NoLayout: true}, {Unplaced: true}} {
			n, results := randomTraining[float32](seed)
			got := n.run(t, results, o)
			for _, s := range n.steps {
				sums += len(s.Sums)
				if s.Dy != nil && slices.ContainsFunc(s.DIn, func(d *Value[float32]) bool { return d != nil && d.view == s.Dy }) {
					replaced++
				}
			}
			o.NoFusion = true
			apart, results := randomTraining[float32](seed)
			want := apart.run(t, results, o)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Fatalf("seed %d, %+v: result %d has other bits than without sums in place, in\n%s", seed, o, i, n.String())
				}
			}
		}
	}
	if sums == 0 {
		t.Error("no gradient is added to another one")
	}
	if replaced == 0 {
		t.Error("no gradient replaces the one that its step begins with")
	}
}

// TestSumsInPlace: which gradients are added to another one in its place.
func TestSumsInPlace(t *testing.T) {
	three := convolution{filters: 16, kernel: 3}
	for _, c := range []struct {
		name string
		make func(n *net[float32], a *Value[float32]) *Value[float32] // reads a more than once
		sums int
	}{
		{"a convolution beside a shortcut", func(n *net[float32], a *Value[float32]) *Value[float32] {
			return n.relu(n.add(n.relu(n.conv(a, three)), a))
		}, 1},
		{"two convolutions", func(n *net[float32], a *Value[float32]) *Value[float32] {
			return n.product(n.conv(a, three), n.conv(a, convolution{filters: 16, kernel: 5}))
		}, 1},
		{"a shortcut of a shortcut", func(n *net[float32], a *Value[float32]) *Value[float32] {
			b := n.relu(n.add(n.conv(a, three), a))
			return n.relu(n.add(n.conv(b, three), b))
		}, 2},
		{"readers that are no convolutions", func(n *net[float32], a *Value[float32]) *Value[float32] {
			return n.product(n.relu(a), n.curve("Sigmoid", vector.Sigmoid, a))
		}, 0},
		{"both gradients of one step", func(n *net[float32], a *Value[float32]) *Value[float32] {
			return n.product(a, a)
		}, 0},
		{"three readers", func(n *net[float32], a *Value[float32]) *Value[float32] {
			return n.product(n.add(n.conv(a, three), n.conv(a, three)), a)
		}, 0},
		{"gradients in two layouts", func(n *net[float32], a *Value[float32]) *Value[float32] {
			return n.product(n.conv(n.norm(a), three), n.norm(a))
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNet[float32](1)
			n.training = true
			n.Compile(n.backward(c.make(n, n.relu(n.conv(n.input(2, 3, 8, 8), three)))), Options{})
			sums := 0
			for _, s := range n.steps {
				sums += len(s.Sums)
			}
			if sums != c.sums {
				t.Errorf("%d gradients are added in place, want %d, in\n%s", sums, c.sums, n.String())
			}
		})
	}
}

// TestSumsInPlaceSaveMemory: the values of a program with a shortcut take less.
func TestSumsInPlaceSaveMemory(t *testing.T) {
	size := func(o Options) int {
		n := newNet[float32](1)
		x := n.relu(n.conv(n.input(2, 3, 8, 8), convolution{filters: 16, kernel: 3}))
		n.Compile(n.backward(n.relu(n.add(n.conv(x, convolution{filters: 16, kernel: 3}), x))), o)
		sum := 0
		for _, l := range n.placed {
			sum += l.size()
		}
		return sum
	}
	// One tensor is left of three: both gradients and their sum.
	if got, want := size(Options{}), size(Options{NoFusion: true})-2*(2*16*8*8); got != want {
		t.Errorf("the values have %d elements, want %d", got, want)
	}
}
