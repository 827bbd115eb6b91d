package graphtest

import (
	"errors"
	"fmt"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// Case is a layer to put to the test, and what is expected of it.
type Case struct {
	Layer  graph.Layer
	Input  []int // shape of one sample, as in (1,28,28)
	Output []int // shape of one sample's output; nil means any
	Bad    []Bad // inputs that the layer has to refuse

	// Seed chooses the values of the parameters and of the input. Take another
	// if one of them hits a kink of the layer, where no gradient is right.
	Seed uint64
}

// Bad is an input that a layer has to refuse.
type Bad struct {
	Input []int  // shape of one sample
	Error string // part of the error's text
}

// Layer fails the test unless the layer does, in a subtest each, what the rest
// of the module relies on:
//
//   - gradient: the gradients of all parameters and of the input agree with
//     central differences, to 1e-6 of the largest, in float64 and as in training;
//     of a large tensor 100 elements are checked;
//   - shapes: the output has the expected shape for any batch size and mode;
//   - errors: bad inputs are refused with an error that says why;
//   - unchanged: a run changes no parameter and no input, and other than in
//     training no state;
//   - batch: in inference a sample's output does not depend on the others of
//     its batch, to 1e-12 of the largest value in float64;
//   - modes: all build and give finite results, Eval the output of Infer;
//   - saving: a network of another seed that loads the saved weights gives the
//     same predictions, bit for bit;
//   - repeatable: so do equal runs, networks of equal seeds, and any number of
//     processors;
//   - allocations: a warm run allocates at most 20 objects and one for each of the
//     network's tensors, if all ops are those of package op;
//   - lanes: in lanes a batch has the bits that the lanes have by themselves, or the
//     layer is refused, see [Lanes].
//
// It sets GOMAXPROCS meanwhile, so the test must not run in parallel with
// others.
func Layer(t *testing.T, c Case) {
	t.Helper()
	for _, check := range checks {
		t.Run(check.name, func(t *testing.T) {
			t.Helper()
			if err := check.run(c); err != nil {
				t.Error(err)
			}
		})
	}
}

// Check is [Layer] as a function: it returns all that is wrong, nil if nothing.
func (c Case) Check() error {
	var errs []error
	for _, check := range checks {
		if err := check.run(c); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", check.name, err))
		}
	}
	return errors.Join(errs...)
}

var checks = []struct {
	name string
	run  func(Case) error
}{
	{"gradient", Case.gradient},
	{"shapes", Case.shapes},
	{"errors", Case.errors},
	{"unchanged", Case.unchanged},
	{"batch", Case.batch},
	{"modes", Case.modes},
	{"saving", Case.saving},
	{"repeatable", Case.repeatable},
	{"allocations", Case.allocations},
	{"lanes", Case.lanes},
}

// batch is the batch size of most checks.
const batch = 3

// rig is a network with one of its models, ready to run.
type rig struct {
	*graph.Model
	net *graph.Network
}

// rig builds the layer with its weights as they are at first, for one mode and
// batch size. Input and target are random; o.Loss is the mean squared error.
func (c Case) rig(mode graph.Mode, batch int, o graph.Options) (rig, error) {
	o.Loss, o.InputGradient, o.Seed = graph.MSE{}, true, o.Seed+c.Seed
	net, err := graph.NewNetwork(c.Layer, c.Input, o)
	if err != nil {
		return rig{}, err
	}
	return c.attach(net, mode, batch)
}

// attach builds another model of a network.
func (c Case) attach(net *graph.Network, mode graph.Mode, batch int) (rig, error) {
	m, err := net.Model(mode, batch)
	if err != nil {
		return rig{}, err
	}
	c.fill("input", m.Input)
	if m.Target != nil {
		c.fill("target", m.Target)
	}
	return rig{m, net}, nil
}

func (c Case) fill(name string, t *tensor.Dense) {
	assign(t, values(Random(fmt.Sprintf("%s/%d", name, c.Seed), 1, t.Shape()...)))
}

// weights are copies of all tensors of the network.
func (r rig) weights() named {
	w := named{}
	for name, t := range r.net.Weights.Map() {
		w[name] = values(t)
	}
	return w
}

// restore sets the network's tensors, and the step that random layers draw
// from back to the first.
func (r rig) restore(w named) {
	for name, v := range w {
		assign(r.net.Weights.Get(name), v)
	}
	r.net.Weights.Step = 0
}

// run runs the model and returns all its results.
func (r rig) run() (named, error) {
	if err := r.Run(); err != nil {
		return nil, err
	}
	results := named{"output": values(r.Output()), "loss": {r.Loss()}}
	if p := r.Prediction(); p != nil {
		results["prediction"] = values(p)
	}
	if g := r.InputGrad(); g != nil {
		results["gradient of input"] = values(g)
	}
	if r.Mode == graph.Train {
		for _, p := range r.Params() {
			results["gradient of "+p.Name] = values(p.Grad())
		}
	}
	return results, nil
}
