package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// DOT draws the network's forward graph in Graphviz's language: boxes for what
// is bound (input, parameters, state), ovals for ops, a frame around each
// layer, and every arrow labelled with the shape that flows along it.
func (m *Model) DOT() string {
	var b strings.Builder
	b.WriteString("digraph network {\n\trankdir=TB;\n\tnode [fontname=\"Helvetica\", fontsize=11];\n\tedge [fontname=\"Helvetica\", fontsize=9];\n")
	nodes := m.b.graph.ExactSubgraphRoots(m.results()...).AllNodes()
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	framed := m.drawLayers(&b, nodes)
	for _, n := range nodes {
		if !framed[n] {
			b.WriteString("\t" + drawNode(n))
		}
	}
	for _, n := range nodes {
		drawEdges(&b, m.b.graph, n)
	}
	b.WriteString("}\n")
	return b.String()
}

// drawLayers writes a frame for each layer and returns the nodes inside.
func (m *Model) drawLayers(b *strings.Builder, nodes gorgonia.Nodes) map[*gorgonia.Node]bool {
	framed := map[*gorgonia.Node]bool{}
	for i, l := range m.b.layers {
		fmt.Fprintf(b, "\tsubgraph cluster_%d {\n\t\tlabel=%q; labeljust=l; color=gray; fontname=\"Helvetica\"; fontsize=11;\n", i, l.Path)
		for _, n := range nodes {
			if l.nodes.Contains(n) {
				b.WriteString("\t\t" + drawNode(n))
				framed[n] = true
			}
		}
		b.WriteString("\t}\n")
	}
	return framed
}

func drawNode(n *gorgonia.Node) string {
	if n.Op() == nil {
		return fmt.Sprintf("n%d [shape=box, style=filled, fillcolor=\"#eef3fb\", label=\"%s\\n%v\"];\n", n.ID(), baseName(n.Name()), n.Shape())
	}
	return fmt.Sprintf("n%d [shape=oval, label=%q];\n", n.ID(), n.Op().String())
}

func drawEdges(b *strings.Builder, g *gorgonia.ExprGraph, n *gorgonia.Node) {
	operands := g.From(n.ID())
	for operands.Next() {
		from := operands.Node().(*gorgonia.Node)
		fmt.Fprintf(b, "\tn%d -> n%d [label=\"%v\"];\n", from.ID(), n.ID(), from.Shape())
	}
}

// baseName is the last part of a path.
func baseName(path string) string { return path[strings.LastIndex(path, "/")+1:] }
