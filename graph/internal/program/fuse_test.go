package program

import (
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/kerneltest"
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

// beginCases show what a step takes over of the step in front of it.
var beginCases = []passCase{
	{"excited", func(n *net[float32]) []*Value[float32] {
		x := n.conv(n.input(2, 16, 8, 8), convolution{filters: 24, kernel: 3})
		return results(n.conv(n.excite(x, vector.Sigmoid), convolution{filters: 16}))
	}},
	{"excited with an ending", func(n *net[float32]) []*Value[float32] {
		x := n.input(2, 24, 8, 8)
		y := n.conv(n.excite(n.relu(n.conv(x, convolution{filters: 32, groups: 8})), vector.HardSigmoid(1.0/6, 0.5)), convolution{filters: 24, bias: true})
		return results(n.relu(n.add(n.norm(y), x)))
	}},
	{"excited by numbers of all images", func(n *net[float32]) []*Value[float32] {
		x := n.conv(n.input(2, 16, 8, 8), convolution{filters: 12})
		return results(n.conv(n.scaled(x, n.bind("s", 1, 1, 12, 1, 1)), convolution{filters: 16}))
	}},
	{"excited by a product", func(n *net[float32]) []*Value[float32] {
		x := n.conv(n.input(2, 16, 8, 8), convolution{filters: 20})
		s := n.View(n.curve("Sigmoid", vector.Sigmoid, n.dense(n.flat(n.mean(x)), 20)), []int{2, 20, 1, 1})
		return results(n.conv(n.scaled(x, s), convolution{filters: 16}))
	}},
	{"excited planes", func(n *net[float32]) []*Value[float32] {
		x := n.relu(n.input(2, 16, 8, 8))
		return results(n.conv(n.excite(x, vector.Sigmoid), convolution{filters: 8}))
	}},
	{"excited for two readers", func(n *net[float32]) []*Value[float32] {
		x := n.excite(n.conv(n.input(2, 16, 8, 8), convolution{filters: 24}), vector.Sigmoid)
		return results(n.conv(x, convolution{filters: 16}), n.conv(x, convolution{filters: 8}))
	}},
	{"excited and a result", func(n *net[float32]) []*Value[float32] {
		x := n.excite(n.conv(n.input(2, 16, 8, 8), convolution{filters: 24}), vector.Sigmoid)
		return results(x, n.conv(x, convolution{filters: 16}))
	}},
	{"excited for 3x3 filters", func(n *net[float32]) []*Value[float32] {
		x := n.conv(n.input(2, 16, 8, 8), convolution{filters: 24})
		return results(n.conv(n.excite(x, vector.Sigmoid), convolution{filters: 8, kernel: 3}))
	}},
	{"excited with many filters", func(n *net[float32]) []*Value[float32] {
		x := n.conv(n.input(1, 16, 4, 4), convolution{filters: 24})
		return results(n.conv(n.excite(x, vector.Sigmoid), convolution{filters: 17}))
	}},
	{"shifted", func(n *net[float32]) []*Value[float32] {
		x := n.conv(n.input(2, 16, 8, 8), convolution{filters: 24})
		y := n.Add("Broadcast", kernel.NewBroadcast[float32](false, x.Shape, []int{1, 24, 1, 1}), x.Shape, x, n.bind("s", 1, 1, 24, 1, 1))
		return results(n.conv(y, convolution{filters: 8}))
	}},
}

func results(v ...*Value[float32]) []*Value[float32] { return v }

func TestFuse(t *testing.T) {
	checkGoldens(t, "fuse", Options{Inference: true, Unplaced: true}, fuseCases)
}

// TestBegin shows the programs, and holds them to the bits that they have if no step
// takes over another: where nothing but that is fused.
func TestBegin(t *testing.T) {
	checkGoldens(t, "begin", Options{Inference: true, Unplaced: true}, beginCases)
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, c := range beginCases {
			if c.name == "excited with an ending" {
				continue // a folded normalisation rounds otherwise
			}
			for _, threads := range []int{1, 2, 3} {
				before := runtime.GOMAXPROCS(threads)
				fused, apart := newNet[float32](1), newNet[float32](1)
				got := fused.run(t, c.make(fused), Options{Inference: true})
				want := apart.run(t, c.make(apart), Options{Inference: true, NoFusion: true})
				runtime.GOMAXPROCS(before)
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("%s, %d threads: other bits than without fusion, in\n%s", c.name, threads, fused.String())
					}
				}
			}
		}
	})
}

// TestNoFusion: without the pass, and in training, every step stands by itself.
func TestNoFusion(t *testing.T) {
	for _, o := range []Options{{Inference: true, NoFusion: true, NoLayout: true, Unplaced: true}, {NoLayout: true, Unplaced: true}} {
		for _, c := range slices.Concat(fuseCases, beginCases) {
			n := newNet[float32](1)
			n.results = c.make(n)
			before := n.String()
			if n.Compile(n.results, o); n.String() != before {
				t.Errorf("%+v, %s: got\n%swant\n%s", o, c.name, n.String(), before)
			}
		}
	}
}
