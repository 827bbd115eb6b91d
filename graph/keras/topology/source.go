package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Array is a weight's values in the file's order.
type Array struct {
	Shape  []int
	Values []float32
}

// Place says which layer asks for a weight.
type Place struct {
	Names []string // of the network, of networks inside it, and the layer's own
	Saved string   // where a .keras file has the layer: layers/functional/layers/conv2d_1
}

// Source has the weights of a file. A layer asks for its weights in the order in
// which Keras makes them.
type Source interface {
	// Take returns a weight of a layer that has one of the names, and marks it
	// as taken.
	Take(p Place, names ...string) (Array, error)
	// Skip marks all weights of a layer as taken.
	Skip(p Place)
	// Rest returns the name of a weight that no layer has taken, or "".
	Rest() string
}

// Named is a source of weights that are called by layer and kind, such as
// "dense/kernel". The names of networks that the layer is in may be in front.
type Named map[string]Array

// Take returns the weight with the longest name that fits.
func (n Named) Take(p Place, names ...string) (Array, error) {
	for i := range p.Names {
		for _, name := range names {
			name = strings.Join(p.Names[i:], "/") + "/" + name
			if a, ok := n[name]; ok {
				delete(n, name)
				return a, nil
			}
		}
	}
	return Array{}, fmt.Errorf("no weight %.64q", p.Names[len(p.Names)-1]+"/"+names[0])
}

// Skip removes a layer's weights.
func (n Named) Skip(p Place) {
	for name := range n {
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			for k := range p.Names {
				if name[:i] == strings.Join(p.Names[k:], "/") {
					delete(n, name)
					break
				}
			}
		}
	}
}

// Rest returns the first weight that is left.
func (n Named) Rest() string {
	if len(n) == 0 {
		return ""
	}
	return slices.Min(slices.Collect(maps.Keys(n)))
}

// take takes a layer's weight. It must have the given shape, where -1 stands for
// any size.
func (l *loader) take(s step, names []string, shape ...int) (Array, error) {
	a, err := l.weights.Take(s.place, names...)
	if err != nil {
		return a, err
	}
	for i, d := range shape {
		if len(a.Shape) != len(shape) || d >= 0 && d != a.Shape[i] {
			return a, fmt.Errorf("the weight %.64q has the shape %v, want %v, -1 being any", s.config.Name+"/"+names[0], a.Shape, shape)
		}
	}
	return a, nil
}
