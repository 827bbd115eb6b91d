package graphtest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// Lanes returns an error unless a batch in lanes of these sizes, one after the other, has
// the bits that the lanes have in runs of their own, added up by the tree that
// [graph.Network.Lanes] describes: outputs, loss, gradients and state, in two steps. The
// error of a network that cannot run in lanes is [graph.ErrLanes].
//
// It leaves the network's parameters as they were, but not its state and its step.
func Lanes(net *graph.Network, sizes []int) error {
	m, err := net.Lanes(sizes)
	if err != nil {
		return err
	}
	for step := range uint64(2) {
		fillBatch(m, step)
		first := 1 + step*uint64(len(sizes))
		before := valuesOf(net)
		want, outputs, err := laneByLane(net, m, sizes, first)
		if err != nil {
			return err
		}
		restore(net, before)
		net.Weights.Step = first
		if err := m.Run(); err != nil {
			return err
		}
		if got := net.Weights.Step; got != first+1 {
			return fmt.Errorf("a run in lanes counts %d steps, want one", got-first)
		}
		got := laneResults(net, m)
		for name, w := range want {
			if err := sameBits(name, got[name], w); err != nil {
				return fmt.Errorf("lanes of %v samples, step %d: %w", sizes, step, err)
			}
		}
		if err := sameBits("the output", values(m.Output()), outputs); err != nil {
			return fmt.Errorf("lanes of %v samples, step %d: %w", sizes, step, err)
		}
	}
	return nil
}

func (c Case) lanes() error {
	net, err := graph.NewNetwork(c.Layer, c.Input, graph.Options{Loss: graph.MSE{}, Seed: c.Seed})
	if err != nil {
		return err
	}
	if err := Lanes(net, []int{2, 1, 3}); err != nil && !errors.Is(err, graph.ErrLanes) {
		return err
	}
	return nil
}

// fillBatch gives a model a batch: random images, any classes or numbers, weights that are
// not all alike.
func fillBatch(m *graph.Model, step uint64) {
	assign(m.Input, values(Random(fmt.Sprint("lanes", step), 1, m.Input.Shape()...)))
	classes := m.OutputShape()[len(m.OutputShape())-1]
	target := values(Random(fmt.Sprint("target", step), 1, m.Target.Shape()...))
	if m.Target.Dims() == 1 {
		for i := range target {
			target[i] = float64((5*i + int(step)) % classes)
		}
	}
	assign(m.Target, target)
	weights := values(m.SampleWeights)
	for i := range weights {
		weights[i] = float64(i%3) / 2
	}
	assign(m.SampleWeights, weights)
}

// laneByLane runs the lanes of a batch, that of m, one by one, and returns their tree's
// sums by name and the outputs of all samples.
func laneByLane(net *graph.Network, m *graph.Model, sizes []int, first uint64) (sums named, outputs []float64, err error) {
	before := valuesOf(net)
	var lanes []named
	at := 0
	for i, n := range sizes {
		restore(net, before)
		net.Weights.Step = first + uint64(i)
		lane, err := net.Model(graph.Train, n)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range [][2]*tensor.Dense{{lane.Input, m.Input}, {lane.Target, m.Target}, {lane.SampleWeights, m.SampleWeights}} {
			size := t[0].Size()
			assign(t[0], values(t[1])[at*size/n:][:size])
		}
		if err := lane.Run(); err != nil {
			return nil, nil, err
		}
		lanes = append(lanes, laneResults(net, lane))
		outputs = append(outputs, values(lane.Output())...)
		at += n
	}
	return treeSum(lanes, m.Input.Dtype() == tensor.Float32), outputs, nil
}

// treeSum adds up lanes, split at the largest power of two below their number, each sum
// rounded as the network's numbers are.
func treeSum(lanes []named, float bool) named {
	if len(lanes) == 1 {
		return lanes[0]
	}
	half := 1
	for 2*half < len(lanes) {
		half *= 2
	}
	left, right, sum := treeSum(lanes[:half], float), treeSum(lanes[half:], float), named{}
	for name, v := range left {
		sum[name] = slices.Clone(v)
		for i := range v {
			if sum[name][i] += right[name][i]; float {
				sum[name][i] = float64(float32(v[i]) + float32(right[name][i]))
			}
		}
	}
	return sum
}

// laneResults are what lanes add up.
func laneResults(net *graph.Network, m *graph.Model) named {
	all := named{"the loss": {m.Loss()}}
	state := net.Weights.Map()
	for _, p := range m.Params() {
		delete(state, p.Name)
		all["the gradient of "+p.Name] = values(p.Grad())
	}
	for name, t := range state {
		all["state "+name] = values(t)
	}
	return all
}

// valuesOf are copies of a network's tensors.
func valuesOf(net *graph.Network) named {
	all := named{}
	for name, t := range net.Weights.Map() {
		all[name] = values(t)
	}
	return all
}

func restore(net *graph.Network, to named) {
	for name, v := range to {
		assign(net.Weights.Get(name), v)
	}
}

// sameBits compares numbers bit by bit; a NaN equals any other.
func sameBits(name string, got, want []float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d elements, want %d", name, len(got), len(want))
	}
	for i, w := range want {
		if math.Float64bits(got[i]) != math.Float64bits(w) && !(math.IsNaN(got[i]) && math.IsNaN(w)) {
			return fmt.Errorf("%s differs from lane by lane: element %d is %v, want %v", name, i, got[i], w)
		}
	}
	return nil
}
