package draw

import (
	"fmt"
	"slices"
	"strings"

	"tapenet/graph"
)

// DOT describes a network's forward graph in Graphviz's language: boxes for
// what is bound (input, parameters, state), ovals for ops, a frame around each
// layer, and every arrow labelled with the shape that flows along it. A node's
// number is its index in nodes.
func DOT(nodes []graph.Node) string {
	var b strings.Builder
	b.WriteString("digraph network {\n\trankdir=TB;\n\tnode [fontname=\"Helvetica\", fontsize=11];\n\tedge [fontname=\"Helvetica\", fontsize=9];\n")
	dotLayers(&b, nodes)
	index := map[string]int{}
	for i, n := range nodes {
		index[n.Name] = i
		if n.Layer == "" {
			b.WriteString("\t" + dotNode(i, n))
		}
	}
	for i, n := range nodes {
		for _, operand := range n.Inputs {
			from := index[operand]
			fmt.Fprintf(&b, "\tn%d -> n%d [label=\"%v\"];\n", from, i, nodes[from].Shape)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotLayers writes a frame for each layer that has nodes: another layer's op
// may do the work of all of them.
func dotLayers(b *strings.Builder, nodes []graph.Node) {
	for frame, layer := range layersOf(nodes) {
		fmt.Fprintf(b, "\tsubgraph cluster_%d {\n\t\tlabel=%q; labeljust=l; color=gray; fontname=\"Helvetica\"; fontsize=11;\n", frame, layer)
		for i, n := range nodes {
			if n.Layer == layer {
				b.WriteString("\t\t" + dotNode(i, n))
			}
		}
		b.WriteString("\t}\n")
	}
}

// layersOf lists the layers that have nodes, in the order of their first ones.
func layersOf(nodes []graph.Node) (layers []string) {
	for _, n := range nodes {
		if n.Layer != "" && !slices.Contains(layers, n.Layer) {
			layers = append(layers, n.Layer)
		}
	}
	return layers
}

func dotNode(i int, n graph.Node) string {
	if isTensor(n) {
		return fmt.Sprintf("n%d [shape=box, style=filled, fillcolor=\"#eef3fb\", label=\"%s\\n%v\"];\n", i, baseName(n.Name), n.Shape)
	}
	return fmt.Sprintf("n%d [shape=oval, label=%q];\n", i, opText(n))
}

// baseName is the last part of a path.
func baseName(path string) string { return path[strings.LastIndex(path, "/")+1:] }
