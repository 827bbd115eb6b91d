// Package draw draws networks: as SVG, and in Graphviz's language.
//
//	model, err := graph.Build(layer, graph.Infer, 1, 28, 28)
//	svg := draw.SVG(model.Nodes())
//
// A drawing shows what [graph.Model.Nodes] lists, and nothing else: the forward
// graph as it runs, with fused ops in one. [graph.Options.NoFusion] shows each
// op by itself.
package draw

import (
	"fmt"
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

func shapeText(n graph.Node) string { return fmt.Sprint(n.Shape) }

// isTensor reports whether a node is a tensor that is bound, not an op.
func isTensor(n graph.Node) bool { return n.Op == "" }
