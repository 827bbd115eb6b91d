package graph

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// LayerInfo describes a layer in one graph.
type LayerInfo struct {
	Path    string       // the beginning of its parameters' names, as in "residual/conv2d_1"
	Output  tensor.Shape // of its last node
	Ops     []string     // its nodes, in order
	Params  int          // number of values that training changes
	State   int          // number of other values that belong to it, such as running means
	MulAdds int          // multiply-adds of one forward run
	Fused   string       // the op that does the work of the layer's last op and of ops before it, "" for none

	nodes gorgonia.Nodes
}

// Layers lists the layers that have nodes or parameters of their own.
func (m *Model) Layers() []LayerInfo {
	infos := make([]LayerInfo, len(m.b.layers))
	for i, l := range m.b.layers {
		infos[i] = *l
	}
	return infos
}

// outputOf is the last node of the layer with that path, nil for none.
func (m *Model) outputOf(path string) (last *gorgonia.Node) {
	for _, l := range m.b.layers {
		for _, n := range l.nodes {
			if l.Path == path && n.Op() != nil {
				last = n
			}
		}
	}
	return last
}

// paths names the layers that have an output.
func (m *Model) paths() string {
	var paths []string
	for _, l := range m.b.layers {
		if m.outputOf(l.Path) != nil {
			paths = append(paths, l.Path)
		}
	}
	return strings.Join(paths, ", ")
}

// Summary is the network as a table: a line for each layer with its output's
// shape, its parameters and the multiply-adds of a forward run for each sample
// of the batch, and their sums.
func (m *Model) Summary() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\toutput\tparameters\tmultiply-adds per sample")
	fmt.Fprintf(w, "input\t%v\t0\t0\n", m.Input.Shape())
	var params, state, mulAdds int
	batch := m.Input.Shape()[0]
	for _, l := range m.b.layers {
		fmt.Fprintf(w, "%s\t%v\t%s\t%s\n", l.Path, l.Output, Thousands(l.Params), Thousands(l.MulAdds/batch))
		params += l.Params
		state += l.State
		mulAdds += l.MulAdds
	}
	fmt.Fprintf(w, "total\t\t%s\t%s\n", Thousands(params), Thousands(mulAdds/batch))
	w.Flush()
	if state > 0 {
		fmt.Fprintf(&b, "and %s values of state\n", Thousands(state))
	}
	for _, l := range m.b.layers {
		if l.Fused != "" {
			fmt.Fprintf(&b, "%s runs as %s\n", l.Path, l.Fused)
		}
	}
	return b.String()
}

// Thousands writes 1234567 as 1,234,567, as Summary has its numbers.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
