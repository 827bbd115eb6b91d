package onnx

import (
	"slices"
)

func randomMatMul(g *randomGraph, x randomValue) (randomValue, bool) {
	n := len(x.shape)
	if n < 2 || x.elem != typeFloat || x.at == n-1 || x.bound > 1e4 {
		return x, false
	}
	k, cols := x.shape[n-1], 1+g.IntN(5)
	y := x
	y.exact, y.bound = false, x.bound*3
	to := slices.Clone(x.shape)
	to[n-1] = cols
	switch g.IntN(5) {
	case 0: // with its own transpose
		if x.at >= n-2 {
			return x, false
		}
		perm := make([]int, n)
		for i := range perm {
			perm[i] = i
		}
		perm[n-1], perm[n-2] = n-2, n-1
		t := g.node("Transpose", []string{x.name}, attributeInts("perm", perm...))
		to[n-1] = x.shape[n-2]
		y.bound = x.bound * x.bound * float64(k)
		return y.withShape(g.node("MatMul", []string{x.name, t}), to, x.at), true
	case 1: // a weight for each of a batch, or of several
		batch := slices.Clone(x.shape[:n-2])
		for i := range batch {
			if i == x.at || g.IntN(2) == 0 {
				batch[i] = 1
			}
		}
		w := g.weights(typeFloat, false, append(batch, k, cols)...)
		return y.withShape(g.node("MatMul", []string{x.name, w.name}), to, x.at), true
	case 2: // from the left
		if x.at >= n-2 {
			return x, false
		}
		w := g.weights(typeFloat, false, cols, x.shape[n-2])
		to[n-1], to[n-2] = k, cols
		return y.withShape(g.node("MatMul", []string{w.name, x.name}), to, x.at), true
	case 3: // with a vector
		if x.at >= n-1 {
			return x, false
		}
		w := g.weights(typeFloat, false, k)
		return y.withShape(g.node("MatMul", []string{x.name, w.name}), to[:n-1], x.at), true
	}
	w := g.weights(typeFloat, false, k, cols)
	return y.withShape(g.node("MatMul", []string{x.name, w.name}), to, x.at), true
}

func randomGemm(g *randomGraph, x randomValue) (randomValue, bool) {
	if len(x.shape) != 2 || x.elem != typeFloat || x.at == 1 && g.open || x.bound > 1e4 {
		return x, false
	}
	rows, k, cols := x.shape[0], x.shape[1], 1+g.IntN(5)
	var a []attributeProto
	if x.at != 0 && g.IntN(2) == 0 {
		a = append(a, attributeInt("transA", 1))
		rows, k = k, rows
	}
	w := []int{k, cols}
	if g.IntN(2) == 0 {
		w = []int{cols, k}
		a = append(a, attributeInt("transB", 1))
	}
	in := []string{x.name, g.weights(typeFloat, false, w...).name, ""}
	if g.IntN(2) == 0 || g.opset < 11 {
		in[2] = g.weights(typeFloat, false, [][]int{{cols}, {1, cols}, {1}, {}}[g.IntN(4)]...).name
		a = append(a, attributeFloat("beta", 0.5))
	}
	if g.IntN(2) == 0 {
		a = append(a, attributeFloat("alpha", -1.5))
	}
	y := x.withShape(g.node("Gemm", in, a...), []int{rows, cols}, x.at)
	y.exact, y.bound = false, x.bound*4
	if rows != x.shape[0] {
		y.at = -1
	}
	return y, true
}

func randomEinsum(g *randomGraph, x randomValue) (randomValue, bool) {
	if g.opset < 12 || x.elem != typeFloat || x.bound > 1e3 || x.at > 0 {
		return x, false
	}
	var equation string
	var w, to []int
	s, d := x.shape, 1+g.IntN(4)
	switch len(s) {
	case 2:
		equation, w, to = g.pick("nc,cd->nd", "n c , c d -> n d"), []int{s[1], d}, []int{s[0], d}
		if g.IntN(2) == 0 {
			equation, w = "nc,dc->nd", []int{d, s[1]}
		}
	case 3:
		equation, w, to = "ntc,cd->ntd", []int{s[2], d}, []int{s[0], s[1], d}
		if g.IntN(2) == 0 {
			equation, w, to = "ntc,td->ncd", []int{s[1], d}, []int{s[0], s[2], d}
		}
	case 4:
		equation, w, to = "nhtc,hcd->nhtd", []int{s[1], s[3], d}, []int{s[0], s[1], s[2], d}
		if g.IntN(2) == 0 {
			equation, w, to = "nchw,cd->ndhw", []int{s[1], d}, []int{s[0], d, s[2], s[3]}
		}
	default:
		return x, false
	}
	y := x.withShape(g.node("Einsum", []string{x.name, g.weights(typeFloat, false, w...).name}, attributeProto{Name: "equation", Type: attrString, String: equation}), to, x.at)
	y.exact, y.bound = false, x.bound*4
	return y, true
}

func randomResize(g *randomGraph, x randomValue) (randomValue, bool) {
	if len(x.shape) != 4 || !x.image() || x.at != 0 {
		return x, false
	}
	mode := attributeProto{Name: "mode", Type: attrString, String: g.pick("nearest", "linear")}
	scales, to := make([]float32, 4), slices.Clone(x.shape)
	for i := range scales {
		if scales[i] = 1; i > 1 {
			scales[i] = []float32{1, 2, 3, 0.5}[g.IntN(4)]
		}
		to[i] = int(float32(to[i]) * scales[i])
	}
	if slices.Min(to) < 1 {
		return x, false
	}
	y := x.withShape("", to, x.at)
	y.exact = y.exact && mode.String == "nearest"
	name := g.name()
	if g.opset < 11 {
		kind := "Upsample"
		if g.opset >= 10 {
			kind = "Resize"
		}
		if g.opset < 9 {
			a := attributeProto{Name: "scales", Type: attrFloats, Floats: scales}
			y.name = g.node(kind, []string{x.name}, mode, a)
			return y, slices.Min(scales) >= 1
		}
		g.constant(tensorProto{Name: name, Type: typeFloat, Dims: []int64{4}, Floats: scales})
		y.name = g.node(kind, []string{x.name, name}, mode)
		return y, slices.Min(scales) >= 1 || kind == "Resize"
	}
	if g.IntN(3) == 0 {
		mode.String = "cubic"
		y.exact, y.bound = false, x.bound*2
	}
	a := []attributeProto{mode, {Name: "coordinate_transformation_mode", Type: attrString, String: g.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")}}
	if mode.String == "nearest" {
		a = append(a, attributeProto{Name: "nearest_mode", Type: attrString, String: g.pick("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")})
	}
	g.constant(tensorProto{Name: name, Type: typeFloat, Dims: []int64{4}, Floats: scales})
	in := []string{x.name, "", name, ""}
	if g.opset < 13 { // both are there, one of them empty
		in[1] = g.wholes(typeFloat, []int{0})
	}
	if g.IntN(2) == 0 {
		in[2], in[3] = "", g.list(listOfShape(to, x.at))
		if g.opset < 13 {
			in[2] = in[1]
		}
	}
	y.name = g.node("Resize", in, a...)
	return y, true
}
