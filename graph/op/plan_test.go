package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// network is a graph of ops, made at random, and what is asked of it.
type network struct {
	*op.Sequence
	results gorgonia.Nodes
}

// newNetwork makes the network of a seed: sums, activations, products, pieces
// joined, views, of any values that there are, and if wanted the gradients of a
// loss. The same seed gives the same numbers.
func newNetwork(t *testing.T, seed uint64, gradients bool) network {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	g := gorgonia.NewGraph()
	wrt := gorgonia.Nodes{bind(g, "x", graphtest.Random("x", 1, 4, 6)), bind(g, "w", graphtest.Random("w", 2, 6, 6))}
	values := gorgonia.Nodes{wrt[0]}
	for range 4 + r.IntN(12) {
		a, b := values[r.IntN(len(values))], values[len(values)-1]
		y, err := randomOp(r, a, b, wrt[1])
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, y)
	}
	y, err := op.Mul(values[len(values)-1], wrt[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	results := gorgonia.Nodes{y, values[r.IntN(len(values))]}
	if gradients {
		cost := squared(t, y)
		grads, err := gorgonia.Grad(cost, wrt...)
		if err != nil {
			t.Fatal(err)
		}
		results = append(append(results, cost), grads...)
	}
	live, err := gorgonia.Sort(g.ExactSubgraphRoots(results...))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(live)
	s, _, _, err := op.NewSequence(live)
	if err != nil || s == nil {
		t.Fatalf("sequence %v, error %v", s, err)
	}
	return network{s, results}
}

// randomOp returns a node of shape (4,6), like its operands a and b.
func randomOp(r *rand.Rand, a, b, w node) (node, error) {
	reshaped := func(y node, err error) (node, error) {
		if err != nil {
			return nil, err
		}
		return op.Reshape(y, 4, 6)
	}
	switch r.IntN(7) {
	case 0:
		return op.Add(a, b)
	case 1:
		return op.Add(b, a, b)
	case 2:
		return op.GELU(b)
	case 3:
		return op.Mul(b, w, nil)
	case 4:
		return op.SoftMax(b)
	case 5:
		return reshaped(op.Reshape(b, 2, 12))
	}
	y, err := op.Concat(1, a, b) // (4,12)
	if err != nil {
		return nil, err
	}
	if y, err = op.Reshape(y, 4, 1, 2, 6); err != nil {
		return nil, err
	}
	return reshaped(op.MaxPool2D(y, op.Pool{KH: 2, KW: 1}))
}

// TestPlanChangesNothing: values that share memory are the same bits, whatever the
// memory holds before a run.
func TestPlanChangesNothing(t *testing.T) {
	for seed := range uint64(100) {
		for _, gradients := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d/gradients %v", seed, gradients), func(t *testing.T) {
				plain, planned := newNetwork(t, seed, gradients), newNetwork(t, seed, gradients)
				planned.Compile(planned.results, op.Options{})
				if _, err := plain.Do(); err != nil {
					t.Fatal(err)
				}
				for run := range 2 {
					planned.Poison()
					if _, err := planned.Do(); err != nil {
						t.Fatal(err)
					}
					for i, n := range plain.results {
						got, want := floatsOf(planned.Value(planned.results[i])), floatsOf(plain.Value(n))
						if !slices.Equal(got, want) {
							t.Fatalf("run %d: result %d is %v, want %v", run, i, got, want)
						}
					}
				}
				if n := testing.AllocsPerRun(5, func() { planned.Do() }); n > 0 {
					t.Errorf("%v allocations a run, want 0", n)
				}
			})
		}
	}
}

// floatsOf are the elements of a value.
func floatsOf(v gorgonia.Value) []float64 {
	if f, ok := v.(*gorgonia.F64); ok {
		return []float64{float64(*f)}
	}
	return floats(v.(dense))
}

// TestPlanOverlap: no two results that are alive at the same time share a byte, and
// the arena holds them all without being larger than all of them together.
func TestPlanOverlap(t *testing.T) {
	shared := 0
	for seed := range uint64(100) {
		s := newNetwork(t, seed, true)
		s.Compile(s.results, op.Options{})
		lives, size := s.Placed()
		sum := 0
		for i, a := range lives {
			if a.First > a.Last || a.At < 0 || a.At%64 != 0 || a.At+a.Size > size {
				t.Fatalf("seed %d: %+v in an arena of %d bytes", seed, a, size)
			}
			sum += (a.Size + 63) / 64 * 64
			for _, b := range lives[:i] {
				apart := a.At+a.Size <= b.At || b.At+b.Size <= a.At
				if together := a.First <= b.Last && b.First <= a.Last; together && !apart {
					t.Fatalf("seed %d: %+v and %+v overlap", seed, a, b)
				} else if !apart {
					shared++
				}
			}
		}
		if size > sum {
			t.Errorf("seed %d: an arena of %d bytes for results of %d", seed, size, sum)
		}
	}
	if shared == 0 {
		t.Error("no results share memory")
	}
}

// TestPlanKeeps: results are the same tensors at every run, share no memory, and so
// is a result that is a view.
func TestPlanKeeps(t *testing.T) {
	g := gorgonia.NewGraph()
	nodes := gorgonia.Nodes{bind(g, "x", graphtest.Random("x", 1, 2, 6))}
	for i := range 6 {
		y, err := op.GELU(nodes[len(nodes)-1])
		if i == 2 {
			y, err = op.Reshape(nodes[len(nodes)-1], 3, 4)
		}
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, y)
	}
	s, _, _, err := op.NewSequence(nodes)
	if err != nil {
		t.Fatal(err)
	}
	view := nodes[3]
	s.Compile(gorgonia.Nodes{view}, op.Options{})
	if _, err := s.Do(); err != nil {
		t.Fatal(err)
	}
	kept, last := s.Value(view).(dense), s.Value(nodes[6]).(dense)
	want := floats(kept)
	s.Poison()
	if !slices.Equal(floats(kept), want) {
		t.Error("the view of a result shares the memory of other values")
	}
	if slices.ContainsFunc(floats(last), math.IsNaN) {
		t.Error("the last value shares the memory of other values")
	}
	if _, err := s.Do(); err != nil {
		t.Fatal(err)
	}
	if s.Value(view) != kept || s.Value(nodes[6]) != last {
		t.Error("a second run gives other tensors")
	}
	if !slices.Equal(floats(kept), want) {
		t.Error("a second run gives other values")
	}
	results, values, _ := s.Bytes()
	if want := 2 * 12 * 8; results != want {
		t.Errorf("results take %d bytes, want %d", results, want)
	}
	if want := 2 * 128; values != want { // each is 96 bytes, and two are alive at a time
		t.Errorf("values take %d bytes, want %d", values, want)
	}
}

// TestPlanOfADeepChain: without gradients two neighbouring values are alive.
func TestPlanOfADeepChain(t *testing.T) {
	g := gorgonia.NewGraph()
	w := bind(g, "w", graphtest.Random("w", 1, 8, 8, 3, 3))
	nodes := gorgonia.Nodes{bind(g, "x", graphtest.Random("x", 1, 2, 8, 10, 10)), w}
	y := nodes[0]
	for range 40 {
		var err error
		if y, err = op.Conv2d(y, w, nil, op.Conv{Pad: op.Padding{Top: 1, Bottom: 1, Left: 1, Right: 1}}); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, y)
	}
	s, _, _, err := op.NewSequence(nodes)
	if err != nil {
		t.Fatal(err)
	}
	s.Compile(nil, op.Options{})
	if lives, size := s.Placed(); len(lives) != 39 || size != 2*2*8*10*10*8 {
		t.Errorf("%d values in %d bytes, want 39 in those of two", len(lives), size)
	}
}

// TestDyOnly: ops that are said to have a backward pass without operands do.
func TestDyOnly(t *testing.T) {
	seen := 0
	for _, test := range every {
		g := gorgonia.NewGraph()
		var nodes gorgonia.Nodes
		var values, spoiled []gorgonia.Value
		for i, x := range test.op.In {
			nodes = append(nodes, bind(g, string(rune('a'+i)), x))
			values = append(values, x)
			nan := tensor.New(tensor.Of(x.Dtype()), tensor.WithShape(x.Shape()...))
			if err := nan.Memset(math.NaN()); err != nil {
				t.Fatal(err)
			}
			spoiled = append(spoiled, nan)
		}
		y, err := test.op.F(nodes...)
		if err != nil {
			t.Fatal(err)
		}
		if !op.DyOnly(y) {
			continue
		}
		seen++
		grads, err := gorgonia.Grad(squared(t, y), nodes[0])
		if err != nil {
			t.Fatal(err)
		}
		out, err := y.Op().Do(values...)
		if err != nil {
			t.Fatal(err)
		}
		dy := graphtest.Random("dy", 3, y.Shape()...)
		gradient := func(operands []gorgonia.Value) []float64 {
			if _, err := op.Operands(grads[0])[0].Op().Do(append(slices.Clone(operands), out, dy)...); err != nil {
				t.Fatal(err)
			}
			v, err := grads[0].Op().Do(dy)
			if err != nil {
				t.Fatal(err)
			}
			return floats(v.(dense))
		}
		want := gradient(values)
		if got := gradient(spoiled); !slices.Equal(got, want) {
			t.Errorf("%s: the gradient depends on the operands", test.name)
		}
	}
	if seen != 35 {
		t.Errorf("%d ops, want 35", seen)
	}
}
