package onnx

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// resizing is how Resize changes one dimension.
type resizing struct {
	from, to   int
	scale      float64
	start, end float64 // the part of the image that tf_crop_and_resize takes, of 1
	mode       string
}

// importResize changes the size of dimensions, one after the other: each is a product
// with a matrix that has the weights of the pixels, or for the nearest pixel a choice.
func importResize(b *builder, x *gorgonia.Node) *gorgonia.Node {
	all, ok := b.resizings(x.Shape())
	if !ok {
		return nil
	}
	for axis, r := range all {
		if x == nil || r.from == r.to && r.scale == 1 && r.mode != "tf_crop_and_resize" {
			continue
		}
		x = b.resized(x, axis, r)
	}
	return x
}

// resizings reads the sizes or the scales, whichever there are.
func (b *builder) resizings(s []int) (all []resizing, ok bool) {
	at := map[bool][3]int{true: {1, -1, -1}, false: {2, 3, 1}}[b.now.Op == "Upsample" || b.opset < 11] // scales, sizes, roi
	scales, scaled := b.weightsAt(at[0])
	if a := b.attribute("scales"); a != nil && !scaled {
		scales, scaled = a.Floats, true
	}
	var sizes []int
	sized := false
	if at[1] > 0 {
		sizes, sized = b.ints(at[1])
	}
	roi, _ := b.weightsAt(at[2])
	axes := b.attrInts("axes")
	if axes == nil {
		for i := range s {
			axes = append(axes, i)
		}
	}
	given := len(sizes)
	if scaled = scaled && len(scales) > 0; scaled {
		given = len(scales)
	}
	if !scaled && (!sized || len(sizes) == 0) || given != len(axes) {
		b.fail("scales %v and sizes %v of %v, want constants, one for each dimension", scales, sizes, s)
		return nil, false
	}
	mode := b.attrText("coordinate_transformation_mode")
	if policy := b.attrText("keep_aspect_ratio_policy"); policy != "" && policy != "stretch" || mode == "tf_crop_and_resize" && len(roi) != 2*len(axes) {
		b.fail("keep_aspect_ratio_policy %.64q, or no roi, want stretch", policy)
		return nil, false
	}
	for _, d := range s {
		all = append(all, resizing{from: d, to: d, scale: 1})
	}
	for i, a := range axes {
		if a, ok = b.axis(a, len(s)); !ok {
			return nil, false
		}
		r := &all[a]
		if r.mode = mode; mode == "tf_crop_and_resize" {
			r.start, r.end = float64(roi[i]), float64(roi[len(axes)+i])
		}
		if scaled {
			r.scale = float64(scales[i])
			r.to = int(math.Floor(float64(r.from) * r.scale))
		} else {
			r.to = sizes[i]
			r.scale = float64(r.to) / float64(r.from)
		}
		if !(r.scale > 0) || r.to < 1 || r.to > maxSize {
			b.fail("dimension %d of %v becomes %d, want a positive number", a, s, r.to)
			return nil, false
		}
	}
	return all, true
}

// weightsAt are the values of a constant of floats, a weight or not.
func (b *builder) weightsAt(i int) (v []float32, ok bool) {
	if i < 0 {
		return nil, false
	}
	return b.floats(i)
}

// place is where pixel i of the result lies in the image.
func (r resizing) place(i int) float64 {
	x, length := float64(i), float64(r.from)
	switch r.mode {
	case "asymmetric":
		return x / r.scale
	case "align_corners":
		if r.to == 1 {
			return 0
		}
		return x * (length - 1) / float64(r.to-1)
	case "pytorch_half_pixel":
		if r.to == 1 {
			return 0
		}
	case "half_pixel_symmetric":
		whole := r.scale * length
		return length/2*(1-float64(r.to)/whole) + (x+0.5)/r.scale - 0.5
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / r.scale
	case "tf_crop_and_resize":
		if r.to == 1 {
			return 0.5 * (r.start + r.end) * (length - 1)
		}
		return r.start*(length-1) + x*(r.end-r.start)*(length-1)/float64(r.to-1)
	}
	return (x+0.5)/r.scale - 0.5
}

// resized changes the size of one dimension.
func (b *builder) resized(x *gorgonia.Node, axis int, r resizing) *gorgonia.Node {
	if b.now.Op == "Upsample" || b.opset < 11 {
		r.mode = "asymmetric"
	}
	s := x.Shape().Clone()
	to := s.Clone()
	to[axis] = r.to
	if !b.fits(to) {
		return nil
	}
	weights, bias := b.weightsOf(r)
	if weights == nil {
		return nil
	}
	last := slices.Clone(s)
	var perm []int
	for i := range s {
		perm = append(perm, i)
	}
	perm[axis], perm[len(s)-1] = len(s)-1, axis
	last[axis], last[len(s)-1] = last[len(s)-1], r.to
	name := b.unused(b.now.Outputs[0] + "/weights")
	w := b.s.Constant(name, weights, r.from, r.to)
	x = b.permute(x, perm)
	if x == nil || w == nil {
		return nil
	}
	var extra *gorgonia.Node
	if bias != nil {
		extra = b.s.Constant(b.unused(name+"/outside"), bias, r.to)
	}
	return b.permute(b.do(op.Mul(x, w, extra)), perm)
}

// weightsOf is a matrix (from,to) with the part that each pixel of the image has in
// each of the result, and what pixels outside of the image are.
func (b *builder) weightsOf(r resizing) (w, outside []float32) {
	if r.from > maxIndices/r.to || !b.indexed(r.from*r.to) {
		b.fail("a dimension of %d becomes %d, want less", r.from, r.to)
		return nil, nil
	}
	w = make([]float32, r.from*r.to)
	column := make([]float64, r.from)
	for i := range r.to {
		x := r.place(i)
		if r.mode == "tf_crop_and_resize" && (x < 0 || x > float64(r.from-1)) {
			if outside == nil {
				outside = make([]float32, r.to)
			}
			outside[i] = float32(b.attrFloat("extrapolation_value", 0))
			continue
		}
		clear(column)
		if !b.parts(x, r, column) {
			return nil, nil
		}
		for k, v := range column {
			w[k*r.to+i] = float32(v)
		}
	}
	return w, outside
}

// parts sets what each pixel of a line has in one at place x.
func (b *builder) parts(x float64, r resizing, column []float64) bool {
	last := r.from - 1
	stretch := 1.0 // of the filter, so that it sees all pixels of a smaller image
	if b.attrInt("antialias", 0) != 0 {
		stretch = max(1, 1/r.scale)
	}
	var reach float64
	var filter func(d float64) float64
	switch mode := b.attrText("mode"); mode {
	case "", "nearest":
		k, ok := b.nearest(x, r)
		column[min(max(k, 0), last)] = 1
		return ok
	case "linear", "bilinear":
		reach, filter = 1, func(d float64) float64 { return max(0, 1-math.Abs(d)) }
	case "cubic":
		a := b.attrFloat("cubic_coeff_a", -0.75)
		reach, filter = 2, func(d float64) float64 { return cubic(math.Abs(d), a) }
	default:
		b.fail("mode %.64q, want nearest, linear or cubic", mode)
		return false
	}
	exclude, sum := b.attrInt("exclude_outside", 0) != 0, 0.0
	for k := int(math.Ceil(x - reach*stretch)); float64(k) <= x+reach*stretch; k++ {
		if exclude && (k < 0 || k > last) {
			continue
		}
		v := filter((float64(k) - x) / stretch)
		column[min(max(k, 0), last)] += v
		sum += v
	}
	for k := range column {
		if column[k] != 0 {
			column[k] /= sum
		}
	}
	return true
}

// nearest is the pixel that is nearest to a place.
func (b *builder) nearest(x float64, r resizing) (k int, ok bool) {
	mode := b.attrText("nearest_mode")
	if b.now.Op == "Upsample" || b.opset < 11 {
		mode = "floor"
		if r.scale < 1 {
			mode = "ceil"
		}
	}
	switch mode {
	case "", "round_prefer_floor":
		return int(math.Ceil(x - 0.5)), true
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5)), true
	case "floor":
		return int(math.Floor(x)), true
	case "ceil":
		return int(math.Ceil(x)), true
	}
	b.fail("nearest_mode %.64q", mode)
	return 0, false
}

// cubic is Keys' filter (1981) with coefficient a, at a distance.
func cubic(d, a float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}
