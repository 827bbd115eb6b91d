package onnx

import (
	"slices"
)

// randomOwnShape computes with the numbers of a value's shape.
func randomOwnShape(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem == typeBool || x.elem == typeHalf {
		return x, false
	}
	v := g.values[g.IntN(len(g.values))]
	i := g.IntN(len(v.shape))
	if !g.open && i == v.at && g.IntN(4) > 0 {
		return x, false
	}
	shape := g.node("Shape", []string{v.name})
	one := g.node("Gather", []string{shape, g.wholes(typeInt64, []int{1}, i)})
	if x.elem != typeInt64 {
		one = g.node("Cast", []string{one}, attributeInt("to", int(x.elem)))
	}
	kind := g.pick("Add", "Mul", "Sub")
	y := randomValue{name: one, elem: x.elem, shape: []int{1}, at: -1, exact: true, bound: 64}
	z, ok := g.binary(kind, x, y)
	if z.bound = x.bound + 64; kind == "Mul" {
		z.bound = x.bound * 64
	}
	return z, ok && z.small()
}

func randomPad(g *randomGraph, x randomValue) (randomValue, bool) {
	if x.elem != typeFloat {
		return x, false
	}
	n := len(x.shape)
	pads, to := make([]int, 2*n), slices.Clone(x.shape)
	mode := g.pick("constant", "edge", "reflect")
	for i, d := range x.shape {
		if i == x.at || g.IntN(2) == 0 {
			continue
		}
		for side := range 2 {
			p := g.IntN(3)
			if mode == "reflect" {
				p = min(p, d-1)
			} else if g.IntN(5) == 0 && to[i] > 1 && mode == "constant" {
				p = -1
			}
			pads[side*n+i] = p
			to[i] += p
		}
	}
	if slices.Min(to) < 1 {
		return x, false
	}
	m := attributeProto{Name: "mode", Type: attrString, String: mode}
	y := x.withShape("", to, x.at)
	if mode == "constant" {
		y.bound = max(y.bound, 2)
	}
	if g.opset < 11 {
		y.name = g.node("Pad", []string{x.name}, m, attributeInts("pads", pads...), attributeFloat("value", 1.5))
		return y, true
	}
	in := []string{x.name, "", "", ""}
	if mode == "constant" && g.IntN(2) == 0 {
		in[2] = g.weights(typeFloat, true).name
		y.bound, y.grid = max(y.bound, 4), max(y.grid, 2)
	}
	if g.opset >= 18 && g.IntN(2) == 0 {
		var axes, some []int
		for i := range n {
			if pads[i] != 0 || pads[n+i] != 0 {
				axes = append(axes, i)
			}
		}
		for side := range 2 {
			for _, a := range axes {
				some = append(some, pads[side*n+a])
			}
		}
		if len(axes) > 0 {
			pads, in[3] = some, g.list(listOfNumbers(axes...))
		}
	}
	in[1] = g.list(listOfNumbers(pads...))
	y.name = g.node("Pad", in, m)
	return y, true
}

func randomSpace(g *randomGraph, x randomValue) (randomValue, bool) {
	if len(x.shape) != 4 || x.elem != typeFloat || x.at > 0 {
		return x, false
	}
	s := x.shape
	if s[2]%2 == 0 && s[3]%2 == 0 && g.IntN(2) == 0 {
		return x.withShape(g.node("SpaceToDepth", []string{x.name}, attributeInt("blocksize", 2)), []int{s[0], s[1] * 4, s[2] / 2, s[3] / 2}, x.at), true
	}
	if s[1]%4 != 0 {
		return x, false
	}
	a := []attributeProto{attributeInt("blocksize", 2)}
	if g.opset >= 11 {
		a = append(a, attributeProto{Name: "mode", Type: attrString, String: g.pick("DCR", "CRD")})
	}
	return x.withShape(g.node("DepthToSpace", []string{x.name}, a...), []int{s[0], s[1] / 4, s[2] * 2, s[3] * 2}, x.at), true
}

func randomTrilu(g *randomGraph, x randomValue) (randomValue, bool) {
	if g.opset < 14 || len(x.shape) < 2 || x.elem != typeFloat {
		return x, false
	}
	in := []string{x.name, ""}
	if g.IntN(2) == 0 {
		in[1] = g.wholes(typeInt64, nil, g.IntN(5)-2)
	}
	return x.withShape(g.node("Trilu", in, attributeInt("upper", g.IntN(2))), x.shape, x.at), true
}
