package report

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph"
)

// TestNearest: against all pairs in a plain loop, for any number of threads.
func TestNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows, classes := make([][]float32, 150), make([]int, 150)
	for i := range rows {
		row := make([]float32, 7)
		for k := range row {
			row[k] = float32(r.NormFloat64())
		}
		rows[i], classes[i] = unit(row), i%3
	}
	copy(rows[90], rows[1]) // of classes 0 and 1
	var all []near
	for a := range rows {
		for b := a + 1; b < len(rows); b++ {
			if classes[a] != classes[b] {
				all = append(all, near{a, b, cosine(rows[a], rows[b])})
			}
		}
	}
	slices.SortFunc(all, byCosine)
	var want []near
	taken := map[int]bool{}
	for _, p := range all {
		if len(want) < 12 && !taken[p.a] && !taken[p.b] {
			taken[p.a], taken[p.b] = true, true
			want = append(want, p)
		}
	}
	for _, threads := range []int{1, 4} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			if got := nearest(rows, classes, 12); !slices.Equal(got, want) {
				t.Errorf("%d threads: %v, want %v", threads, got, want)
			}
		}()
	}
	if want[0].a != 1 || want[0].b != 90 || want[0].cosine < 1-1e-6 {
		t.Errorf("the nearest are %v, want the two that are the same", want[0])
	}
	if got := nearest(rows, make([]int, 150), 12); got != nil {
		t.Errorf("pairs %v of one class, want none", got)
	}
}

func TestUnit(t *testing.T) {
	for _, v := range [][]float32{{3, 4}, {0, 0}, {1e-30, 0}} {
		u := unit(v)
		if got := cosine(u, u); math.Abs(got-1) > 1e-6 && v[0] != 0 || v[0] == 0 && got != 0 {
			t.Errorf("%v becomes %v", v, u)
		}
	}
}

// TestSimilar: the features are the network's own, of images in batches of any size, and a network
// without features says why.
func TestSimilar(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	d.Test = blobs{n: 131, classes: 3, size: 30} // a batch and three images
	net := trained(t, "", convNet(3), d).Network
	s, err := newSimilar(t.Context(), net, d)
	if err != nil || s.Compared != 131 || s.Of != 131 || len(s.Pairs) != maxSimilar {
		t.Fatalf("%+v (%v), want %d pairs of 131 images", s, err, maxSimilar)
	}
	last := 1.0
	for _, p := range s.Pairs {
		if p.A.Class == p.B.Class || p.A.Name == p.B.Name || p.Cosine > last {
			t.Errorf("pair of %s of class %s and %s of class %s, %v after %v", p.A.Name, p.A.Class, p.B.Name, p.B.Class, p.Cosine, last)
		}
		last = p.Cosine
	}
	flat, err := graph.NewNetwork(graph.Flatten{}, net.Input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := newSimilar(t.Context(), flat, d); err != nil || s.Skipped == "" {
		t.Errorf("%+v (%v) of a network without features, want why", s, err)
	}
}
