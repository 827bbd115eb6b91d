package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// DOT describes the network's forward graph in Graphviz's language: boxes for
// what is bound (input, parameters, state), ovals for ops, a frame around each
// layer, and every arrow labelled with the shape that flows along it. Nodes are
// numbered in the order of Nodes.
func (m *Model) DOT() string {
	var b strings.Builder
	b.WriteString("digraph network {\n\trankdir=TB;\n\tnode [fontname=\"Helvetica\", fontsize=11];\n\tedge [fontname=\"Helvetica\", fontsize=9];\n")
	nodes := m.drawn()
	m.dotFrames(&b, nodes)
	for i, n := range nodes {
		if m.layerOf(n) == "" {
			b.WriteString("\t" + dotNode(i, n))
		}
	}
	for i, n := range nodes {
		for _, from := range op.Operands(n) {
			fmt.Fprintf(&b, "\tn%d -> n%d [label=\"%v\"];\n", slices.Index(nodes, from), i, from.Shape())
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// drawn lists the nodes of the forward graph, operands first.
func (m *Model) drawn() gorgonia.Nodes {
	nodes := m.b.graph.ExactSubgraphRoots(m.results()...).AllNodes()
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	return nodes
}

// layerOf is the path of the layer that made a node, "" for none.
func (m *Model) layerOf(n *gorgonia.Node) string {
	for _, l := range m.b.layers {
		if l.nodes.Contains(n) {
			return l.Path
		}
	}
	return ""
}

// dotFrames writes a frame for each layer that has nodes, in the order of their
// first ones.
func (m *Model) dotFrames(b *strings.Builder, nodes gorgonia.Nodes) {
	var layers []string
	for _, n := range nodes {
		if layer := m.layerOf(n); layer != "" && !slices.Contains(layers, layer) {
			layers = append(layers, layer)
		}
	}
	for frame, layer := range layers {
		fmt.Fprintf(b, "\tsubgraph cluster_%d {\n\t\tlabel=%q; labeljust=l; color=gray; fontname=\"Helvetica\"; fontsize=11;\n", frame, layer)
		for i, n := range nodes {
			if m.layerOf(n) == layer {
				b.WriteString("\t\t" + dotNode(i, n))
			}
		}
		b.WriteString("\t}\n")
	}
}

func dotNode(i int, n *gorgonia.Node) string {
	if n.Op() == nil {
		return fmt.Sprintf("n%d [shape=box, style=filled, fillcolor=\"#eef3fb\", label=\"%s\\n%v\"];\n", i, baseName(n.Name()), n.Shape())
	}
	return fmt.Sprintf("n%d [shape=oval, label=%q];\n", i, opText(n))
}

// opText is the op as a drawing shows it. The product with a weight is better
// known as Dense.
func opText(n *gorgonia.Node) string {
	text := n.Op().String()
	if text == "Mul" || strings.HasPrefix(text, "Mul+") {
		return "Dense (" + text + ")"
	}
	return text
}

// baseName is the last part of a path.
func baseName(path string) string { return path[strings.LastIndex(path, "/")+1:] }
