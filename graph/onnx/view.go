package onnx

import (
	"cmp"
	"slices"

	"tapenet/graph/op"
)

// view is a value that no op has computed: elements of a node in another order.
// Transpose, Reshape, Slice, Expand and their like make views. Several of them, one
// after the other, are one view; often it shows the node's elements unchanged, and
// costs nothing. Otherwise the elements are copied once, where an op needs them, or a
// product reads them in place.
type view struct {
	from int     // the first element in the node's memory
	dims [][]run // of each dimension: its elements, the outer run first; none for a dimension of 1
}

// run is a number of elements at a regular distance, 0 where they repeat.
type run struct{ size, step int }

// plainView is a node as it is.
func plainView(shape []int) view {
	v := view{dims: make([][]run, len(shape))}
	step := 1
	for i, d := range slices.Backward(shape) {
		if d > 1 {
			v.dims[i] = []run{{d, step}}
		}
		step *= d
	}
	return v
}

// shape is the shape of the value.
func (v view) shape() []int {
	shape := make([]int, len(v.dims))
	for i, d := range v.dims {
		shape[i] = sizeOf(d)
	}
	return shape
}

func sizeOf(runs []run) int {
	size := 1
	for _, r := range runs {
		size *= r.size
	}
	return size
}

// joined joins neighbouring runs that are one run in memory, and leaves out runs of
// size 1.
func joined(runs []run) []run {
	var out []run
	for _, r := range runs {
		switch n := len(out); {
		case r.size == 1:
		case n > 0 && out[n-1].step == r.size*r.step:
			out[n-1] = run{out[n-1].size * r.size, r.step}
		default:
			out = append(out, r)
		}
	}
	return out
}

// runs lists the runs of all dimensions, joined.
func (v view) runs() []run { return joined(slices.Concat(v.dims...)) }

// plain reports whether the view is a tensor of the given size as it is, but for
// its shape.
func (v view) plain(size int) bool {
	r := v.runs()
	return v.from == 0 && (len(r) == 0 && size == 1 || len(r) == 1 && r[0] == run{size, 1})
}

// rearranged reports whether the view has each element of a tensor, and each once.
func (v view) rearranged(of []int) bool {
	_, ok := v.factors(of)
	return ok
}

// factors are the runs in the order of the tensor's memory, if they are all of it.
func (v view) factors(of []int) (sorted []run, ok bool) {
	for _, d := range v.dims {
		sorted = append(sorted, samples(joined(d), of)...)
	}
	slices.SortStableFunc(sorted, func(a, b run) int { return cmp.Compare(b.step, a.step) })
	step := 1
	for _, r := range slices.Backward(sorted) {
		if r.step != step {
			return nil, false
		}
		step *= r.size
	}
	return sorted, v.from == 0 && step == product(of)
}

// samples cuts a run that goes from one sample of a tensor to the next: into one
// of samples and one within them.
func samples(runs []run, of []int) []run {
	if len(of) < 2 {
		return runs
	}
	sample := product(of[1:])
	for i, r := range runs {
		if r.step < 1 || r.step >= sample || sample%r.step != 0 {
			continue
		}
		if inner := sample / r.step; r.size > inner && r.size%inner == 0 {
			return slices.Concat(runs[:i], []run{{r.size / inner, sample}, {inner, r.step}}, runs[i+1:])
		}
	}
	return runs
}

func product(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

// permuted puts dimension perm[i] in place i.
func (v view) permuted(perm []int) view {
	dims := make([][]run, len(perm))
	for i, a := range perm {
		dims[i] = v.dims[a]
	}
	return view{v.from, dims}
}

// reshaped gives the value another shape of the same size. ok is false if that
// takes a copy.
func (v view) reshaped(shape []int) (_ view, ok bool) {
	rest, dims := v.runs(), make([][]run, len(shape))
	for i, d := range shape {
		for d > 1 {
			r := &rest[0]
			switch {
			case d%r.size == 0:
				dims[i], d, rest = append(dims[i], *r), d/r.size, rest[1:]
			case r.size%d == 0:
				inner := r.size / d
				dims[i] = append(dims[i], run{d, r.step * inner})
				r.size, d = inner, 1
			default:
				return v, false
			}
		}
	}
	return view{v.from, dims}, true
}

// cut takes positions of one dimension: so many from start on, step apart. ok is
// false if that takes a copy.
func (v view) cut(axis int, c cut) (_ view, ok bool) {
	if c.step < 0 && c.size > 1 {
		return v, false
	}
	from, runs, ok := cutRuns(joined(v.dims[axis]), c)
	if !ok {
		return v, false
	}
	dims := slices.Clone(v.dims)
	dims[axis] = runs
	return view{v.from + from, dims}, true
}

// cutRuns cuts the runs of a dimension.
func cutRuns(runs []run, c cut) (from int, rest []run, ok bool) {
	if len(runs) == 0 { // of 1
		return 0, nil, c.start == 0 && c.size == 1
	}
	outer, inner := runs[0], sizeOf(runs[1:])
	last := c.start + (c.size-1)*c.step
	switch {
	case c.start/inner == last/inner: // within one position of the outer run
		if inner == 1 {
			return c.start * outer.step, nil, true
		}
		from, rest, ok = cutRuns(runs[1:], cut{c.start % inner, c.step, c.size})
		return from + c.start/inner*outer.step, rest, ok
	case inner == 1:
		return c.start * outer.step, []run{{c.size, c.step * outer.step}}, true
	case c.step == 1 && c.start%inner == 0 && c.size%inner == 0:
		return c.start / inner * outer.step, append([]run{{c.size / inner, outer.step}}, runs[1:]...), true
	}
	return 0, nil, false
}

// expanded repeats the value along dimensions of 1, and along new ones in front.
// The shape is one that it can have.
func (v view) expanded(shape []int) view {
	more := len(shape) - len(v.dims)
	dims := append(make([][]run, more), v.dims...)
	for i, d := range shape {
		if d > 1 && len(joined(dims[i])) == 0 {
			dims[i] = []run{{d, 0}}
		}
	}
	return view{v.from, dims}
}

// unary reports whether every dimension is one run, and returns package op's
// view of the value.
func (v view) unary() (o op.View, ok bool) {
	o.From = v.from
	for _, d := range v.dims {
		r := joined(d)
		if len(r) > 1 {
			return o, false
		}
		r = append(r, run{1, 1})
		o.Shape, o.Steps = append(o.Shape, r[0].size), append(o.Steps, r[0].step)
	}
	return o, true
}

// equal reports whether two views of tensors of one size are the same.
func (v view) equal(w view) bool {
	return v.from == w.from && slices.Equal(v.shape(), w.shape()) && slices.Equal(v.runs(), w.runs())
}
