package program

import (
	"testing"

	"tapenet/graph/internal/kernel/vector"
)

// fuseCases show what a step takes over of the steps behind it.
var fuseCases = []passCase{
	{"chain", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.relu(n.norm(n.conv(x, convolution{filters: 24, kernel: 3, bias: true}))))
	}},
	{"curve", func(n *net[float32]) []*Value[float32] {
		return results(n.curve("SiLU", vector.SiLU, n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})))
	}},
	{"two readers", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		return results(n.relu(a), n.norm(a))
	}},
	{"result in the middle", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		return results(a, n.relu(a))
	}},
	{"view that is a result", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		return results(n.flat(a), n.relu(a))
	}},
	{"sum with the first operand", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.relu(n.add(n.conv(x, convolution{filters: 16, kernel: 3}), x)))
	}},
	{"sum with the second operand", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.relu(n.add(x, n.norm(n.conv(x, convolution{filters: 16, kernel: 3})))))
	}},
	{"sum of two", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.add(n.conv(x, convolution{filters: 16, kernel: 3}), n.conv(x, convolution{filters: 16})))
	}},
	{"sum with itself", func(n *net[float32]) []*Value[float32] {
		a := n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})
		return results(n.add(a, a))
	}},
	{"sum of three", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.add(x, n.conv(x, convolution{filters: 16}), x))
	}},
	{"sum behind an activation", func(n *net[float32]) []*Value[float32] {
		x := n.input(1, 16, 8, 8)
		return results(n.add(n.relu(n.conv(x, convolution{filters: 16})), x))
	}},
	{"pooling of few channels", func(n *net[float32]) []*Value[float32] {
		return results(n.pool(n.relu(n.conv(n.input(1, 3, 8, 8), convolution{filters: 24, kernel: 3})), false, 2, 2))
	}},
	{"pooling of many channels", func(n *net[float32]) []*Value[float32] {
		return results(n.pool(n.relu(n.conv(n.input(1, 16, 8, 8), convolution{filters: 24, kernel: 3})), false, 2, 2))
	}},
	{"groups", func(n *net[float32]) []*Value[float32] {
		return results(n.relu(n.norm(n.conv(n.input(1, 16, 8, 8), convolution{filters: 24, kernel: 3, groups: 4}))))
	}},
	{"depthwise", func(n *net[float32]) []*Value[float32] {
		return results(n.relu(n.norm(n.conv(n.input(1, 16, 8, 8), convolution{filters: 16, kernel: 3, groups: 16}))))
	}},
	{"product", func(n *net[float32]) []*Value[float32] {
		x := n.bind("x", 1, 2, 12)
		return results(n.relu(n.add(x, n.dense(n.relu(n.dense(x, 20)), 12))))
	}},
	{"normalised vectors", func(n *net[float32]) []*Value[float32] {
		return results(n.relu(n.norm(n.dense(n.bind("x", 1, 2, 12), 20))))
	}},
	{"normalised images", func(n *net[float32]) []*Value[float32] {
		return results(n.relu(n.norm(n.relu(n.conv(n.input(1, 16, 8, 8), convolution{filters: 24})))))
	}},
	{"view in between", func(n *net[float32]) []*Value[float32] {
		return results(n.relu(n.flat(n.conv(n.input(1, 16, 8, 8), convolution{filters: 24}))))
	}},
}

func results(v ...*Value[float32]) []*Value[float32] { return v }

func TestFuse(t *testing.T) {
	checkGoldens(t, "fuse", Options{Inference: true, Unplaced: true}, fuseCases)
}

// TestNoFusion: without the pass, and in training, every step stands by itself.
func TestNoFusion(t *testing.T) {
	for _, o := range []Options{{Inference: true, NoFusion: true, NoLayout: true, Unplaced: true}, {NoLayout: true, Unplaced: true}} {
		for _, c := range fuseCases {
			n := newNet[float32](1)
			n.results = c.make(n)
			before := n.String()
			if n.Compile(n.results, o); n.String() != before {
				t.Errorf("%+v, %s: got\n%swant\n%s", o, c.name, n.String(), before)
			}
		}
	}
}
