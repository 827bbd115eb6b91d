// Package draw draws networks: as SVG, and in Graphviz's language.
//
//	model, err := graph.Build(layer, graph.Infer, 1, 28, 28)
//	svg := draw.SVG(model.Nodes())
//
// A drawing shows what [graph.Model.Nodes] lists, and nothing else: the forward
// graph as it runs, with fused ops in one. [graph.Options.NoFusion] shows each
// op by itself.
//
// [SVG] is for people: a page or two for a deep network too. [DOT] has every node.
package draw

import (
	"fmt"
	"strconv"
	"strings"

	"tapenet/graph"
)

// opText is the op as a drawing shows it. The product with a weight is better
// known as Dense.
func opText(n graph.Node) string {
	if n.Op == "Mul" || strings.HasPrefix(n.Op, "Mul+") {
		return "Dense (" + n.Op + ")"
	}
	return n.Op
}

// short is the text of an op with equal numbers said once: "stride 2x2" is "stride 2", and "stride 1x1" and
// "pad 0,0,0,0" are nothing.
func short(text string) string {
	fields := strings.Fields(text)
	var kept []string
	for i := 0; i < len(fields); i++ {
		name := fields[i]
		if i+1 == len(fields) || name != "stride" && name != "pad" && name != "dilation" {
			kept = append(kept, once(name, "x"))
			continue
		}
		i++
		value := once(once(fields[i], "x"), ",")
		if value == "0" || value == "1" && name != "pad" {
			continue
		}
		kept = append(kept, name, value)
	}
	return strings.Join(kept, " ")
}

// once is the number that a list of equal numbers has, or the list as it is.
func once(list, separator string) string {
	all := strings.Split(list, separator)
	for _, v := range all {
		if _, err := strconv.Atoi(v); err != nil || v != all[0] {
			return list
		}
	}
	return all[0]
}

func shapeText(n graph.Node) string { return fmt.Sprint(n.Shape) }

// isTensor reports whether a node is a tensor that is bound, not an op.
func isTensor(n graph.Node) bool { return n.Op == "" }

// split is the first part of a layer's path, and the rest. ONNX's paths begin with a slash.
func split(path string) (top, rest string) {
	top, rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return top, rest
}

// unitTitle says what is drawn once.
func (c *cell) unitTitle() string {
	from, _ := split(c.first().Layer)
	to, _ := split(c.last)
	if from == "" || from == to {
		return fmt.Sprintf("%d times", c.times)
	}
	return fmt.Sprintf("%s to %s: %d times", from, to, c.times)
}
