package graph

import (
	"fmt"

	"gorgonia.org/tensor"
)

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

// MemoryError is the error of a graph that needs more than Options.MaxMemory, in bytes.
type MemoryError struct {
	Shape      []int // the input, with the batch
	Need, Most int
}

// Error says what the graph needs.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("graph: for an input %v the network needs %.0f MB of memory, want at most %.0f MB", tensor.Shape(e.Shape), float64(e.Need)/1e6, float64(e.Most)/1e6)
}

// maxInput is the most elements of an input: more are a mistake on every machine.
const maxInput = 1 << 36

// affordInput returns an error if no graph can be built for the input: the first tensor
// that is made.
func (o Options) affordInput(shape []int) error {
	size := 1
	for _, d := range shape {
		if d < 1 {
			return fmt.Errorf("graph: the input is %v, want positive dimensions", tensor.Shape(shape))
		}
		if d > maxInput/size {
			return fmt.Errorf("graph: the input is %v, want at most %d elements", tensor.Shape(shape), maxInput)
		}
		size *= d
	}
	return o.afford(shape, size*int(o.dtype().Size()))
}

// afford returns an error if a graph needs more than it may.
func (o Options) afford(shape []int, need int) error {
	if o.MaxMemory <= 0 || need <= o.MaxMemory {
		return nil
	}
	return &MemoryError{shape, need, o.MaxMemory}
}
