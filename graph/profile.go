package graph

import (
	"errors"
	"time"

	"tapenet/graph/op"
)

// NodeTime is how long one node of a graph took in one run.
type NodeTime struct {
	Layer string // path of the layer that it belongs to, or whose gradient it computes; "" for the loss
	Op    string // as in "Conv2d stride 1x1", "Conv2dGrad stride 1x1", or "Turn", which gives images another layout
	Time  time.Duration

	MulAdds int // multiply-adds
	Bytes   int // of the values that it reads and writes
}

// MulAdds is the number of multiply-adds of a run: in training those of the
// gradients too, which cost as much as the output for the weights, and again for the
// input where anybody needs it. Activations, normalisations and pooling do not
// count. It is 0 for a graph with ops of other packages.
func (m *Model) MulAdds() (sum int) {
	if m.sequence == nil {
		return 0
	}
	for t := range m.sequence.Times() {
		sum += t.MulAdds
	}
	return sum
}

// Profile is [Model.Run] with a watch: it returns how long each op took, in the
// order in which they ran. The list has the same ops at every run. A graph with
// ops of other packages cannot be profiled.
func (m *Model) Profile() ([]NodeTime, error) {
	if m.sequence == nil {
		return nil, errors.New("graph: the graph has ops of other packages, only a graph of this package's can be profiled")
	}
	m.sequence.Watch(true)
	defer m.sequence.Watch(false)
	if err := m.Run(); err != nil {
		return nil, err
	}
	var times []NodeTime
	for t := range m.sequence.Times() {
		n := NodeTime{Op: t.Op, Time: t.Time, MulAdds: t.MulAdds, Bytes: t.Bytes}
		if len(t.Nodes) > 0 {
			n.Layer = m.layerOf(op.ForwardOf(t.Nodes[0]))
		}
		times = append(times, n)
	}
	return times, nil
}
