package train

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train/data"
)

// blobs are made-up images (1,4,4) of three classes: noise, and a bright row for the class. They note their reads.
type blobs struct {
	n      int
	onRead func(i int) (class int, err error) // if not nil, called first; a class other than -1 is the sample's

	mu    sync.Mutex
	reads []int
}

func (b *blobs) Len() int { return b.n }

func (b *blobs) Read(i int, x []float32) (class int, err error) {
	b.mu.Lock()
	b.reads = append(b.reads, i)
	b.mu.Unlock()
	class = i * 7 % 3
	for k := range x {
		x[k] = float32(0.5 + 0.5*math.Sin(float64(i*131+k*17)))
		if k/4 == class {
			x[k] += 0.7
		}
	}
	if b.onRead != nil {
		if c, err := b.onRead(i); err != nil || c != -1 {
			return c, err
		}
	}
	return class, nil
}

// blobSet is a dataset of so many training and test samples.
func blobSet(train, test int) data.Dataset {
	return data.Dataset{
		Name: "blobs", Shape: [3]int{1, 4, 4}, Classes: []string{"a", "b", "c"},
		Train: &blobs{n: train}, Test: &blobs{n: test},
	}
}

// smallNet has what makes a run hard to repeat: state, and random numbers in every step.
func smallNet() graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 3, Kernel: 3, Padding: graph.Same}, // (N,3,4,4)
		graph.BatchNorm{},
		graph.ReLU,
		graph.MaxPool2D{}, // (N,3,2,2)
		graph.Flatten{},   // (N,12)
		graph.Dropout{Rate: 0.25},
		graph.Dense{Units: 3},
	}
}

// plainNet is logistic regression.
func plainNet() graph.Layer { return graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}} }

// fit trains without an error.
func fit(t testing.TB, l graph.Layer, d data.Dataset, c Config) *Result {
	t.Helper()
	res, err := Fit(context.Background(), l, d, c)
	if err != nil {
		t.Fatalf("Fit: %v", err)
	}
	return res
}

// failing trains with an error that is one line and contains all of want.
func failing(t testing.TB, l graph.Layer, d data.Dataset, c Config, want ...string) {
	t.Helper()
	_, err := Fit(context.Background(), l, d, c)
	checkError(t, err, want...)
}

func checkError(t testing.TB, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has several lines: %v", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want one with %q", err, w)
		}
	}
}

// bits are the exact values of all a network's tensors.
func bits(n *graph.Network) map[string][]uint32 {
	all := map[string][]uint32{}
	for name, t := range n.Weights.Map() {
		for _, v := range t.Float32s() {
			all[name] = append(all[name], math.Float32bits(v))
		}
	}
	return all
}

// loadFile reads a safetensors file of a run's folder.
func loadFile(t testing.TB, dir, name string) weights.File {
	t.Helper()
	f, err := weights.Load(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// timeless is a history without its images per second, the only part that no seed fixes.
func timeless(history []Epoch) []Epoch {
	var h []Epoch
	for _, e := range history {
		e.ImagesPerSecond = 0
		h = append(h, e)
	}
	return h
}

// onStart is a Callback that is called at the start of a run.
type onStart func(*graph.Network, Progress) error

func (f onStart) Start(net *graph.Network, p Progress) error { return f(net, p) }
func (onStart) Batch(Progress)                               {}
func (onStart) Epoch(*graph.Network, Epoch) error            { return nil }

// onEpoch is a Callback that is called after every epoch, and does not fail.
func onEpoch(f func(Epoch)) Callback {
	return EpochFunc(func(_ *graph.Network, e Epoch) error { f(e); return nil })
}
