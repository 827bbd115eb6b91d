package train

import (
	"context"
	"fmt"
	"sync"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/train/data"
)

// Backbone is a network whose weights stay as they are, in front of the one that Fit
// trains: its head. As it gives the same features of an image in every epoch, they are
// computed once, and the head is trained on them. What Fit saves and returns is the
// whole network, which takes images.
type Backbone struct {
	Layer   graph.Layer              // from images to features, (N,d), such as graph.Backbone
	Weights map[string]*tensor.Dense // all of Layer's

	// Cache is a folder that keeps features from run to run, by the image's values, the
	// backbone and its weights; "" means not at all.
	Cache    string
	Progress func(done, all int) // is told how many images have their features; nil for none
}

// extracted is a dataset's features, and the network in front of the head.
type extracted struct {
	layer  graph.Layer
	images data.Dataset // of which r.data has the features
	whole  *graph.Network
}

// extract replaces the run's images by their features, and returns the weights, which
// the backbone has its part of.
func (r *run) extract(ctx context.Context, w *graph.Weights) error {
	b := r.Backbone
	if r.Defence != nil || r.mixed() {
		return fmt.Errorf("train: a Backbone with a Defence, Mixup or CutMix, want none of them: its features are computed once")
	}
	o := graph.Options{Weights: w}
	if available, known := memory.Available(); known {
		o.MaxMemory = max(1, available)
	}
	net, err := graph.NewNetwork(graph.Frozen{Body: b.Layer}, r.data.Shape[:], o)
	if err != nil {
		return fmt.Errorf("train: backbone: %w", err)
	}
	if err := w.Load(b.Weights); err != nil {
		return fmt.Errorf("train: backbone: %w", err)
	}
	r.front = &extracted{layer: b.Layer, images: r.data}
	f, err := newFeaturer(net, *b, r.data.Train.Len()+r.data.Test.Len())
	if err != nil {
		return err
	}
	train, err := f.features(ctx, r.data.Train)
	if err != nil {
		return err
	}
	test, err := f.features(ctx, r.data.Test)
	if err != nil {
		return err
	}
	if err := f.cache.save(); err != nil {
		return err
	}
	r.data, err = data.Features(r.data, f.size, train, test)
	return err
}

// featurer computes features.
type featurer struct {
	Backbone
	net       *graph.Network
	cache     *featureCache
	size      int // of a row
	done, all int // images
}

func newFeaturer(net *graph.Network, b Backbone, all int) (*featurer, error) {
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		return nil, err
	}
	shape := one.OutputShape()
	if len(shape) != 2 || shape[1] < 1 {
		return nil, fmt.Errorf("train: the backbone gives %v, want features (N,d)", shape)
	}
	cache, err := openFeatureCache(b.Cache, one, net.Weights, shape[1])
	return &featurer{Backbone: b, net: net, cache: cache, size: shape[1], all: all}, err
}

// features are those of all samples, one after another.
func (f *featurer) features(ctx context.Context, s data.Samples) ([]float32, error) {
	values := make([]float32, s.Len()*f.size)
	image, order := volume(f.net.Input), data.InOrder(s.Len())
	err := data.Ahead(ctx, s, image, order, EvaluationBatch(f.net.Input), func(b data.Batch) error {
		if err := f.batch(ctx, b, values, image); err != nil {
			return err
		}
		f.done += len(b.Classes)
		if f.Progress != nil {
			f.Progress(f.done, f.all)
		}
		return nil
	})
	return values, err
}

// batch writes the features of a batch to where they belong among all values.
func (f *featurer) batch(ctx context.Context, b data.Batch, values []float32, image int) error {
	var missing []int // places in the batch
	keys := make([]featureKey, len(b.Samples))
	row := func(k int) []float32 { return values[b.Samples[k]*f.size:][:f.size] }
	var g sync.WaitGroup
	for k := range keys {
		g.Go(func() { keys[k] = f.cache.key(b.X[k*image:][:image]) })
	}
	g.Wait()
	for k := range keys {
		if !f.cache.get(keys[k], row(k)) {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	m, err := f.net.Model(graph.Infer, len(missing))
	if err != nil {
		return err
	}
	for at, k := range missing {
		copy(m.Input.Float32s()[at*image:], b.X[k*image:][:image])
	}
	if err := m.RunContext(ctx); err != nil {
		return err
	}
	for at, k := range missing {
		copy(row(k), m.Output().Float32s()[at*f.size:][:f.size])
		f.cache.put(keys[k], row(k))
	}
	return nil
}

// network is the one that is saved, shown and returned.
func (r *run) network() *graph.Network {
	if r.front == nil {
		return r.net
	}
	return r.front.whole
}

// pictured is the dataset that the saved network is for.
func (r *run) pictured() data.Dataset {
	if r.front == nil {
		return r.data
	}
	return r.front.images
}
