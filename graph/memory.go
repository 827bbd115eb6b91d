package graph

// Memory is the memory that a model takes, in bytes.
type Memory struct {
	Parameters int // shared with the network's other models, as is the state
	State      int
	Inputs     int // Input, Target and SampleWeights
	Results    int // output, prediction and gradients
	Values     int // all other values, which share memory with each other
	Workspaces int // memory that ops keep in addition to their values
}

// Memory returns the memory that the model takes. Ops make their workspaces in
// the first runs, some of them one for each processor that takes part: before,
// Workspaces is 0. In a graph with ops of other packages, which cannot tell,
// only parameters, state and inputs are counted. The memory of an optimizer and
// of the garbage collector is not counted, nor the memory that matrix products work
// in: half a megabyte or more for each processor, once for all models of the process.
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

// Need is what the model will take that it does not share with the network's other
// models: before the first run an estimate, then what it takes. For inference, convolutions
// and products say what they will keep besides values, on as many processors as there
// are. In training that is taken to be as much as the values, of which it is 0.8 to 1.4
// times with modelzoo's deep networks. With ops of other packages only the input counts,
// as in Memory. The model must not run meanwhile.
func (m *Model) Need() int {
	used := m.Memory()
	if m.sequence == nil {
		return used.Own()
	}
	planned, known := m.sequence.Planned()
	if used.Workspaces = planned; !known {
		used.Workspaces = used.Values
	}
	return used.Own()
}

// Own is what the model does not share with the network's other models.
func (m Memory) Own() int { return m.Inputs + m.Results + m.Values + m.Workspaces }

// Total is the sum.
func (m Memory) Total() int {
	return m.Parameters + m.State + m.Inputs + m.Results + m.Values + m.Workspaces
}
