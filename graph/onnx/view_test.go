package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
)

// array is a value that is written out: the plain twin of a view.
type array struct {
	shape []int
	at    []int // for each element its place in the node
}

// picked is an array of another shape: place sets the position from of each
// position to.
func (a array) picked(shape []int, place func(to, from []int)) array {
	b := array{shape: slices.Clone(shape)}
	to, from := make([]int, len(shape)), make([]int, len(a.shape))
	for range product(shape) {
		place(to, from)
		b.at = append(b.at, a.at[offset(a.shape, from)])
		next(to, shape)
	}
	return b
}

// elements are where the elements of a view lie.
func (v view) elements() []int {
	at := []int{v.from}
	for _, r := range slices.Concat(v.dims...) {
		outer := at
		at = nil
		for _, from := range outer {
			for i := range r.size {
				at = append(at, from+i*r.step)
			}
		}
	}
	return at
}

// change is one random change of a view, and the same of its twin. ok is false
// if the view cannot have it without a copy.
func change(r *rand.Rand, v view, a array) (_ view, _ array, ok bool) {
	switch axis := r.IntN(len(a.shape)); r.IntN(4) {
	case 0:
		perm := r.Perm(len(a.shape))
		to := make([]int, len(perm))
		for i, p := range perm {
			to[i] = a.shape[p]
		}
		return v.permuted(perm), a.picked(to, func(to, from []int) {
			for i, p := range perm {
				from[p] = to[i]
			}
		}), true
	case 1:
		to := otherShape(r, product(a.shape))
		w, ok := v.reshaped(to)
		return w, array{to, a.at}, ok
	case 2:
		c := newCut(a.shape[axis], r.IntN(a.shape[axis]), 1+r.IntN(a.shape[axis]), 1+r.IntN(2))
		if c.size == 0 {
			return v, a, false
		}
		w, ok := v.cut(axis, c)
		to := slices.Clone(a.shape)
		to[axis] = c.size
		return w, a.picked(to, func(to, from []int) {
			copy(from, to)
			from[axis] = c.start + to[axis]*c.step
		}), ok
	default:
		to := slices.Clone(a.shape)
		if product(to) > 200 || to[axis] > 1 {
			return v, a, false
		}
		to[axis] = 2
		to = append([]int{1 + r.IntN(2)}, to...)
		return v.expanded(to), a.picked(to, func(to, from []int) {
			copy(from, to[1:])
			from[axis] = 0
		}), true
	}
}

// otherShape is a random shape of so many elements.
func otherShape(r *rand.Rand, size int) (shape []int) {
	for size > 1 && len(shape) < 5 {
		d := 1 + r.IntN(size)
		for size%d != 0 {
			d--
		}
		shape, size = append(shape, d), size/d
	}
	return append(shape, size)
}

// TestView: any sequence of changes has the elements that its twin has.
func TestView(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		shape := []int{1 + r.IntN(3), 1 + r.IntN(4), 2 + 2*r.IntN(3), 1 + r.IntN(6)}
		v, a := plainView(shape), array{shape: shape}
		for i := range product(shape) {
			a.at = append(a.at, i)
		}
		for range 1 + r.IntN(6) {
			w, b, ok := change(r, v, a)
			if !ok {
				continue
			}
			if v, a = w, b; !slices.Equal(v.shape(), a.shape) || !slices.Equal(v.elements(), a.at) {
				t.Fatalf("seed %d: view %v of %v has elements %v, want %v of %v", seed, v, shape, v.elements(), a.at, a.shape)
			}
		}
		sorted := slices.Sorted(slices.Values(a.at))
		all := len(slices.Compact(sorted)) == product(shape) && len(a.at) == product(shape)
		if got := v.rearranged(shape); got != all && (got || v.from == 0 && factorsNest(v)) {
			t.Errorf("seed %d: view %v of %v is rearranged: %v, want %v", seed, v, shape, got, all)
		}
		if got, want := v.plain(product(shape)), slices.Equal(a.at, sorted) && all; got != want {
			t.Errorf("seed %d: view %v of %v is plain: %v, want %v", seed, v, shape, got, want)
		}
		built(t, seed, v, a, shape)
	}
}

// factorsNest reports whether no dimension of 1 hides what a view is.
func factorsNest(v view) bool {
	return !slices.ContainsFunc(slices.Concat(v.dims...), func(r run) bool { return r.size == 1 || r.step == 0 })
}

// built compares what the builder makes of a view with its twin, as a value and
// through each of the ways that ops read one.
func built(t *testing.T, seed uint64, v view, a array, shape []int) {
	t.Helper()
	if seed%10 != 0 {
		return // building takes longer
	}
	ways := map[string]func(b *builder, x *value) *value{
		"node": func(b *builder, x *value) *value { return valueOf(b.node(x)) },
		"each": func(b *builder, x *value) *value {
			return each(func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.unary("Abs", x) })(b, x)
		},
		"factor":  func(b *builder, x *value) *value { return x.times(-1).times(-1) },
		"reshape": func(b *builder, x *value) *value { return b.shaped(b.shaped(x, []int{product(a.shape)}), a.shape) },
		"twice": func(b *builder, x *value) *value {
			return b.product(b.sum(x, x), &value{constant: constant{floats: []float32{0.5}}})
		},
		"repeated": func(b *builder, x *value) *value {
			zeros := b.s.Constant("zeros", make([]float32, a.shape[0]), append([]int{a.shape[0]}, slices.Repeat([]int{1}, len(a.shape)-1)...)...)
			return b.sum(x, valueOf(zeros))
		},
		"rows": func(b *builder, x *value) *value {
			n, back := b.rows(x)
			return back(n)
		},
	}
	for name, way := range ways {
		layer := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			b := &builder{Model: &Model{opset: 13}, s: s, batch: 1 << 10, budget: maxIndices, now: &nodeProto{Outputs: []string{"y"}},
				numbers: map[float64]*gorgonia.Node{}, taken: map[string]bool{}, values: map[string]*value{}}
			y := b.node(way(b, &value{node: x, view: v}))
			if y == nil {
				return s.Errorf("no node")
			}
			return s.Node(gorgonia.Reshape(y, tensor.Shape{1, product(a.shape)}))
		})
		m, err := graph.Options{Loss: graph.MSE{}}.Build(layer, graph.Infer, shape...)
		if err != nil {
			t.Fatalf("seed %d: %s of view %v of %v: %v", seed, name, v, shape, err)
		}
		for i := range m.Input.Float32s() {
			m.Input.Float32s()[i] = float32(i)
		}
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
		for i, y := range m.Output().Float32s() {
			if y != float32(a.at[i]) {
				t.Fatalf("seed %d: %s of view %v of %v has %v at %d, want %d", seed, name, v, shape, y, i, a.at[i])
			}
		}
	}
}

// TestViewOps: what networks write as several operators becomes the op that says
// it shortest, or none.
func TestViewOps(t *testing.T) {
	transpose := func(perm ...int) func(v view) view { return func(v view) view { return v.permuted(perm) } }
	reshape := func(shape ...int) func(v view) view {
		return func(v view) view {
			w, ok := v.reshaped(shape)
			if !ok {
				t.Fatalf("%v takes a copy to become %v", v, shape)
			}
			return w
		}
	}
	part := func(axis, start, size int) func(v view) view {
		return func(v view) view {
			w, ok := v.cut(axis, cut{start, 1, size})
			if !ok {
				t.Fatalf("%v takes a copy to be cut", v)
			}
			return w
		}
	}
	tests := []struct {
		name    string
		shape   []int
		changes []func(v view) view
		want    []string
	}{
		{"there and back", []int{2, 3, 4, 5}, []func(v view) view{transpose(0, 2, 3, 1), transpose(0, 3, 1, 2)}, nil},
		{"tokens of an image", []int{2, 3, 4, 5}, []func(v view) view{reshape(2, 3, 20), transpose(0, 2, 1)}, []string{"Reshape", "Transpose"}},
		{"channels last", []int{2, 3, 4, 5}, []func(v view) view{transpose(0, 2, 3, 1)}, []string{"Permute [0 2 3 1]"}},
		{"one channel last", []int{2, 1, 4, 5}, []func(v view) view{transpose(0, 2, 3, 1)}, []string{"Reshape"}},
		{"one sample to the middle", []int{1, 3, 4}, []func(v view) view{transpose(1, 0, 2)}, []string{"Reshape"}},
		{"shuffled channels", []int{2, 6, 4, 5}, []func(v view) view{reshape(2, 2, 3, 4, 5), transpose(0, 2, 1, 3, 4), reshape(2, 6, 4, 5)}, []string{"PickChannels 6 of 6"}},
		{"half of shuffled channels", []int{2, 8, 4, 5}, []func(v view) view{reshape(2, 2, 4, 4, 5), transpose(0, 2, 1, 3, 4), reshape(2, 8, 4, 5), part(1, 0, 4)}, []string{"PickChannels 4 of 8"}},
		{"first token", []int{2, 5, 8}, []func(v view) view{part(1, 0, 1), reshape(2, 8)}, []string{"PickChannels 1 of 5", "Reshape"}},
		{"first token of one sample", []int{1, 5, 8}, []func(v view) view{part(1, 0, 1), reshape(1, 8)}, []string{"PickChannels 1 of 5", "Reshape"}},
		{"windows", []int{2, 4, 6, 3}, []func(v view) view{reshape(2, 2, 2, 2, 3, 3), transpose(0, 1, 3, 2, 4, 5), reshape(8, 6, 3)}, []string{"Reshape", "Permute [0 1 3 2 4 5]", "Reshape"}},
		{"for each sample", []int{1, 1, 3}, []func(v view) view{func(v view) view { return v.expanded([]int{4, 1, 3}) }}, []string{"Expand"}},
		{"a part of rows", []int{2, 3, 8}, []func(v view) view{part(2, 2, 4)}, []string{"Strided"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := plainView(tt.shape)
			for _, c := range tt.changes {
				v = c(v)
			}
			m, err := graph.Options{Loss: graph.MSE{}}.Build(graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				b := &builder{s: s, batch: tt.shape[0], budget: maxIndices, now: &nodeProto{}}
				return b.node(&value{node: x, view: v})
			}), graph.Infer, tt.shape...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range m.Nodes() {
				if n.Op != "" {
					got = append(got, n.Op)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v of %v becomes %q, want %q", v, tt.shape, got, tt.want)
			}
		})
	}
}

func (v view) String() string { return fmt.Sprintf("%d+%v", v.from, v.dims) }
