package draw_test

import (
	"fmt"

	"tapenet/graph"
	"tapenet/graph/draw"
)

// Graphviz makes a picture of it: dot -Tsvg network.dot > network.svg. SVG
// draws one without.
func ExampleDOT() {
	m, err := graph.Build(graph.Dense{Units: 2, NoBias: true}, graph.Infer, 1, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(draw.DOT(m.Nodes()))
	// Output:
	// digraph network {
	// 	rankdir=TB;
	// 	node [fontname="Helvetica", fontsize=11];
	// 	edge [fontname="Helvetica", fontsize=9];
	// 	subgraph cluster_0 {
	// 		label="dense"; labeljust=l; color=gray; fontname="Helvetica"; fontsize=11;
	// 		n1 [shape=box, style=filled, fillcolor="#eef3fb", label="weight\n(3, 2)"];
	// 		n2 [shape=oval, label="Dense (Mul)"];
	// 	}
	// 	n0 [shape=box, style=filled, fillcolor="#eef3fb", label="input\n(1, 3)"];
	// 	n3 [shape=oval, label="SoftMax"];
	// 	n0 -> n2 [label="(1, 3)"];
	// 	n1 -> n2 [label="(3, 2)"];
	// 	n2 -> n3 [label="(1, 2)"];
	// }
}
