package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// LayerInfo describes a layer in one graph.
type LayerInfo struct {
	Path    string       // the beginning of its parameters' names, as in "residual/conv2d_1"; of a part the name of an operator in a file
	Kind    string       // of a part the operator, as the file calls it; otherwise ""
	Output  tensor.Shape // of its last node
	Ops     []string     // its nodes, in order
	Params  int          // number of values that training changes
	State   int          // number of other values that belong to it, such as running means
	MulAdds int          // multiply-adds of one forward run
	Fused   string       // the op that does the work of the layer's last op and of ops before it, "" for none
	With    []string     // paths of the other layers whose work it does too, in order

	nodes  gorgonia.Nodes
	listed bool
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
func (b *builder) outputOf(path string) (last *gorgonia.Node) {
	for _, l := range b.layers {
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
		if m.b.outputOf(l.Path) != nil {
			paths = append(paths, l.Path)
		}
	}
	return strings.Join(paths, ", ")
}

// Summary is the network as a table: a line for each layer with its output's
// shape, its parameters and the multiply-adds of a forward run for each sample
// of the batch, and their sums. The parts of a layer that a file describes have a
// line each too, with the file's operators. Below are the ops that do the work of
// several.
func (m *Model) Summary() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(kind, title string, cells ...any) {
		if slices.ContainsFunc(m.b.layers, func(l *LayerInfo) bool { return l.Kind != "" }) {
			title += "\t" + kind
		}
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\n", append([]any{title}, cells...)...)
	}
	row("operator", "layer", "output", "parameters", "multiply-adds per sample")
	row("", "input", m.Input.Shape(), 0, 0)
	var params, state, mulAdds int
	batch := m.Input.Shape()[0]
	for _, l := range m.b.layers {
		row(l.Kind, l.Path, l.Output, Thousands(l.Params), Thousands(l.MulAdds/batch))
		params += l.Params
		state += l.State
		mulAdds += l.MulAdds
	}
	row("", "total", "", Thousands(params), Thousands(mulAdds/batch))
	w.Flush()
	if state > 0 {
		fmt.Fprintf(&b, "and %s values of state\n", Thousands(state))
	}
	for _, l := range m.b.layers {
		if l.Fused != "" {
			fmt.Fprintf(&b, "%s as %s\n", l.together(), l.Fused)
		}
	}
	return b.String()
}

// together says that a layer runs, and for a part of a file's network with which others
// in one op.
func (l *LayerInfo) together() string {
	if l.Kind == "" || len(l.With) == 0 {
		return l.Path + " runs"
	}
	return strings.Join(append(slices.Clone(l.With), l.Path), ", ") + " run"
}

// Thousands writes 1234567 as 1,234,567, as Summary has its numbers.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
