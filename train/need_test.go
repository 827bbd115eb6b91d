package train

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/train/data"
)

// photographs are many and large, and are never read.
type photographs int

func (p photographs) Len() int                         { return int(p) }
func (p photographs) Read(int, []float32) (int, error) { panic("nobody is to read it") }

// dense is a layer whose memory is counted by hand: 3·4·5·7 weights and a bias.
func dense() graph.Layer { return graph.Sequential{graph.Flatten{}, graph.Dense{Units: 7}} }

func needs(t *testing.T, c Config, train, test int) Need {
	t.Helper()
	d := data.Dataset{Shape: [3]int{3, 4, 5}, Train: photographs(train), Test: photographs(test)}
	net, err := graph.NewNetwork(dense(), d.Shape[:], graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Need(net, d)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNeedOfTheOptimizer: what is kept beside the weights, setting by setting.
func TestNeedOfTheOptimizer(t *testing.T) {
	const weights = 4 * (60*7 + 7)
	for _, tt := range []struct {
		name   string
		config Config
		copies int
	}{
		{"Adam", Config{}, 2},
		{"SGD without momentum", Config{Optimizer: SGD{}}, len(SGD{}.Slots())},
		{"accumulated", Config{Accumulate: 4}, 3},
		{"averaged", Config{Average: 0.9}, 3},
		{"patient", Config{Patience: 3}, 4},
		{"in lanes at once", Config{Lanes: 8}, 2},
		{"in lanes", Config{Lanes: 8, oneByOne: true}, 2 + 3},                            // the tree's depth
		{"in three lanes", Config{Lanes: 3, oneByOne: true}, 2 + 1},                      // the third is added where it arises
		{"one of two", Config{Group: newGroup(2)[0], oneByOne: true}, 2 + 2 + 1 + 1 + 1}, // its half of the tree, the sum, and a node sent and received
		{"one of two at once", Config{Group: newGroup(2)[0]}, 2 + 1 + 1 + 1 + 1},
		{"all", Config{Accumulate: 2, Average: 0.9, Patience: 1}, 6},
	} {
		if got := needs(t, tt.config, 64, 64).Optimizer; got != tt.copies*weights {
			t.Errorf("%s: %d bytes, want %d copies of %d", tt.name, got, tt.copies, weights)
		}
	}
}

// TestNeedOfDefence: attacks have graphs of their own.
func TestNeedOfDefence(t *testing.T) {
	plain := needs(t, Config{}, 64, 64)
	pgd := needs(t, Config{Defence: Adversarial{Method: "pgd", Epsilon: 0.3}}, 64, 64)
	trades := needs(t, Config{Defence: Adversarial{Method: "trades", Epsilon: 0.3}}, 64, 64)
	if !(plain.Graphs < pgd.Graphs && pgd.Graphs < trades.Graphs) {
		t.Errorf("graphs need %d, %d under PGD and %d with TRADES, want more and more", plain.Graphs, pgd.Graphs, trades.Graphs)
	}
}

// TestNeedOfGraphs: each batch size of a run has a graph.
func TestNeedOfGraphs(t *testing.T) {
	whole := needs(t, Config{Batch: 32}, 64, 128).Graphs
	for _, tt := range []struct {
		name        string
		batch       int
		train, test int
		more        bool
	}{
		{"a shorter batch of training", 32, 70, 128, true},
		{"a shorter batch of evaluation", 32, 64, 130, true},
		{"more of the same batches", 32, 640, 1280, false},
	} {
		got := needs(t, Config{Batch: tt.batch}, tt.train, tt.test).Graphs
		if tt.more != (got > whole) || !tt.more && got != whole {
			t.Errorf("%s: the graphs need %d bytes, without %d", tt.name, got, whole)
		}
	}
	if inputs := 4 * (32 + 128) * 3 * 4 * 5; whole < inputs {
		t.Errorf("the graphs need %d bytes, want at least their inputs' %d", whole, inputs)
	}
}

func TestNeedOfBatches(t *testing.T) {
	const image = 4 * 3 * 4 * 5
	if got, want := needs(t, Config{Batch: 32}, 20, 5).Batches, 25*image; got != want {
		t.Errorf("two short batches need %d bytes, want %d", got, want)
	}
	few, many := needs(t, Config{Batch: 32}, 32, 128), needs(t, Config{Batch: 32}, 32000, 12800)
	if many.Batches < 2*few.Batches || many.Batches%few.Batches != 0 {
		t.Errorf("many batches need %d bytes, one of each %d, want a few times that", many.Batches, few.Batches)
	}
	if got, want := many.Total(), many.Resident+many.Graphs+many.Optimizer+many.Batches; got != want || many.Resident <= 0 {
		t.Errorf("total %d of %+v, want %d", got, many, want)
	}
}

// TestTooLarge: a run that cannot have its memory is refused before anything is
// read, written or run, with the way out.
func TestTooLarge(t *testing.T) {
	available, known := memory.Available()
	if !known {
		t.Skip("the system does not tell what is available")
	}
	const image = 4 * 3 * 64 * 64
	l := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}
	for name, batch := range map[string]int{
		"images read ahead are too many":       available/(2*image) + 1,
		"the input alone is, and is not built": 2 * available / image,
	} {
		d := data.Dataset{
			Name: "photographs", Shape: [3]int{3, 64, 64}, Classes: []string{"a", "b"},
			Train: photographs(100 * batch), Test: photographs(10),
		}
		dir := filepath.Join(t.TempDir(), "run")
		_, err := Fit(t.Context(), l, d, Config{Batch: batch, Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "; available are ") || !strings.Contains(err.Error(), "want a smaller batch, such as ") {
			t.Errorf("%s: got error %v, want one that says what is needed, what is available, and the way out", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the run has a folder, want none", name)
		}
	}
}

// TestWayOut: the batch that is proposed is the largest half, quarter and so on
// that fits, with as many batches for a step as make up for it.
func TestWayOut(t *testing.T) {
	n := Need{Resident: 50e6, Graphs: 900e6, Batches: 100e6, Optimizer: 10e6}
	for _, tt := range []struct {
		batch, accumulate, available int
		want                         string
	}{
		{32, 0, 1011e6, ""},
		{32, 0, 600e6, "such as 16, which with 2 batches accumulated makes the same step"},
		{32, 3, 300e6, "such as 8, which with 12 batches accumulated makes the same step"},
		{32, 0, 20e6, "want a machine with more, a smaller network or smaller images"},
		{1, 0, 600e6, "want a machine with more"},
	} {
		r := &run{Config: Config{Batch: tt.batch, Accumulate: tt.accumulate}}
		err := r.tooLarge(n, tt.available)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("batch %d, available %d: got error %v, want %q", tt.batch, tt.available, err, tt.want)
		}
	}
	want := "about 1060 MB of memory: graphs 900 MB, optimizer 10 MB, images read ahead 100 MB, all else 50 MB"
	if n.String() != want {
		t.Errorf("got %q, want %q", n, want)
	}
}

func TestEvaluationBatch(t *testing.T) {
	for _, tt := range []struct {
		image []int
		want  int
	}{
		{[]int{1, 28, 28}, 128}, {[]int{3, 64, 64}, 128}, {[]int{3, 224, 224}, 10}, {[]int{3, 2000, 2000}, 1}, {[]int{5}, 128},
	} {
		if got := EvaluationBatch(tt.image); got != tt.want {
			t.Errorf("%v: %d at a time, want %d", tt.image, got, tt.want)
		}
	}
}

// TestEvaluationOfPhotographs: fewer at a time make the same loss, but for
// rounding.
func TestEvaluationOfPhotographs(t *testing.T) {
	l := graph.Sequential{graph.GlobalAvgPool2D{}, graph.Dense{Units: 3}}
	net, err := graph.NewNetwork(l, []int{3, 100, 100}, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if batch := EvaluationBatch(net.Input); batch != 52 {
		t.Fatalf("%d at a time, want 52", batch)
	}
	samples := stripes(60)
	loss, accuracy, err := Evaluate(t.Context(), net, samples)
	if err != nil {
		t.Fatal(err)
	}
	m, err := net.Model(graph.Eval, 60)
	if err != nil {
		t.Fatal(err)
	}
	var sums tally
	labels := m.Target.Float32s()
	for i := range labels {
		class, _ := samples.Read(i, m.Input.Float32s()[i*30000:][:30000])
		labels[i] = float32(class)
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	sums.add(m)
	if math.Abs(loss-sums.loss()) > 1e-5*sums.loss() || accuracy != sums.accuracy() {
		t.Errorf("loss %g and accuracy %g, all at once %g and %g", loss, accuracy, sums.loss(), sums.accuracy())
	}
}

// stripes are images whose channels have each a value of their own.
type stripes int

func (s stripes) Len() int { return int(s) }
func (s stripes) Read(i int, x []float32) (int, error) {
	for k := range x {
		x[k] = float32((i+1)*(1+k/10000)%7) / 7
	}
	return i % 3, nil
}

// TestEpochsLeaveNothing: what an epoch leaves behind is collected at its end, and
// not when it has become as much as all that is in use.
func TestEpochsLeaveNothing(t *testing.T) {
	var collections []uint32
	c := Config{Epochs: 4, Callbacks: []Callback{onEpoch(func(Epoch) {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		collections = append(collections, s.NumGC)
	})}}
	if _, err := Fit(t.Context(), dense(), data.Dataset{
		Name: "stripes", Shape: [3]int{3, 4, 5}, Classes: strings.Split("abcdefg", ""), Train: stripes(40), Test: stripes(20),
	}, c); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(collections); i++ {
		if collections[i] == collections[i-1] {
			t.Errorf("no collection in epoch %d, want one: %v", i+1, collections)
		}
	}
}
