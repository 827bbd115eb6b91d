package infer

import (
	"maps"
	"runtime"
	"sync"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/raster"
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
	layers  []graph.LayerInfo    // those with feature maps
	places  [2]int               // height and width of class activation maps, 0 without
	affine  raster.Normalisation // what the network takes of pixels
	loss    graph.Loss           // whose prediction the graphs have
	slots   chan struct{}

	size      int                        // of the weights, in bytes
	available func() (n int, known bool) // memory.Available, but for tests

	// building guards the weights: Gorgonia writes to a tensor's header when it
	// binds it to a graph. Running graphs read them.
	building *sync.RWMutex

	mu   sync.Mutex
	idle map[variant][]*graph.Model
}

// variant is a way to build the network's graph.
type variant struct {
	batch      int
	watch      string // path of a layer whose output is watched, "" for none
	gradient   bool   // with the gradient of the Target's classes for the input
	activation bool   // with that for the last images inside the network
	features   bool   // with what the last product reads
}

// newModels takes the network as a layer, as its weights, and as one of its
// graphs.
func newModels(l graph.Layer, w *graph.Weights, m weights.Model, one *graph.Model) *models {
	h, wide := one.Places()
	return &models{
		layer: l, weights: w, input: m.Input, layers: featureLayers(one), places: [2]int{h, wide}, affine: m.Preprocessing.Normalisation(),
		loss: graph.CrossEntropy{Temperature: m.Temperature}, building: &sync.RWMutex{},
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		idle:  map[variant][]*graph.Model{},

		size: one.Memory().Parameters + one.Memory().State, available: memory.Available,
	}
}

// with are models of the same network, on the same weights, with another
// temperature and graphs of their own.
func (m *models) with(temperature float64) *models {
	return &models{
		layer: m.layer, weights: m.weights, input: m.input, layers: m.layers, places: m.places, affine: m.affine, loss: graph.CrossEntropy{Temperature: temperature},
		slots: m.slots, size: m.size, available: m.available, building: m.building,
		idle: map[variant][]*graph.Model{},
	}
}

// use calls f with a graph whose input is the images. f may run it and read it,
// but not keep it.
func (m *models) use(v variant, images [][]float32, f func(g *graph.Model) error) error {
	m.slots <- struct{}{}
	defer func() { <-m.slots }()
	g, err := m.take(v)
	if err != nil {
		return err
	}
	defer m.put(g, v)
	x := g.Input.Float32s()
	for _, image := range images {
		n := copy(x, image)
		m.affine.Apply(x[:n])
		x = x[n:]
	}
	m.building.RLock()
	defer m.building.RUnlock()
	return f(g)
}

func (m *models) take(v variant) (*graph.Model, error) {
	m.mu.Lock()
	if idle := m.idle[v]; len(idle) > 0 {
		g := idle[len(idle)-1]
		m.idle[v] = idle[:len(idle)-1]
		m.mu.Unlock()
		return g, nil
	}
	m.mu.Unlock()
	m.building.Lock()
	defer m.building.Unlock()
	return m.afford(v)
}

// build builds a graph that needs so many bytes at most, 0 for no bound. Before its first
// run it takes its input alone. building is locked.
func (m *models) build(v variant, most int) (*graph.Model, error) {
	o, mode := graph.Options{Weights: m.weights, Fixed: true, Watch: v.watch, Features: v.features, MaxMemory: most}, graph.Infer
	o.Loss = m.loss
	if v.gradient {
		o.Loss, o.InputGradient, mode = graph.Score{}, true, graph.Eval
	}
	if v.activation {
		o.Loss, o.ClassActivation, mode = graph.Score{}, true, graph.Eval
	}
	return o.Build(m.layer, mode, v.batch, m.input[0], m.input[1], m.input[2])
}

// put takes a graph back. Of those that watch a layer's output only the last
// layer's stay: a deep network has many layers, each with a graph of its own.
func (m *models) put(g *graph.Model, v variant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.watch != "" {
		maps.DeleteFunc(m.idle, func(o variant, _ []*graph.Model) bool { return o.watch != "" && o.watch != v.watch })
	}
	m.idle[v] = append(m.idle[v], g)
}
