package graphtest

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/weights"
)

var modes = []graph.Mode{graph.Train, graph.Eval, graph.Infer}

// maxElements bounds the elements of a tensor whose gradient is checked.
const maxElements = 100

func (c Case) gradient() error {
	r, err := c.rig(graph.Train, batch, graph.Options{Float64: true})
	if err != nil {
		return err
	}
	state := r.weights()
	got, err := r.run()
	if err != nil {
		return err
	}
	if err := r.compareGradient("input", r.Input, got, state); err != nil {
		return err
	}
	for _, p := range r.Params() {
		if err := r.compareGradient(p.Name, p.Value, got, state); err != nil {
			return err
		}
	}
	return nil
}

// compareGradient compares the gradient of t among the results with central
// differences from the given state of the network.
func (r rig) compareGradient(name string, t *tensor.Dense, results, state named) error {
	x := values(t)
	defer assign(t, values(t))
	loss := func(x []float64) (float64, error) {
		r.restore(state)
		assign(t, x)
		err := r.Run()
		return r.Loss(), err
	}
	all := results["gradient of "+name]
	if len(all) != len(x) {
		return fmt.Errorf("the gradient of %s has %d elements, want %d", name, len(all), len(x))
	}
	var got, want []float64
	for i := 0; i < len(x); i += (len(x)-1)/maxElements + 1 {
		d, err := difference(x, i, loss)
		if err != nil {
			return err
		}
		got, want = append(got, all[i]), append(want, d)
	}
	return compare(name, "central difference", got, want, tolerance)
}

func (c Case) shapes() error {
	for _, mode := range modes {
		for _, n := range []int{1, batch} {
			r, err := c.rig(mode, n, graph.Options{})
			if err != nil {
				return err
			}
			if err := r.Run(); err != nil {
				return err
			}
			want := append(tensor.Shape{n}, c.Output...)
			if got := r.Output().Shape(); c.Output != nil && !slices.Equal(got, want) || got[0] != n {
				return fmt.Errorf("output is %v in mode %v, want %v", got, mode, want)
			}
		}
	}
	return nil
}

func (c Case) errors() error {
	for _, b := range c.Bad {
		_, err := graph.NewNetwork(c.Layer, b.Input, graph.Options{})
		if err == nil {
			return fmt.Errorf("input %v is accepted, want error %q", b.Input, b.Error)
		}
		if !strings.Contains(err.Error(), b.Error) {
			return fmt.Errorf("input %v: got error %q, want %q", b.Input, err, b.Error)
		}
	}
	return nil
}

func (c Case) unchanged() error {
	for _, mode := range modes {
		r, err := c.rig(mode, batch, graph.Options{})
		if err != nil {
			return err
		}
		want := r.weights()
		want["input"] = values(r.Input)
		if mode == graph.Train {
			maps.DeleteFunc(want, func(name string, _ []float64) bool { return name != "input" && !r.isParam(name) })
		}
		if err := r.Run(); err != nil {
			return err
		}
		got := r.weights()
		got["input"] = values(r.Input)
		if err := got.differs(want, 0); err != nil {
			return fmt.Errorf("a run in mode %v changes %w", mode, err)
		}
	}
	return nil
}

func (r rig) isParam(name string) bool {
	return slices.ContainsFunc(r.Params(), func(p graph.Param) bool { return p.Name == name })
}

func (c Case) batch() error {
	r, err := c.rig(graph.Infer, batch, graph.Options{Float64: true})
	if err != nil {
		return err
	}
	all, err := r.run()
	if err != nil {
		return err
	}
	one, err := c.attach(r.net, graph.Infer, 1)
	if err != nil {
		return err
	}
	in, out := r.Input.Size()/batch, len(all["output"])/batch
	for n := range batch {
		assign(one.Input, values(r.Input)[n*in:][:in])
		alone, err := one.run()
		if err != nil {
			return err
		}
		among := named{"output": all["output"][n*out:][:out]}
		if err := (named{"output": alone["output"]}).differs(among, 1e-12); err != nil {
			return fmt.Errorf("sample %d alone differs from sample %d of %d: %w", n, n, batch, err)
		}
	}
	return nil
}

func (c Case) modes() error {
	results := map[graph.Mode]named{}
	for _, mode := range modes {
		r, err := c.rig(mode, batch, graph.Options{})
		if err != nil {
			return err
		}
		if results[mode], err = r.run(); err != nil {
			return err
		}
		for name, v := range results[mode] {
			if i := slices.IndexFunc(v, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }); i >= 0 {
				return fmt.Errorf("%s is %v at element %d in mode %v, want finite numbers", name, v[i], i, mode)
			}
		}
	}
	want := named{"output": results[graph.Infer]["output"]}
	// With gradients ops run by themselves that are one without.
	if err := results[graph.Eval].differs(want, 2e-6); err != nil {
		return fmt.Errorf("mode eval differs from infer: %w", err)
	}
	return nil
}

// saving trains a step first, so that state such as running means has moved.
func (c Case) saving() error {
	dir, err := os.MkdirTemp("", "graphtest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "layer.safetensors")
	r, err := c.rig(graph.Train, batch, graph.Options{})
	if err != nil {
		return err
	}
	if err := r.Run(); err != nil {
		return err
	}
	if err := (weights.File{Tensors: r.net.Weights.Map()}).Save(path); err != nil {
		return err
	}
	want, err := c.predict(r.net)
	if err != nil {
		return err
	}
	other, err := c.rig(graph.Infer, batch, graph.Options{Seed: 1})
	if err != nil {
		return err
	}
	file, err := weights.Load(path)
	if err != nil {
		return err
	}
	if err := other.net.Weights.Load(file.Tensors); err != nil {
		return err
	}
	got, err := c.predict(other.net)
	if err != nil {
		return err
	}
	if err := got.differs(want, 0); err != nil {
		return fmt.Errorf("another network with the saved weights differs: %w", err)
	}
	return nil
}

func (c Case) predict(net *graph.Network) (named, error) {
	r, err := c.attach(net, graph.Infer, batch)
	if err != nil {
		return nil, err
	}
	return r.run()
}

func (c Case) repeatable() error {
	for _, mode := range modes {
		if err := c.repeats(mode); err != nil {
			return fmt.Errorf("mode %v: %w", mode, err)
		}
	}
	return nil
}

func (c Case) repeats(mode graph.Mode) error {
	first, err := c.rig(mode, batch, graph.Options{})
	if err != nil {
		return err
	}
	state := first.weights()
	want, err := first.on(1)
	if err != nil {
		return err
	}
	first.restore(state)
	got, err := first.on(1)
	if err != nil {
		return err
	}
	if err := got.differs(want, 0); err != nil {
		return fmt.Errorf("a second run differs: %w", err)
	}
	second, err := c.rig(mode, batch, graph.Options{})
	if err != nil {
		return err
	}
	if err := second.weights().differs(state, 0); err != nil {
		return fmt.Errorf("equal seeds give different weights: %w", err)
	}
	if got, err = second.on(2); err != nil {
		return err
	}
	if err := got.differs(want, 0); err != nil {
		return fmt.Errorf("a run on two processors differs from one: %w", err)
	}
	return nil
}

// on runs the model on so many processors.
func (r rig) on(processors int) (named, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	return r.run()
}

func (c Case) allocations() error {
	for _, mode := range modes {
		r, err := c.rig(mode, batch, graph.Options{})
		if err != nil {
			return err
		}
		if !r.oneSequence() {
			continue
		}
		if err := allocates(r.Run, maxAllocations+len(r.net.Weights.Names())); err != nil {
			return fmt.Errorf("mode %v: %w", mode, err)
		}
	}
	return nil
}

// oneSequence reports whether the machine runs the model as one op.
func (r rig) oneSequence() bool {
	for _, n := range r.Graph().AllNodes() {
		if _, ok := n.Op().(*op.Sequence); ok {
			return true
		}
	}
	return false
}

// maxAllocations is for the machine; it needs one more object for each tensor
// that it reads.
const maxAllocations = 20

// allocates returns an error if run, once warm, allocates more than limit.
func allocates(run func() error, limit int) error {
	var err error
	n := testing.AllocsPerRun(5, func() {
		if e := run(); e != nil {
			err = e
		}
	})
	if err == nil && n > float64(limit) {
		return fmt.Errorf("a run allocates %.0f objects, want at most %d", n, limit)
	}
	return err
}
