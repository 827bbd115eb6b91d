package train

import (
	"maps"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// Every epoch reads every sample once, in an order of its own that the seed fixes.
func TestFitShuffles(t *testing.T) {
	const n, epochs = 103, 3                        // batches of 10, the last of 3
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // several workers would note their reads by turns
	orders := func(seed uint64) [][]int {
		d := blobSet(n, 5)
		fit(t, plainNet(), d, Config{Epochs: epochs, Batch: 10, Seed: seed})
		return slices.Collect(slices.Chunk(d.Train.(*blobs).reads, n))
	}
	got := orders(1)
	if len(got) != epochs || len(got[epochs-1]) != n {
		t.Fatalf("%d epochs, the last of %d reads, want %d of %d", len(got), len(got[len(got)-1]), epochs, n)
	}
	everyone := make([]int, n)
	for i := range everyone {
		everyone[i] = i
	}
	for e, order := range got {
		if !slices.Equal(slices.Sorted(slices.Values(order)), everyone) {
			t.Errorf("epoch %d reads %v, want each of %d samples once", e+1, order, n)
		}
		if slices.Equal(order, everyone) {
			t.Errorf("epoch %d reads the samples in their own order", e+1)
		}
		for _, other := range got[:e] {
			if slices.Equal(order, other) {
				t.Errorf("epoch %d has the order of an earlier one", e+1)
			}
		}
	}
	if !reflect.DeepEqual(orders(1), got) {
		t.Error("equal seeds, other orders")
	}
	if slices.Equal(orders(2)[0], got[0]) {
		t.Error("other seed, equal order")
	}
}

// dimmed is samples that are darker in each epoch.
type dimmed struct {
	data.Samples
	by float32
}

func (d dimmed) Epoch(n int) data.Samples { return dimmed{d.Samples, float32(n)} }

func (d dimmed) Read(i int, x []float32) (class int, err error) {
	class, err = d.Samples.Read(i, x)
	for k := range x {
		x[k] /= 1 + d.by
	}
	return class, err
}

// Each epoch trains on its own samples, as augmentation makes them: two epochs
// in one run are two runs of one, the second of which goes on.
func TestFitEpochs(t *testing.T) {
	set := func(train func(data.Samples) data.Samples) data.Dataset {
		d := blobSet(53, 5)
		d.Train = train(d.Train)
		return d
	}
	changing := set(func(s data.Samples) data.Samples { return dimmed{s, 0} })
	got := fit(t, plainNet(), changing, Config{Epochs: 2, Batch: 10})
	c := Config{Epochs: 1, Batch: 10, Dir: t.TempDir()}
	fit(t, plainNet(), blobSet(53, 5), c)
	c.Epochs, c.Resume = 2, true
	halved := set(func(s data.Samples) data.Samples { return struct{ data.Samples }{dimmed{s, 1}} })
	if want := fit(t, plainNet(), halved, c); !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("the second epoch is not trained on its own samples")
	}
	same := fit(t, plainNet(), blobSet(53, 5), Config{Epochs: 2, Batch: 10})
	if reflect.DeepEqual(bits(got.Network), bits(same.Network)) {
		t.Error("the second epoch has the first one's samples")
	}
}

// The batches are as long as they should be, and the callbacks say so.
func TestFitBatches(t *testing.T) {
	for _, tt := range []struct {
		name      string
		n, batch  int
		wantAfter []int // images after each batch
	}{
		{"short last batch", 25, 10, []int{10, 20, 25}},
		{"whole batches", 20, 10, []int{10, 20}},
		{"batch of all", 7, 7, []int{7}},
		{"batch larger than all", 7, 100, []int{7}},
		{"single samples", 3, 1, []int{1, 2, 3}},
		{"default of 32", 33, 0, []int{32, 33}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var after []int
			var epochs []Epoch
			res := fit(t, plainNet(), blobSet(tt.n, 4), Config{Epochs: 2, Batch: tt.batch,
				Callbacks: []Callback{BatchFunc(func(p Progress) {
					after = append(after, p.Images)
					if p.Of != tt.n || p.Epochs != 2 || p.Epoch != len(epochs)+1 || p.Accuracy > 1 || p.ImagesPerSecond <= 0 {
						t.Errorf("progress %+v", p)
					}
				}),
					onEpoch(func(e Epoch) { epochs = append(epochs, e) })},
			})
			if want := slices.Concat(tt.wantAfter, tt.wantAfter); !slices.Equal(after, want) {
				t.Errorf("images after each batch %v, want %v", after, want)
			}
			if !slices.Equal(epochs, res.History) || len(epochs) != 2 || epochs[1].Epoch != 2 {
				t.Errorf("epochs %+v, history %+v", epochs, res.History)
			}
		})
	}
}

// A short batch must count less: the epoch's loss and accuracy are means over images. With a learning rate of almost
// nothing they are those of the initial network.
func TestFitWeighsShortBatch(t *testing.T) {
	d := blobSet(25, 25)
	res := fit(t, plainNet(), d, Config{Epochs: 1, Batch: 10, Optimizer: SGD{LR: 1e-30}})
	e := res.History[0]
	if diff := e.Loss - e.ValLoss; max(diff, -diff) > 1e-6 || e.Accuracy != e.ValAccuracy {
		t.Errorf("epoch %+v, want the evaluation's loss and accuracy: both sets are equal", e)
	}
}

// loadMNIST reads the real one once.
var loadMNIST = sync.OnceValues(data.MNIST)

// mnist is a small part of it.
func mnist(t testing.TB, train, test int) data.Dataset {
	t.Helper()
	d, err := loadMNIST()
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, train), data.Limit(d.Test, test)
	return d
}

func TestFitLearnsMNIST(t *testing.T) {
	net := graph.Sequential{
		graph.AvgPool2D{Size: 4}, // (N,1,7,7)
		graph.Flatten{},
		graph.Dense{Units: 32, Activation: graph.ReLU},
		graph.Dense{Units: 10},
	}
	h := fit(t, net, mnist(t, 1000, 300), Config{Epochs: 8, Optimizer: Adam{LR: 0.01}, Seed: 1}).History
	for i := 1; i < len(h); i++ {
		if h[i].Loss >= h[i-1].Loss {
			t.Errorf("loss %.4f in epoch %d after %.4f, want it to fall", h[i].Loss, i+1, h[i-1].Loss)
		}
	}
	if last := h[len(h)-1]; last.ValAccuracy < 0.8 || last.ValLoss >= h[0].ValLoss {
		t.Errorf("the last epoch is %+v after %+v, want a test accuracy of 0.8 and a lower test loss", last, h[0])
	}
}

// Equal settings give equal weights, for any number of processors; another seed gives others.
func TestFitDeterministic(t *testing.T) {
	train := func(seed uint64, procs int) map[string][]uint32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		return bits(fit(t, smallNet(), blobSet(50, 9), Config{Epochs: 3, Batch: 16, Seed: seed}).Network)
	}
	want := train(1, 1)
	for _, procs := range []int{1, 2, 3} {
		if got := train(1, procs); !reflect.DeepEqual(got, want) {
			t.Errorf("GOMAXPROCS %d: other weights in a second run", procs)
		}
	}
	other := train(2, 1)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if slices.Equal(other[name], want[name]) {
			t.Errorf("another seed, equal %s", name)
		}
	}
}

// The zero Config is the documented one.
func TestConfigDefaults(t *testing.T) {
	c := Config{}.defaults()
	if c.Epochs != 10 || c.Batch != 32 || c.Optimizer != (Adam{}) {
		t.Errorf("defaults are %+v", c)
	}
}
