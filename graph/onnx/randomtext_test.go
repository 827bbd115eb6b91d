package onnx

import (
	"fmt"
	"strings"
	"testing"
)

// smallest is the part of a graph up to its first value that is wrong, in text.
func smallest(t *testing.T, r *randomRun) string {
	t.Helper()
	var all []*randomRun
	elems := map[string]int64{}
	for _, v := range r.g.values {
		elems[v.name] = v.elem
	}
	for _, n := range r.g.nodes {
		for _, out := range n.Outputs {
			all = append(all, newRandomRun(r.g, r.seed, randomValue{name: out}))
		}
	}
	answerAll(t, all)
	for _, some := range all {
		for _, v := range some.verdicts() {
			if v.kind == wrong {
				return v.text + "\n" + described(some.file)
			}
		}
	}
	return "the whole graph:\n" + described(r.file)
}

// described is a file in text.
func described(file []byte) string {
	var p modelProto
	if err := unmarshal(file, &p); err != nil {
		return err.Error()
	}
	var b strings.Builder
	in := p.Graph.Inputs[0].Type.Tensor
	fmt.Fprintf(&b, "opset %d, input of type %d %v\n", p.Opsets[0].Version, in.Elem, in.Shape.Dims)
	short := func(t *tensorProto) string {
		c, err := t.constant()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("type %d %v %.60v", t.Type, c.shape, fmt.Sprint(c.ints, c.floats))
	}
	for i := range p.Graph.Initializers {
		fmt.Fprintf(&b, "  %s = %s\n", p.Graph.Initializers[i].Name, short(&p.Graph.Initializers[i]))
	}
	for _, n := range p.Graph.Nodes {
		fmt.Fprintf(&b, "  %s = %s(%s)", strings.Join(n.Outputs, ", "), n.Op, strings.Join(n.Inputs, ", "))
		for _, a := range n.Attributes {
			switch a.Type {
			case attrInts:
				fmt.Fprintf(&b, " %s=%v", a.Name, a.Ints)
			case attrInt:
				fmt.Fprintf(&b, " %s=%d", a.Name, a.Int)
			case attrFloat:
				fmt.Fprintf(&b, " %s=%g", a.Name, a.Float)
			case attrFloats:
				fmt.Fprintf(&b, " %s=%v", a.Name, a.Floats)
			case attrString:
				fmt.Fprintf(&b, " %s=%s", a.Name, a.String)
			case attrTensor:
				fmt.Fprintf(&b, " %s=%s", a.Name, short(a.Tensor))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
