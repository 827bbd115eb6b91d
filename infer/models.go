package infer

import (
	"runtime"
	"slices"
	"sync"

	"tapenet/graph"
	"tapenet/graph/weights"
)

// maxBatch is the most images that one graph takes.
const maxBatch = 128

// batchSize is the largest graph's to use for n images: batches are powers of
// two, so that few graphs serve every number.
func batchSize(n int) int {
	size := maxBatch
	for size > n {
		size /= 2
	}
	return size
}

// models lends graphs that share one network's weights, each to one goroutine
// at a time. There are at most GOMAXPROCS in use.
type models struct {
	layer   graph.Layer
	weights *graph.Weights
	input   [3]int
	affine  []affine // what the network takes, by channel; nil for the pixels themselves
	slots   chan struct{}

	// building guards the weights: Gorgonia writes to a tensor's header when it
	// binds it to a graph. Running graphs read them.
	building sync.RWMutex

	mu   sync.Mutex
	idle map[int][]*graph.Model // by batch size
}

func newModels(l graph.Layer, w *graph.Weights, m weights.Model) *models {
	return &models{
		layer: l, weights: w, input: m.Input, affine: normalisation(m.Mean, m.Deviation),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		idle:  map[int][]*graph.Model{},
	}
}

// run returns the probabilities of a batch, in memory of the caller's.
func (m *models) run(images [][]float32) ([]float32, error) {
	m.slots <- struct{}{}
	defer func() { <-m.slots }()
	g, err := m.take(len(images))
	if err != nil {
		return nil, err
	}
	defer m.put(g, len(images))
	x := g.Input.Float32s()
	for _, image := range images {
		n := copy(x, image)
		normalise(x[:n], m.affine)
		x = x[n:]
	}
	m.building.RLock()
	defer m.building.RUnlock()
	if err := g.Run(); err != nil {
		return nil, err
	}
	return slices.Clone(g.Prediction().Float32s()), nil
}

func (m *models) take(batch int) (*graph.Model, error) {
	m.mu.Lock()
	if idle := m.idle[batch]; len(idle) > 0 {
		g := idle[len(idle)-1]
		m.idle[batch] = idle[:len(idle)-1]
		m.mu.Unlock()
		return g, nil
	}
	m.mu.Unlock()
	m.building.Lock()
	defer m.building.Unlock()
	return graph.Options{Weights: m.weights}.Build(m.layer, graph.Infer, batch, m.input[0], m.input[1], m.input[2])
}

func (m *models) put(g *graph.Model, batch int) {
	m.mu.Lock()
	m.idle[batch] = append(m.idle[batch], g)
	m.mu.Unlock()
}
