package graph

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// fuseNodes fuses ops as nodes. It leaves a graph without gradients and without ops of
// other packages alone: there the program fuses.
func (m *Model) fuseNodes(wrt gorgonia.Nodes) error {
	if m.b.opts.NoFusion {
		return nil
	}
	if len(wrt) == 0 {
		live, err := gorgonia.Sort(m.b.graph.ExactSubgraphRoots(m.results()...))
		if err != nil {
			return fmt.Errorf("graph: fuse: %w", err)
		}
		if op.Ours(live) {
			return nil
		}
	}
	return m.fuse()
}

// showFusions tells the layers which op does their work, if it does others' too.
func (m *Model) showFusions() {
	layers := map[*gorgonia.Node]*LayerInfo{}
	for _, l := range m.b.layers {
		for _, n := range l.nodes {
			if layers[n] == nil {
				layers[n] = l
			}
		}
	}
	for t := range m.sequence.Times() {
		if len(t.Nodes) < 2 || layers[t.Nodes[0]] == nil {
			continue
		}
		l := layers[t.Nodes[0]]
		l.Fused, l.With = t.Op, nil
		for _, n := range slices.Backward(t.Nodes) {
			if other := layers[n]; other != nil && other != l && !slices.Contains(l.With, other.Path) {
				l.With = append(l.With, other.Path)
			}
		}
	}
}

// fuse replaces chains of nodes of the forward graph by nodes that do the work
// of several, see [op.Fuse]. It runs when the layers are built and before the
// gradients are: the fused ops have their own.
func (m *Model) fuse() error {
	live, err := gorgonia.Sort(m.b.graph.ExactSubgraphRoots(m.results()...))
	if err != nil {
		return fmt.Errorf("graph: fuse: %w", err)
	}
	f := fuser{fusions: map[*gorgonia.Node]*op.Fusion{}, now: map[*gorgonia.Node]*gorgonia.Node{}}
	f.plan(live, m.results())
	slices.Reverse(live) // operands first
	for _, n := range live {
		if err := f.replace(n); err != nil {
			return fmt.Errorf("graph: fuse: %w", err)
		}
	}
	for _, result := range []**gorgonia.Node{&m.output, &m.prediction, &m.cost, &m.watched, &m.images} {
		if *result != nil {
			*result = f.now[*result]
		}
	}
	for _, l := range m.b.layers {
		f.update(l)
	}
	return nil
}

// fuser rewrites a graph. Nodes that are replaced stay in it, unused.
type fuser struct {
	fusions map[*gorgonia.Node]*op.Fusion     // by their last node; nil for an inner one
	now     map[*gorgonia.Node]*gorgonia.Node // what stands for a node
}

// plan finds the fusions, the longest first: it gets the results first.
func (f *fuser) plan(live, results gorgonia.Nodes) {
	uses := map[*gorgonia.Node]int{}
	for _, n := range results {
		uses[n]++
	}
	for _, n := range live {
		for _, operand := range op.Operands(n) {
			uses[operand]++
		}
	}
	once := func(n *gorgonia.Node) bool { return uses[n] == 1 }
	for _, n := range live {
		if _, inner := f.fusions[n]; inner || n.Op() == nil {
			continue
		}
		if fusion := op.Fuse(n, once); fusion != nil {
			f.fusions[n] = fusion
			for _, inner := range fusion.Inner {
				f.fusions[inner] = nil
			}
		}
	}
}

// replace sets what stands for a node: the node itself if nothing before it has
// changed, else one with the same op.
func (f *fuser) replace(n *gorgonia.Node) (err error) {
	fusion, planned := f.fusions[n]
	switch {
	case planned && fusion == nil:
		return nil // nobody needs it any more
	case planned:
		f.now[n], err = fusion.Apply(f.standing(fusion.Operands))
		return err
	}
	before := op.Operands(n)
	if standing := f.standing(before); slices.Equal(before, standing) {
		f.now[n] = n
	} else {
		f.now[n], err = gorgonia.ApplyOp(n.Op(), standing...)
	}
	return err
}

// standing are the nodes that stand for others.
func (f *fuser) standing(nodes gorgonia.Nodes) gorgonia.Nodes {
	standing := make(gorgonia.Nodes, len(nodes))
	for i, n := range nodes {
		standing[i] = f.now[n]
	}
	return standing
}

// update tells a layer what became of its nodes.
func (f *fuser) update(l *LayerInfo) {
	var nodes gorgonia.Nodes
	for _, n := range l.nodes {
		if f.fusions[n] != nil {
			l.Fused = f.now[n].Op().String()
		}
		if now := f.now[n]; now != nil {
			nodes = append(nodes, now)
		} else if _, inner := f.fusions[n]; !inner {
			nodes = append(nodes, n) // not part of the forward graph
		}
	}
	l.nodes = nodes
}
