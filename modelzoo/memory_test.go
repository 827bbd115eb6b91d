package modelzoo_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// What a model says of its memory is what the heap grows by, up to a tenth: the
// rest is the graph itself and Gorgonia's machine. For inference it says so, up to a
// tenth, before it has run: it is what large batches are refused by. On one processor, as others may
// join in late and need memory then.
func TestMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, s := range specs() {
		for _, mode := range []graph.Mode{graph.Infer, graph.Train} {
			for _, batch := range batches(s) {
				t.Run(fmt.Sprintf("%s/%v/%d", s.Name, mode, batch), func(t *testing.T) {
					grown(t, s, mode, batch) // the first model leaves memory that all share
					m, need, got := grown(t, s, mode, batch)
					said := m.Memory()
					if off := float64(need-said.Own()) / float64(said.Own()); mode == graph.Infer && math.Abs(off) > 0.1 {
						t.Errorf("before it has run the model says that it needs %d bytes, and takes %d, want a tenth between them", need, said.Own())
					}
					t.Logf("the heap grows by %d, %+v are %d", got, said, said.Total())
					if math.Abs(float64(got-said.Total())) > 0.1*float64(got) {
						t.Errorf("the heap grows by %d bytes, the model says %+v, in all %d", got, said, said.Total())
					}
				})
			}
		}
	}
}

// shallow are the models that are quick without assembly too.
var shallow = []string{"cnn", "fcnn", "lenet5", "mlp"}

// TestMemoryOfLanes: so is that of a batch in lanes, of which each has as many samples
// as fit, and it takes little more than the batch in one piece.
func TestMemoryOfLanes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, s := range specs() {
		if !slices.Contains(append(shallow, "convnet", "resnet20"), s.Name) {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			const lane = 16
			sizes := []int{lane, lane, lane, lane}
			of := func(build func(*graph.Network) (*graph.Model, error)) (said graph.Memory, grown int) {
				for range 2 { // the first one leaves memory that all share
					before := heap()
					net, err := graph.NewNetwork(s.New(10), s.Input[:], graph.Options{Loss: graph.CrossEntropy{Sum: true}})
					if err != nil {
						t.Fatal(err)
					}
					m, err := build(net)
					if err != nil {
						t.Fatal(err)
					}
					for range 3 {
						if err := m.Run(); err != nil {
							t.Fatal(err)
						}
					}
					said, grown = m.Memory(), heap()-before
					runtime.KeepAlive(net)
				}
				return said, grown
			}
			said, grown := of(func(net *graph.Network) (*graph.Model, error) { return net.Lanes(sizes) })
			if math.Abs(float64(grown-said.Total())) > 0.1*float64(grown) {
				t.Errorf("the heap grows by %d bytes, the model says %+v, in all %d", grown, said, said.Total())
			}
			whole, _ := of(func(net *graph.Network) (*graph.Model, error) { return net.Model(graph.Train, len(sizes)*lane) })
			t.Logf("in lanes %+v, in one piece %+v", said, whole)
			if more := said.Own() - whole.Own(); float64(more) > 0.15*float64(whole.Own())+4e6 {
				t.Errorf("in lanes the model takes %d bytes more than the %d in one piece", more, whole.Own())
			}
		})
	}
}

// specs are all models, with -short the shallow ones.
func specs() []modelzoo.Spec {
	return slices.DeleteFunc(slices.Clone(modelzoo.Specs()), func(s modelzoo.Spec) bool {
		return testing.Short() && !slices.Contains(shallow, s.Name)
	})
}

// batches are those of a model's memory: deep models take too long with many
// images, and of convnet with few the graph itself is the larger part.
func batches(s modelzoo.Spec) []int {
	switch {
	case slices.Contains(shallow, s.Name):
		return []int{32, 128}
	case s.Name == "convnet":
		return []int{128}
	case s.Name == "resnet20", s.Name == "p4cnn": // with four images their many nodes take more than a tenth
		return []int{8}
	}
	return []int{4}
}

// grown builds a model and runs it, and returns what it said before that it needs, and
// what the heap has grown by.
func grown(t *testing.T, s modelzoo.Spec, mode graph.Mode, batch int) (m *graph.Model, need, bytes int) {
	t.Helper()
	before := heap()
	m, err := graph.Build(s.New(10), mode, batch, s.Input[0], s.Input[1], s.Input[2])
	if err != nil {
		t.Fatal(err)
	}
	need = m.Need()
	for range 3 {
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
	}
	return m, need, heap() - before
}

// heap is the memory that is in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}
