package program

import (
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/vector"
)

// layCases show which layouts values get, and where turns stand.
var layCases = []passCase{
	{"one turn for several readers", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a, b := n.conv(x, convolution{filters: 8}), n.conv(x, convolution{filters: 8, kernel: 5})
		return results(n.product(a, b), n.conv(x, convolution{filters: 8, kernel: 3, stride: 2}))
	}},
	{"border of the widest reader", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		return results(n.product(n.conv(a, convolution{filters: 8, kernel: 5}), n.conv(a, convolution{filters: 8, kernel: 3})))
	}},
	{"few channels without room for others", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 3, 8, 8)
		return results(n.concat(n.conv(x, convolution{filters: 8, kernel: 3}), x))
	}},
	{"whole tiles", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 26, 26), convolution{filters: 24})
		return results(n.conv(a, convolution{filters: 16, kernel: 3}))
	}},
	{"results are planes", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		return results(a, n.conv(a, convolution{filters: 8}), a)
	}},
	{"views are of planes", func(n *net[float32]) []*Value[float32] {
		a := n.relu(n.conv(n.input(2, 16, 4, 4), convolution{filters: 24}))
		return results(n.dense(n.flat(a), 10), n.relu(n.View(a, []int{2, 24, 2, 8})))
	}},
	{"images of a view", func(n *net[float32]) []*Value[float32] {
		x := n.View(n.relu(n.bind("x", 1, 2, 256)), []int{2, 16, 4, 4})
		return results(n.conv(x, convolution{filters: 8}), n.conv(x, convolution{filters: 8, kernel: 3}))
	}},
	{"ops by pixel follow their operand", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		a := n.relu(x) // planes
		b := n.norm(n.relu(n.add(n.conv(x, convolution{filters: 16}), x, a)))
		return results(n.pool(n.pool(n.product(b, n.curve("Sigmoid", vector.Sigmoid, b)), true, 2, 2), false, 3, 1))
	}},
	{"groups lie channels last", func(n *net[float32]) []*Value[float32] {
		a := n.relu(n.conv(n.input(1, 16, 8, 8), convolution{filters: 16, kernel: 3}))
		return results(n.conv(a, convolution{filters: 16, kernel: 3, groups: 4}))
	}},
	{"squeeze and excite", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(2, 16, 8, 8), convolution{filters: 24, kernel: 3, groups: 1})
		return results(n.conv(n.excite(a, vector.Sigmoid), convolution{filters: 8}))
	}},
	{"channels made the last dimension", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		b := n.turn(n.relu(n.turn(a, true)), false)
		return results(n.conv(b, convolution{filters: 8, kernel: 3}))
	}},
	{"rows joined", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(2, 16, 8, 8), convolution{filters: 1})
		k := &kernel.Concat[float32]{Outer: 2, Blocks: []int{64, 64}}
		joined := n.Add("Concat", k, []int{2, 1, 16, 8}, a, n.relu(a))
		return results(n.conv(joined, convolution{filters: 8, kernel: 3}), n.relu(joined))
	}},
	{"images whose channels are rows", func(n *net[float32]) []*Value[float32] {
		a := n.turn(n.conv(n.input(1, 16, 8, 8), convolution{filters: 24}), true) // (1,8,8,24)
		return results(n.relu(a), n.conv(a, convolution{filters: 8}))
	}},
	{"odd channels made the last dimension", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 20})
		return results(n.conv(n.turn(n.relu(n.turn(a, true)), false), convolution{filters: 8}))
	}},
}

func TestLay(t *testing.T) {
	checkGoldens(t, "lay", Options{Inference: true, NoFusion: true, Unplaced: true}, layCases)
}

// TestLayouts: what the programs above compute is what they compute without layouts.
func TestLayouts(t *testing.T) {
	for _, c := range slices.Concat(layCases, joinCases, fuseCases, beginCases) {
		plain, laid := newNet[float32](1), newNet[float32](1)
		want := plain.run(t, c.make(plain), Options{NoFusion: true, NoLayout: true, Unplaced: true})
		got := laid.run(t, c.make(laid), Options{Inference: true})
		for i := range want {
			if at := far(got[i], want[i], 2e-5); at >= 0 {
				t.Errorf("%s: element %d of result %d is %v, want %v in\n%s", c.name, at, i, got[i][at], want[i][at], laid.String())
			}
		}
	}
}

// TestNoLayout: without the pass all values are planes, and no step is added.
func TestNoLayout(t *testing.T) {
	for _, c := range append(layCases, joinCases...) {
		n := newNet[float32](1)
		n.results = c.make(n)
		before := n.String()
		if n.Compile(n.results, Options{Inference: true, NoFusion: true, NoLayout: true, Unplaced: true}); n.String() != before {
			t.Errorf("%s: got\n%swant\n%s", c.name, n.String(), before)
		}
	}
}
