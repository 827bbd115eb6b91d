package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

const (
	maxBatch = 32 // images whose time is taken together, at most
	maxRuns  = 7
	limit    = time.Second / 2 // for the runs in one mode, of which one is done in any case
)

// layer is a row of the table of layers. The last two columns are 0 until they
// are measured, and for a layer whose work another one's op does.
type layer struct {
	Path, Output, Fused string
	Params, State       int
	MulAdds             int     // for each image
	Infer, Train        float64 // microseconds for each image
}

// newLayers lists the layers of a network; m is built for one image.
func newLayers(m *graph.Model) (layers []layer) {
	for _, l := range m.Layers() {
		output := strings.ReplaceAll(fmt.Sprint(l.Output), " ", "")
		layers = append(layers, layer{
			Path: l.Path, Output: "(N" + strings.TrimPrefix(output, "(1"),
			Fused: l.Fused, Params: l.Params, State: l.State, MulAdds: l.MulAdds,
		})
	}
	return layers
}

// times is how the layers' time was taken, and what is nobody's.
type times struct {
	Batch     int
	LossInfer float64 // microseconds for each image, of the SoftMax
	LossTrain float64 // of the loss and its gradient
	SumInfer  float64
	SumTrain  float64
}

// measure takes the time of each layer, forward in inference and forward and
// backward in training, of a network like net with weights of its own: a run in
// training changes running means. A network with ops of other packages has no
// times.
func (p *page) measure(net *graph.Network, d data.Dataset, batch int) error {
	twin, err := graph.NewNetwork(net.Layer, net.Input, graph.Options{Loss: train.Config{}.Loss(d)})
	if err != nil {
		return err
	}
	trained, err := profile(twin, graph.Train, d, batch)
	if err != nil || trained == nil {
		return err
	}
	inferred, err := profile(twin, graph.Infer, d, batch)
	if err != nil {
		return err
	}
	t := &times{Batch: batch, LossInfer: inferred[""], LossTrain: trained[""]}
	t.SumInfer, t.SumTrain = t.LossInfer, t.LossTrain
	for i, l := range p.Layers {
		p.Layers[i].Infer, p.Layers[i].Train = inferred[l.Path], trained[l.Path]
		t.SumInfer += inferred[l.Path]
		t.SumTrain += trained[l.Path]
	}
	p.Times = t
	return nil
}

// profile runs a batch some times and returns by layer the microseconds for
// each image, of the run in the middle, or nil for a graph that cannot be
// profiled.
func profile(net *graph.Network, mode graph.Mode, d data.Dataset, batch int) (map[string]float64, error) {
	m, err := net.Model(mode, batch)
	if err != nil {
		return nil, err
	}
	if mode != graph.Infer { // without a target, any image will do
		if err := fill(m, d, 0); err != nil {
			return nil, err
		}
	}
	if err := m.Run(); err != nil { // the first is slower
		return nil, err
	}
	var runs []map[string]float64
	for began := time.Now(); len(runs) == 0 || len(runs) < maxRuns && time.Since(began) < limit; {
		nodes, err := m.Profile()
		if err != nil {
			return nil, nil
		}
		byLayer := map[string]float64{}
		for _, n := range nodes {
			byLayer[n.Layer] += float64(n.Time) / 1e3 / float64(batch)
		}
		runs = append(runs, byLayer)
	}
	slices.SortFunc(runs, func(a, b map[string]float64) int { return int(1e3 * (total(a) - total(b))) })
	return runs[len(runs)/2], nil
}

func total(byLayer map[string]float64) (sum float64) {
	for _, t := range byLayer {
		sum += t
	}
	return sum
}

// fill reads a batch of d.Test, from sample lo on and then from the first again.
func fill(m *graph.Model, d data.Dataset, lo int) error {
	x, labels := m.Input.Float32s(), m.Target.Float32s()
	size, classes := len(x)/len(labels), m.Kinds()
	for i := range labels {
		at := (lo + i) % d.Test.Len()
		class, err := d.Test.Read(at, x[i*size:][:size])
		if err != nil {
			return fmt.Errorf("%s sample %d: %w", d.TestPart(), at, err)
		}
		if class < 0 || class >= classes {
			return fmt.Errorf("%s sample %d: class %d, want 0 to %d", d.TestPart(), at, class, classes-1)
		}
		labels[i] = float32(class)
	}
	return nil
}
