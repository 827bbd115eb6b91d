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
// layer, and every arrow labelled with the shape that flows along it.
func (m *Model) DOT() string {
	var b strings.Builder
	b.WriteString("digraph network {\n\trankdir=TB;\n\tnode [fontname=\"Helvetica\", fontsize=11];\n\tedge [fontname=\"Helvetica\", fontsize=9];\n")
	nodes := m.drawn()
	m.dotLayers(&b, nodes)
	for _, n := range nodes {
		if m.layerOf(n) == "" {
			b.WriteString("\t" + dotNode(n))
		}
	}
	for _, n := range nodes {
		for _, from := range op.Operands(n) {
			fmt.Fprintf(&b, "\tn%d -> n%d [label=\"%v\"];\n", from.ID(), n.ID(), from.Shape())
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

// dotLayers writes a frame for each layer that has nodes left: another layer's
// op may do the work of all of them.
func (m *Model) dotLayers(b *strings.Builder, nodes gorgonia.Nodes) {
	for i, l := range m.b.layers {
		if l.Path == "" || !slices.ContainsFunc(nodes, l.nodes.Contains) {
			continue
		}
		fmt.Fprintf(b, "\tsubgraph cluster_%d {\n\t\tlabel=%q; labeljust=l; color=gray; fontname=\"Helvetica\"; fontsize=11;\n", i, l.Path)
		for _, n := range nodes {
			if l.nodes.Contains(n) {
				b.WriteString("\t\t" + dotNode(n))
			}
		}
		b.WriteString("\t}\n")
	}
}

func dotNode(n *gorgonia.Node) string {
	if n.Op() == nil {
		return fmt.Sprintf("n%d [shape=box, style=filled, fillcolor=\"#eef3fb\", label=\"%s\\n%v\"];\n", n.ID(), baseName(n.Name()), n.Shape())
	}
	return fmt.Sprintf("n%d [shape=oval, label=%q];\n", n.ID(), opText(n))
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
