package data

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

// stored is numbered samples that are on the disk.
type stored struct{ numbered }

func (stored) onDisk() bool { return true }

// TestOrder holds that every order has each sample once, is fixed by seed and
// epoch, and mixes.
func TestOrder(t *testing.T) {
	for _, s := range []Samples{numbered{20000, 2}, stored{numbered{20000, 2}}, stored{numbered{65, 2}}, stored{numbered{1, 1}}, stored{numbered{0, 1}}} {
		order := Order(s, 1, 0)
		sorted := slices.Sorted(slices.Values(order))
		if !slices.Equal(sorted, InOrder(s.Len())) {
			t.Fatalf("%T: not each of %d samples once", s, s.Len())
		}
		if !slices.Equal(order, Order(s, 1, 0)) {
			t.Errorf("%T: two orders for one seed and epoch", s)
		}
		if s.Len() > 1 && (slices.Equal(order, Order(s, 1, 1)) || slices.Equal(order, Order(s, 2, 0))) {
			t.Errorf("%T: one order for two seeds or epochs", s)
		}
	}
	if got, want := Order(numbered{50, 1}, 3, 4), rand.New(rand.NewPCG(3, 4)).Perm(50); !slices.Equal(got, want) {
		t.Errorf("in memory: order %v, want %v", got, want)
	}
}

// TestOrderOnDisk holds what a buffer of 8192 promises: neighbours are far
// apart, as in a random order, and wherever one reads, only a part of the
// samples is near.
func TestOrderOnDisk(t *testing.T) {
	const n = 100000
	order := Order(Limit(stored{numbered{n + 5, 2}}, n), 1, 0)
	in := rand.New(rand.NewPCG(1, 0)).Perm((n + stretch - 1) / stretch)
	at := make([]int, len(in)) // when each stretch is read
	for k, s := range in {
		at[s] = k
	}
	var distance float64
	for k, i := range order {
		if k > 0 {
			distance += math.Abs(float64(i-order[k-1])) / n
		}
		if read := at[i/stretch] * stretch; read > k+buffer+stretch {
			t.Fatalf("sample %d comes as number %d, and is read as number %d", i, k, read)
		}
	}
	if mean := distance / n; math.Abs(mean-1./3) > 0.02 {
		t.Errorf("mean distance of neighbours %.3f of all, want 1/3 as in a random order", mean)
	}
}

// TestAhead holds that the batches are the samples in their order for any
// number of workers.
func TestAhead(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(procs)
		for _, tt := range []struct{ n, batch, want int }{{100, 7, 15}, {100, 10, 10}, {100, 1000, 1}, {3, 1, 3}, {0, 4, 0}} {
			order := Order(numbered{tt.n, 10}, 9, 2)
			var seen []int
			batches := 0
			err := Ahead(t.Context(), numbered{tt.n, 10}, 2, order, tt.batch, func(b Batch) error {
				batches++
				for k, class := range b.Classes {
					i := int(b.X[2*k])
					if class != i%10 || b.X[2*k+1] != b.X[2*k] || len(b.X) != 2*len(b.Classes) {
						t.Errorf("sample %d: class %d, values %v", i, class, b.X[2*k:2*k+2])
					}
					seen = append(seen, i)
				}
				return nil
			})
			if err != nil || !slices.Equal(seen, order) || batches != tt.want {
				t.Errorf("%d samples by %d on %d: %d batches, want %d; error %v; the right order: %v", tt.n, tt.batch, procs, batches, tt.want, err, slices.Equal(seen, order))
			}
		}
	}
}

// faulty fails or panics at one sample.
type faulty struct {
	numbered
	at    int
	panic bool
}

var errFaulty = errors.New("faulty")

func (s faulty) Read(i int, x []float32) (int, error) {
	if i == s.at && s.panic {
		panic("oh")
	}
	if i == s.at {
		return 0, errFaulty
	}
	return s.numbered.Read(i, x)
}

func TestAheadErrors(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	count := 0
	counting := func(Batch) error { count++; return nil }
	s := numbered{100, 10}
	err := Ahead(t.Context(), faulty{s, 55, false}, 1, InOrder(100), 10, counting)
	if !errors.Is(err, errFaulty) || count != 5 {
		t.Errorf("a bad sample: error %v after %d batches, want that of sample 55 after 5", err, count)
	}
	wantError(t, err, "sample 55: ", "faulty")
	wantError(t, Ahead(t.Context(), faulty{s, 55, true}, 1, InOrder(100), 10, counting), "data: ", "panicked: oh")
	wantError(t, Ahead(t.Context(), s, 1, InOrder(100), 0, counting), "data: ", "batches of 0")
	wantError(t, Ahead(t.Context(), s, 1, []int{5, 100}, 1, counting), "sample 100: data: ", "want 0 to 99")

	count = 0
	err = Ahead(t.Context(), s, 1, InOrder(100), 10, func(Batch) error {
		if count++; count == 3 {
			return errFaulty
		}
		return nil
	})
	if err != errFaulty || count != 3 {
		t.Errorf("error %v after %d batches, want that of the third", err, count)
	}
	ctx, cancel := context.WithCancel(t.Context())
	count = 0
	err = Ahead(ctx, s, 1, InOrder(100), 10, func(Batch) error { count++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || count != 1 {
		t.Errorf("error %v after %d batches, want a cancelled context after 1", err, count)
	}
	for range 1000 { // a worker that has said it is done takes a moment to go
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, want %d as before", runtime.NumGoroutine(), goroutines)
}

// watched knows how many samples have been read.
type watched struct {
	numbered
	read *atomic.Int64
}

func (s watched) Read(i int, x []float32) (int, error) {
	s.read.Add(1)
	return s.numbered.Read(i, x)
}

// TestAheadBound holds that workers are at most two batches ahead each.
func TestAheadBound(t *testing.T) {
	var read atomic.Int64
	done, workers := 0, runtime.GOMAXPROCS(0)
	err := Ahead(t.Context(), watched{numbered{1000, 10}, &read}, 1, InOrder(1000), 10, func(b Batch) error {
		for range 100 {
			runtime.Gosched()
		}
		if ahead := int(read.Load()) - done; ahead > 2*10*workers {
			t.Errorf("%d samples ahead of the %d done, want at most two batches of 10 for %d workers", ahead, done, workers)
		}
		done += len(b.Classes)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAheadAllocations(t *testing.T) {
	s, order := numbered{10000, 10}, InOrder(10000)
	allocs := testing.AllocsPerRun(5, func() {
		if err := Ahead(t.Context(), s, 4, order, 10, func(Batch) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > float64(30*runtime.GOMAXPROCS(0)) {
		t.Errorf("%v allocations for 1000 batches, want only those of the start", allocs)
	}
}

func TestNormalize(t *testing.T) {
	d := mnist(t)
	d.Train = Limit(d.Train, 6000)
	st, err := NewStats(t.Context(), d.Train, d.Shape)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Normalize(d, st)
	if err != nil {
		t.Fatal(err)
	}
	after, err := NewStats(t.Context(), n.Train, d.Shape)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(after.Mean[0]) > 1e-5 || math.Abs(after.Deviation[0]-1) > 1e-5 {
		t.Errorf("after normalisation by %v: mean %v and deviation %v, want 0 and 1", st, after.Mean, after.Deviation)
	}
	x, y := make([]float32, 784), make([]float32, 784)
	if _, err := d.Test.Read(0, x); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Test.Read(0, y); err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if want := (float64(x[i]) - st.Mean[0]) / st.Deviation[0]; math.Abs(float64(y[i])-want) > 1e-5 {
			t.Fatalf("test value %v becomes %v, want %v by the training part's numbers", x[i], y[i], want)
		}
	}
}

// TestStats compares with the numbers that PyTorch's MNIST example normalises
// by, and with colour by hand.
func TestStats(t *testing.T) {
	d := mnist(t)
	st, err := NewStats(t.Context(), d.Train, d.Shape)
	if err != nil || math.Abs(st.Mean[0]-0.1307) > 5e-5 || math.Abs(st.Deviation[0]-0.3081) > 5e-5 {
		t.Errorf("%v and error %v, want 0.1307 and 0.3081", st, err)
	}
	colour := &inMemory{pixels: []byte{0, 255, 51, 51, 255, 255, 0, 51, 51}, labels: []byte{0}, size: 9}
	st, err = NewStats(t.Context(), colour, [3]int{3, 1, 3})
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{[]float64{0.4, (0.2 + 1 + 1) / 3, 0.4 / 3}, []float64{
		math.Sqrt((0.16 + 0.36 + 0.04) / 3), 0.8 * math.Sqrt(2) / 3, 0.2 * math.Sqrt(2) / 3}}
	for c := range 3 {
		if math.Abs(st.Mean[c]-want.Mean[c]) > 1e-7 || math.Abs(st.Deviation[c]-want.Deviation[c]) > 1e-7 {
			t.Errorf("channel %d: %v and %v, want %v and %v", c, st.Mean[c], st.Deviation[c], want.Mean[c], want.Deviation[c])
		}
	}
	x, st := []float32{1, 2, 3, 4}, Stats{[]float64{1, 3}, []float64{0, 0.5}}
	st.Apply(x)
	if !slices.Equal(x, []float32{0, 1, 0, 2}) {
		t.Errorf("applied %v, want [0 1 0 2]: a constant channel is not divided", x)
	}
	if st.Undo(x); !slices.Equal(x, []float32{1, 2, 3, 4}) {
		t.Errorf("undone %v, want [1 2 3 4]", x)
	}
	if (Stats{}).Undo(x); !slices.Equal(x, []float32{1, 2, 3, 4}) {
		t.Errorf("%v after no stats were undone, want [1 2 3 4]", x)
	}
}

func TestStatsErrors(t *testing.T) {
	d := numberedSet(3, 2)
	_, err := Normalize(d, Stats{[]float64{1, 2}, []float64{1}})
	wantError(t, err, "data: ", "2 means and 1 deviations for dataset \"numbers\", want 1")
	_, err = NewStats(t.Context(), numbered{0, 1}, d.Shape)
	wantError(t, err, "data: ", "no samples")
	_, err = NewStats(t.Context(), faulty{numbered{9, 1}, 4, false}, d.Shape)
	wantError(t, err, "sample 4", "faulty")
}

// growing is other samples in each epoch.
type growing struct {
	numbered
	n int
}

func (s growing) Read(i int, x []float32) (int, error) {
	class, err := s.numbered.Read(i, x)
	x[0] += float32(100 * s.n)
	return class, err
}

func (s growing) Epoch(n int) Samples { return growing{s.numbered, n} }

// TestEpoch holds that the epoch goes through every wrapper, and so do labels
// and the order.
func TestEpoch(t *testing.T) {
	d := numberedSet(10, 2)
	d.Train = growing{numbered{10, 2}, 0}
	d, err := Normalize(d, Stats{[]float64{0}, []float64{1}})
	if err != nil {
		t.Fatal(err)
	}
	d.Train = Limit(d.Train, 9)
	for n := range 3 {
		if got := values(t, Epoch(d.Train, n), 1)[4]; got != float32(100*n+4) {
			t.Errorf("epoch %d: %v, want %d", n, got, 100*n+4)
		}
	}
	if got := values(t, d.Train, 1)[4]; got != 4 {
		t.Errorf("without an epoch: %v, want 4 as in epoch 0", got)
	}
	if s := Epoch(numbered{3, 1}, 2); s != (numbered{3, 1}) {
		t.Errorf("samples without epochs come back as %v", s)
	}
	labels, err := Labels(d.Train, d.Shape)
	if err != nil || fmt.Sprint(labels) != "[0 1 0 1 0 1 0 1 0]" {
		t.Errorf("labels %v, error %v", labels, err)
	}
	if onDisk(d.Train) {
		t.Error("samples in memory are on the disk")
	}
}
