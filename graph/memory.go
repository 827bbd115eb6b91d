package graph

// Memory is what a model takes, in bytes.
type Memory struct {
	Parameters int // shared with the network's other models, as is the state
	State      int
	Inputs     int // Input, Target and SampleWeights
	Results    int // what a model hands out: output, prediction and gradients
	Values     int // all other values, which share their memory
	Workspaces int // what ops keep besides their values
}

// Memory tells what the model takes. Ops make their workspaces in the first runs,
// some of them for each processor that takes part: before, they are 0. Of a graph
// with ops of other packages, which cannot tell, it counts parameters, state and
// inputs alone. Not counted is what is taken besides: by an optimizer, by the
// garbage collector, and once for all models of the process by matrix products,
// half a megabyte or more for each processor.
func (m *Model) Memory() Memory {
	size := int(m.b.opts.dtype().Size())
	var total Memory
	for _, l := range m.b.layers {
		total.Parameters += l.Params * size
		total.State += l.State * size
	}
	total.Inputs = m.Input.Size() * size
	if m.Mode != Infer {
		total.Inputs += (m.Target.Size() + m.SampleWeights.Size()) * size
	}
	if m.sequence != nil {
		total.Results, total.Values, total.Workspaces = m.sequence.Bytes()
	}
	return total
}

// Total is the sum.
func (m Memory) Total() int {
	return m.Parameters + m.State + m.Inputs + m.Results + m.Values + m.Workspaces
}
