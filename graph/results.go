package graph

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// OutputShape is the shape of Output, known before any run.
func (m *Model) OutputShape() tensor.Shape { return m.output.Shape() }

// Output is the last layer's output, the logits of a classifier, after a run.
func (m *Model) Output() *tensor.Dense { return m.dense(m.output) }

// Prediction is the output as Loss.Predict shows it, the probabilities of a
// classifier, after a run. It is nil in Train mode.
func (m *Model) Prediction() *tensor.Dense { return m.dense(m.prediction) }

// Watched is the output of the layer that Options.Watch names, after a run, else
// nil.
func (m *Model) Watched() *tensor.Dense { return m.dense(m.watched) }

// Loss is the loss after a run, 0 in Infer mode.
func (m *Model) Loss() float64 {
	if m.cost == nil {
		return 0
	}
	switch v := m.value(m.cost).(type) {
	case *gorgonia.F32:
		return float64(*v)
	case *gorgonia.F64:
		return float64(*v)
	}
	return 0
}

// Params are the parameters in the order in which the layers made them.
func (m *Model) Params() []Param { return m.params }

// State names the tensors that a step of training changes beside the parameters, such as
// running means; those of [Frozen] layers stay.
func (m *Model) State() []string { return m.b.states }

// InputGrad is the gradient of the loss for Input after a run, if
// Options.InputGradient asked for it, else nil.
func (m *Model) InputGrad() *tensor.Dense { return m.dense(m.inputGrad) }

// Graph is the whole expression graph, with the parts that are not run.
func (m *Model) Graph() *gorgonia.ExprGraph { return m.b.graph }

// dense returns a node's value, nil for none.
func (m *Model) dense(n *gorgonia.Node) *tensor.Dense {
	if n == nil {
		return nil
	}
	d, _ := m.value(n).(*tensor.Dense)
	return d
}

func (m *Model) value(n *gorgonia.Node) gorgonia.Value {
	if m.sequence != nil {
		return m.sequence.Value(n)
	}
	if c := m.copies[n]; c != nil {
		return c.Value()
	}
	return n.Value()
}
