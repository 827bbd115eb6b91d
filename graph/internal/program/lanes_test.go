package program

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// lanedNet makes a program of a seed for a batch of n images, of those from first on of
// all: the same parameters and images for each part of the batch. results are the
// gradients of what is bound, and y. samples says which of them have samples, and norms
// are the bound running statistics.
type lanedNet struct {
	*net[float32]
	results []*Value[float32]
	samples []bool
	norms   []*Value[float32]
}

// newLanedNet has so many images as size says, which are those from first on of all.
func newLanedNet(seed uint64, first, size, all int) (l lanedNet) {
	l.net = newNet[float32](seed)
	l.training = true
	channels, height, width := []int{3, 8, 16, 20}[l.r.IntN(4)], 6+l.r.IntN(6), 6+l.r.IntN(6)
	x := l.part("x", first, size, all, channels, height, width)
	values := []*Value[float32]{x}
	for range 2 + l.r.IntN(8) {
		y := l.random(values)
		if l.r.IntN(6) == 0 {
			if last := values[len(values)-1]; min(last.Shape[2], last.Shape[3]) >= 4 {
				y = l.block(last, 8*(1+l.r.IntN(3)))
			}
		}
		if len(y.Shape) == 4 {
			values = append(values, y)
		}
	}
	y := l.dense(l.flat(values[len(values)-1]), 5)
	dy := l.part("dy", first, size, all, 5)
	for _, op := range l.ops {
		for _, i := range op.constant {
			l.norms = append(l.norms, op.in[i])
		}
	}
	l.results = append(l.gradients(y, dy), y)
	for _, r := range l.results {
		l.samples = append(l.samples, r == y || slices.Equal(r.Shape, x.Shape))
	}
	return l
}

// part binds images [first,first+size) of all.
func (l *lanedNet) part(name string, first, size, all int, shape ...int) *Value[float32] {
	each := elements(shape)
	data := kerneltest.Normal[float32](l.r, all*each)[first*each:][:size*each]
	v := l.Bind(name, append([]int{size}, shape...), false, func() []float32 { return data })
	v.Samples = true
	return v
}

// TestLanes: programs at random have in lanes the bits of lane by lane, whatever memory
// holds, with and without passes, for any number of threads; or no step says why not.
func TestLanes(t *testing.T) {
	sizes := [][]int{{1, 1}, {2, 1, 2}, {2, 2, 2, 2}, {1, 3, 2, 1, 2, 1, 1, 2}}
	refused := 0
	for seed := range uint64(programs()) {
		for k, o := range []Options{{}, {NoLayout: true}, {NoFusion: true}, {Unplaced: true}} {
			if uint64(k) != seed%4 && k > 0 {
				continue
			}
			if err := checkLanes(seed, sizes[(seed+uint64(k))%4], o, 1+int(seed%3)); err != nil {
				if refused++; !refusal(err) {
					t.Errorf("seed %d, %+v: %v", seed, o, err)
				}
			}
		}
	}
	if refused*4 > programs() {
		t.Errorf("%d of %d programs are refused, want most to run in lanes", refused, programs())
	}
}

// refusal reports whether an error is one of cut.
func refusal(err error) bool {
	_, other := err.(lanesDiffer)
	return !other
}

// lanesDiffer is what checkLanes has found.
type lanesDiffer string

func (e lanesDiffer) Error() string { return string(e) }

// checkLanes compares a program in lanes with one for each lane.
func checkLanes(seed uint64, sizes []int, o Options, threads int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	all := 0
	for _, n := range sizes {
		all += n
	}
	whole := newLanedNet(seed, 0, all, all)
	laned := o
	laned.Lanes = sizes
	if err := whole.Compile(whole.results, laned); err != nil {
		return err
	}
	old := make([][]float32, len(whole.norms))
	for i, v := range whole.norms {
		old[i] = slices.Clone(v.Bound())
	}
	var got [][]float32
	for range 2 { // the second run begins with the first one's memory, but not its state
		for i, v := range whole.norms {
			copy(v.Bound(), old[i])
		}
		whole.spoil()
		if err := whole.Run(); err != nil {
			return lanesDiffer(err.Error())
		}
	}
	for _, r := range whole.results {
		got = append(got, slices.Clone(r.Data()))
	}
	for _, v := range whole.norms {
		got = append(got, v.Bound())
	}
	want, err := laneByLane(seed, sizes, all, o)
	if err != nil {
		return err
	}
	for i := range want {
		for k, w := range want[i] {
			if math.Float32bits(got[i][k]) != math.Float32bits(w) {
				return lanesDiffer(fmt.Sprintf("element %d of result %d is %v, lane by lane %v, in\n%s", k, i, got[i][k], w, whole.String()))
			}
		}
	}
	return nil
}

// laneByLane are the results of the lanes, one by one: those with samples one behind the
// other, the others added up.
func laneByLane(seed uint64, sizes []int, all int, o Options) ([][]float32, error) {
	var lanes [][][]float32
	var samples []bool
	first := 0
	for _, n := range sizes {
		l := newLanedNet(seed, first, n, all)
		if err := l.Compile(l.results, o); err != nil {
			return nil, err
		}
		if err := l.Run(); err != nil {
			return nil, lanesDiffer(err.Error())
		}
		var results [][]float32
		for _, r := range l.results {
			results = append(results, r.Data())
		}
		for _, v := range l.norms {
			results = append(results, v.Bound())
		}
		lanes, samples, first = append(lanes, results), l.samples, first+n
	}
	var want [][]float32
	levels := make([][]float32, 1+cpu.TreeDepth(len(sizes)))
	for i := range lanes[0] {
		if i < len(samples) && samples[i] {
			var joined []float32
			for _, lane := range lanes {
				joined = append(joined, lane[i]...)
			}
			want = append(want, joined)
			continue
		}
		cpu.Tree(0, len(sizes), 0, func(lane, level int) { levels[level] = slices.Clone(lanes[lane][i]) },
			func(level int) { vector.Add(levels[level], levels[level+1]) })
		want = append(want, levels[0])
	}
	return want, nil
}

// TestLanesAllocateNothing: a program in lanes that has run allocates no more.
func TestLanesAllocateNothing(t *testing.T) {
	for seed := range uint64(20) {
		l := newLanedNet(seed, 0, 7, 7)
		if l.Compile(l.results, Options{Lanes: []int{2, 3, 2}}) != nil {
			continue
		}
		if allocs := testing.AllocsPerRun(5, func() {
			if err := l.Run(); err != nil {
				t.Fatal(err)
			}
		}); allocs > 0 {
			t.Errorf("seed %d: %v allocations a run, want 0, in\n%s", seed, allocs, l.String())
		}
	}
}

// TestLanesPrinted: the printed form says which steps know lanes.
func TestLanesPrinted(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		n := newNet[float32](1)
		n.training = true
		x, dy := n.input(4, 8, 6, 6), n.bind("dy", 1, 4, 5)
		x.Samples, dy.Samples = true, true
		y := n.dense(n.flat(n.pool(n.relu(n.norm(n.conv(x, convolution{filters: 16}))), false, 2, 2)), 5)
		results := append(n.gradients(y, dy), y)
		if err := n.Compile(results, Options{Lanes: []int{2, 2}, NoLayout: true}); err != nil {
			t.Fatal(err)
		}
		checkGolden(t, "lanes", "a network", n.String())
	})
}

// TestLanesOfMadeFilters: what makes filters of parameters has gradients lane by lane,
// which its own gradient adds up.
func TestLanesOfMadeFilters(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		n := newNet[float32](1)
		n.training = true
		x, dy := n.input(4, 8, 6, 6), n.bind("dy", 1, 4, 5)
		x.Samples, dy.Samples = true, true
		y := n.dense(n.flat(n.conv(x, convolution{filters: 4, made: true})), 5)
		results := append(n.gradients(y, dy), y)
		if err := n.Compile(results, Options{Lanes: []int{2, 2}, NoLayout: true}); err != nil {
			t.Fatal(err)
		}
		checkGolden(t, "lanes", "made filters", n.String())
	})
}

// TestLanesRefused: what reads a sum over lanes, or mixes samples, is refused by name.
func TestLanesRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(n *net[float32], x *Value[float32]) *Value[float32]
		want string
	}{
		{"samples joined", func(n *net[float32], x *Value[float32]) *Value[float32] {
			return n.Add("Concat", &kernel.Concat[float32]{Outer: 1, Blocks: []int{64, 64}}, []int{8, 4, 2, 2}, x, x)
		}, "Concat: it does not keep samples apart, and does not know lanes"},
		{"a parameter beside images", func(n *net[float32], x *Value[float32]) *Value[float32] {
			return n.add(x, n.bind("w", 1, x.Shape...))
		}, "Add: it does not keep samples apart, and does not know lanes"},
		{"uneven samples", func(n *net[float32], x *Value[float32]) *Value[float32] {
			return n.Add("Strided", kernel.NewStrided[float32](0, []int{3, 1}, []int{16, 1}, false, true), []int{3, 1}, x)
		}, "Strided: its samples are not of one size"},
		{"a loss that is read", func(n *net[float32], x *Value[float32]) *Value[float32] {
			label := n.bind("label", 0, 4)
			weight := n.bind("weight", 1, 4)
			label.Samples, weight.Samples = true, true
			loss := n.Add("CrossEntropy", &kernel.CrossEntropy[float32]{N: 4, Classes: 16, Sum: true}, nil, n.flat(x), label, weight)
			return n.relu(loss)
		}, "ReLU: it reads a sum over lanes"},
		{"filters that an activation makes", func(n *net[float32], x *Value[float32]) *Value[float32] {
			s := conv.Shape{N: 4, C: 4, H: 2, W: 2, F: 3, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 2, OW: 2}
			y := n.Add("Conv2d", conv.NewConv2d[float32](s, false), []int{4, 3, 2, 2}, x, n.relu(n.bind("w", 1, 3, 4, 1, 1)))
			dy := n.bind("dy", 1, 4, 3, 2, 2)
			dy.Samples = true
			return n.gradients(y, dy)[1]
		}, "Grad: it is the gradient of what has no samples, and runs only once"},
	} {
		n := newNet[float32](1)
		x := n.input(4, 4, 2, 2)
		x.Samples = true
		err := n.Compile([]*Value[float32]{c.make(n, x)}, Options{Lanes: []int{2, 2}})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
