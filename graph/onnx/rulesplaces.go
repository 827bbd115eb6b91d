package onnx

import (
	"cmp"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// arrangeCumSum sums along an axis up to each position, as a product with a triangle of
// ones.
func arrangeCumSum(b *builder, x *value) *value {
	s := x.shape()
	at, ok := b.ints(1)
	if !ok || len(at) != 1 {
		b.fail("an axis that is computed, want one constant")
		return nil
	}
	axis, ok := b.axis(at[0], len(s))
	if !ok {
		return nil
	}
	n := s[axis]
	if _, ok := b.room([]int{n, n}); !ok {
		return nil
	}
	least := 0 // how much further than the summed position is the sum's
	if b.attrInt("exclusive", 0) != 0 {
		least = 1
	}
	reverse := b.attrInt("reverse", 0) != 0
	ones := constant{shape: []int{n, n}, floats: make([]float32, n*n)}
	for from := range n {
		for to := range n {
			further := to - from
			if reverse {
				further = -further
			}
			if further >= least {
				ones.floats[from*n+to] = 1
			}
		}
	}
	perm := exchanged(len(s), axis)
	y := b.matMul(b.viewed(x, x.view.permuted(perm)), b.held(&value{constant: ones, name: b.unused(b.now.Outputs[0] + "/ones")}), nil)
	if y == nil {
		return nil
	}
	return b.viewed(y, y.view.permuted(perm))
}

// exchanged exchanges an axis with the last, which undoes itself.
func exchanged(dims, axis int) []int {
	perm := make([]int, dims)
	for i := range perm {
		perm[i] = i
	}
	perm[axis], perm[dims-1] = dims-1, axis
	return perm
}

// maxTop is the most numbers that TopK may ask for: each is found by itself.
const maxTop = 64

// arrangeTopK has the largest numbers along an axis, or the smallest, and their places;
// of equal ones the first.
func arrangeTopK(b *builder, x *value) *value {
	s, k := x.shape(), []int{b.attrInt("k", 0)}
	if v, ok := b.ints(1); ok {
		k = v
	}
	axis, ok := b.axis(b.attrInt("axis", -1), len(s))
	if !ok || len(k) != 1 || k[0] < 1 || k[0] > min(maxTop, s[axis]) {
		b.fail("k %v along axis %d of %v, want one constant from 1 to %d that is there", k, axis, s, maxTop)
		return nil
	}
	largest := b.attrInt("largest", 1) != 0
	results := make([]*value, min(2, len(b.now.Outputs)))
	for which := range results {
		var all []*value
		for i := range k[0] {
			all = append(all, b.shaped(valueOf(b.do(op.Across(b.node(x), axis, top(i, largest, which == 1)))), reducedShape(s, []int{axis}, false)))
		}
		y := b.stacked(all, axis)
		if y == nil {
			return nil
		}
		if results[which] = y; which == 1 && b.now.Outputs[1] != "" {
			y.elem, y.name = typeInt64, b.now.Outputs[1]
			b.values[y.name] = y
		}
	}
	return results[0]
}

// top is the number of a rank, or its place.
func top(rank int, largest, place bool) op.Reduction {
	at := func(v []float64) int {
		order := make([]int, len(v))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int {
			if largest {
				i, j = j, i
			}
			return cmp.Compare(v[i], v[j])
		})
		return order[rank]
	}
	o := own("Top", op.Attribute{Name: "rank", Value: float64(rank)}, op.Attribute{Name: "largest", Value: float64(truth(largest))}, op.Attribute{Name: "place", Value: float64(truth(place))})
	if place {
		return op.Reduction{Name: "TopPlace", Operator: o, F: func(v []float64) float64 { return float64(at(v)) }}
	}
	return op.Reduction{Name: "Top", Operator: o, F: func(v []float64) float64 { return v[at(v)] }, D: func(v, d []float64) { d[at(v)] = 1 }}
}

// exportTop writes one of the largest numbers along an axis, or its place.
func (e *exporter) exportTop(x string, o *op.Operator, axis int) string {
	a := map[string]float64{}
	for _, attribute := range o.Attributes {
		a[attribute.Name] = attribute.Value
	}
	rank := int(a["rank"])
	values := e.emit("TopK", []string{x, e.shape(rank + 1)}, attributeInt("axis", axis), attributeInt("largest", int(a["largest"])))
	n, places := &e.graph.Nodes[len(e.graph.Nodes)-1], e.unique(values+"_places")
	if n.Outputs = append(n.Outputs, places); a["place"] != 0 {
		values = e.asFloat(places)
	}
	index := e.unique("shape")
	e.initializer(tensorProto{Name: index, Type: typeInt64, Int64s: []int64{int64(rank)}}, uint64(rank))
	return e.emit("Gather", []string{values, index}, attributeInt("axis", axis))
}

// looked picks slices along an axis by computed numbers, as a table of embeddings is
// read: a product with a matrix that has a 1 in each row, at the place of its number. A
// number that is no place gives NaN.
func (b *builder) looked(x, places *value, axis int) *value {
	s, n := x.shape(), x.shape()[axis]
	if _, ok := b.room([]int{n}); !ok || places == nil {
		return nil
	}
	row := constant{shape: []int{n}, floats: make([]float32, n)}
	for i := range row.floats {
		row.floats[i] = float32(i)
	}
	size := float64(n)
	rows := b.combined(op.Reduction{
		Name: "Place", Operator: own("Place", op.Attribute{Name: "size", Value: size}),
		F: func(v []float64) float64 {
			if v[0] < 0 {
				v[0] += size
			}
			if !(v[0] >= 0 && v[0] < size) {
				return math.NaN()
			}
			return float64(truth(v[0] == v[1]))
		},
	}, b.shaped(places, append(slices.Clone(places.shape()), 1)), &value{constant: row, name: b.unused(b.now.Outputs[0] + "/places")})
	perm := []int{axis}
	for i := range s {
		if i != axis {
			perm = append(perm, i)
		}
	}
	rest := slices.Delete(slices.Clone(s), axis, axis+1)
	y := b.matMul(rows, b.shaped(b.viewed(x, x.view.permuted(perm)), []int{n, product(rest)}), nil)
	if y = b.shaped(y, slices.Concat(places.shape(), rest)); y == nil {
		return nil
	}
	back, k := []int{}, len(places.shape())
	for i := range axis {
		back = append(back, k+i)
	}
	for i := range k {
		back = append(back, i)
	}
	for i := axis; i < len(rest); i++ {
		back = append(back, k+i)
	}
	return b.viewed(y, y.view.permuted(back))
}

// arrangeHardmax is 1 at the first of the largest numbers along an axis, and 0 elsewhere.
// Before version 13 all dimensions from the axis on are one.
func arrangeHardmax(b *builder, x *value) *value {
	return b.softMax(x, func(x *gorgonia.Node) (*gorgonia.Node, error) { return b.hardest(x) })
}

// hardest is Hardmax of rows.
func (b *builder) hardest(x *gorgonia.Node) (*gorgonia.Node, error) {
	s := x.Shape()
	places := valueOf(b.do(op.Across(x, len(s)-1, top(0, true, true))))
	if places == nil {
		return nil, b.s.Err()
	}
	n := s[len(s)-1]
	row := constant{shape: []int{n}, floats: make([]float32, n)}
	for i := range row.floats {
		row.floats[i] = float32(i)
	}
	equal := op.Reduction{Name: "Equal", Operator: own("Equal"), F: func(v []float64) float64 { return float64(truth(v[0] == v[1])) }}
	y := b.combined(equal, b.shaped(places, append(slices.Clone(places.shape()), 1)), &value{constant: row, name: b.unused(b.now.Outputs[0] + "/places")})
	return b.node(y), b.s.Err()
}

// arrangeGather picks whole slices along an axis by constant numbers: one of them,
// or some at regular distances, is a view.
func arrangeGather(b *builder, x *value) *value {
	s := x.shape()
	axis, ok := b.axis(b.attrInt("axis", 0), len(s))
	if !ok {
		return nil
	}
	picked, ok := b.ints(1)
	switch {
	case !ok && b.value(1) != nil:
		return b.looked(x, b.held(b.value(1)), axis)
	case len(picked) == 0:
		b.fail("no indices, want one or more")
		return nil
	}
	shape := b.value(1).constant.shape
	for i, k := range picked {
		if picked[i], ok = b.axis(k, s[axis]); !ok {
			return nil
		}
	}
	flat, to := slices.Clone(s), slices.Concat(s[:axis], shape, s[axis+1:])
	flat[axis] = len(picked)
	if c, ok := cutOf(picked); ok {
		if v, ok := x.view.cut(axis, c); ok {
			return b.shaped(&value{node: x.node, view: v, waits: x.waits, scale: x.scale}, to)
		}
	}
	skip := min(axis, 1)
	y := b.gather(b.node(x), skip == 1, 0, flat, func(to, from []int) bool {
		copy(from, to)
		from[axis-skip] = picked[to[axis-skip]]
		return true
	})
	if y == nil {
		return nil
	}
	return b.shaped(valueOf(y), to)
}

// cutOf is the cut that picks the given positions.
func cutOf(picked []int) (c cut, ok bool) {
	c = cut{picked[0], 1, len(picked)}
	if len(picked) > 1 {
		c.step = picked[1] - picked[0]
	}
	for i, k := range picked {
		if k != c.start+i*c.step || c.step < 1 {
			return c, false
		}
	}
	return c, true
}
