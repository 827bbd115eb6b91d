package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestLayer compares every engine, with every ending, with a loop in float64.
func TestLayer(t *testing.T) {
	for _, kind := range layerKinds {
		t.Run(kind.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for _, f := range finishes() {
				s := kind.shape(r)
				checkLayer(t, newLayerCase[float32](r, s, f, kind.tiling), 2e-5)
				checkLayer(t, newLayerCase[float64](r, s, f, kind.tiling), 1e-9)
			}
		})
	}
}

// FuzzLayer does so for shapes and endings that the fuzzer chooses.
func FuzzLayer(f *testing.F) {
	for kind := range layerKinds {
		f.Add(uint8(kind), uint8(13*kind), uint64(kind))
	}
	f.Fuzz(func(t *testing.T, kind, finish uint8, seed uint64) {
		k, r := layerKinds[int(kind)%len(layerKinds)], rand.New(rand.NewPCG(seed, 0))
		s, all := k.shape(r), finishes()
		checkLayer(t, newLayerCase[float32](r, s, all[int(finish)%len(all)], k.tiling), 2e-5)
		checkLayer(t, newLayerCase[float64](r, s, all[int(finish)%len(all)], k.tiling), 1e-9)
	})
}

// checkLayer runs a layer on every tier: the numbers are those of the formula, in a
// first run and later, and the bits of AVX-512 those of AVX2.
func checkLayer[T cpu.Float](t *testing.T, c *layerCase[T], bound float64) {
	t.Helper()
	want, scale := c.want()
	var first []T
	best := cpu.Best()
	if _, ok := any(T(0)).(float64); ok {
		best = cpu.TierGo // which is all that there is
	}
	for tier := cpu.TierGo; tier <= best; tier++ {
		undo, l := cpu.Use(tier), c.layer()
		for range 2 {
			got := c.run(t, l)
			for i, v := range got {
				if !(math.Abs(float64(v)-want[i]) <= bound*scale) {
					t.Fatalf("%v, %+v, %+v, %v ▶ %v: y[%d] is %v, want %v ± %v", tier, c.Shape, c.Finish, c.in, c.out, i, v, want[i], bound*scale)
				}
			}
			if tier >= cpu.TierAVX2 && first == nil {
				first = got
			}
			if first != nil && !slices.Equal(got, first) {
				t.Fatalf("%v, %+v: other bits than on AVX2", tier, c.Shape)
			}
		}
		undo()
	}
}

// TestLayerThreads: the bits do not depend on the number of threads.
func TestLayerThreads(t *testing.T) {
	for _, kind := range layerKinds {
		t.Run(kind.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 4 {
				c := newLayerCase[float32](r, kind.shape(r), finishes()[r.IntN(len(finishes()))], kind.tiling)
				var first []float32
				for _, threads := range []int{1, 2, 3, 8} {
					before := runtime.GOMAXPROCS(threads)
					got := c.run(t, c.layer())
					runtime.GOMAXPROCS(before)
					if first == nil {
						first = got
					}
					if !slices.Equal(got, first) {
						t.Errorf("%+v: %d threads give other bits than one", c.Shape, threads)
					}
				}
			}
		})
	}
}

// TestLayerAllocatesNothing: whether or not the weights are fixed, no run but the
// first ones allocates. There are so many runs that the memory of a second goroutine,
// which it takes when it first has work, is less than one allocation a run.
func TestLayerAllocatesNothing(t *testing.T) {
	for _, kind := range layerKinds {
		t.Run(kind.name, func(t *testing.T) {
			kerneltest.EachTier(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(5, 6))
				for i, all := 0, finishes(); i < len(all); i += 3 {
					c := newLayerCase[float32](r, kind.shape(r), all[i], kind.tiling)
					l := c.layer()
					if i%2 > 0 {
						l.Fix()
					}
					c.run(t, l)
					in, y := c.operands(t), make([]float32, length(c.out))
					n := testing.AllocsPerRun(16, func() {
						runtime.GOMAXPROCS(2) // AllocsPerRun has set it to 1, and sets it back
						l.Forward(y, in)
					})
					if n > 0 {
						t.Errorf("%+v, fixed %v: %v allocations a run, want 0", c.Shape, i%2 > 0, n)
					}
				}
			})
		})
	}
}

// TestLayerFixed: operands that are fixed are read once, others at each run.
func TestLayerFixed(t *testing.T) {
	for _, kind := range layerKinds {
		r := rand.New(rand.NewPCG(7, 8))
		c := newLayerCase[float64](r, kind.shape(r), Finish{Bias: true, Norm: &Norm{Epsilon: 1}}, kind.tiling)
		fixed, free := c.layer(), c.layer()
		fixed.Fix()
		shared := NewShared[float64]()
		free.Share(shared)
		before := c.run(t, fixed)
		if again := c.run(t, free); !slices.Equal(again, before) {
			t.Errorf("%s: the first run gives other bits with fixed weights", kind.name)
		}
		for _, x := range append([][]float64{c.w}, c.numbers...) {
			for i := range x {
				x[i] = 2*x[i] + 1
			}
		}
		if again := c.run(t, fixed); !slices.Equal(again, before) {
			t.Errorf("%s: weights are fixed, and changed the output", kind.name)
		}
		after := c.run(t, free)
		want, _ := c.want()
		kerneltest.CheckRelative(t, kind.name+", new weights: y", after, want, 1e-9)
		if got, want := free.Prepares(), []int{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
			t.Errorf("%s: prepares operands %v, want %v", kind.name, got, want)
		}
		if free.Bytes() <= 0 || free.Bytes() > free.Plans() {
			t.Errorf("%s: keeps %d bytes, want some, and no more than the %d planned", kind.name, free.Bytes(), free.Plans())
		}
		if shared.Bytes() > shared.Plans() || (shared.Bytes() > 0) != (kind.tiling.side > 0) {
			t.Errorf("%s: shares %d bytes, want some of tiles alone, and no more than the %d planned", kind.name, shared.Bytes(), shared.Plans())
		}
	}
}

// TestNewLayer: the shape alone chooses the engine.
func TestNewLayer(t *testing.T) {
	of := func(n, c, h, f, k, stride, groups int) Shape {
		o := (h-1)/stride + 1
		return Shape{
			N: n, C: c, H: h, W: h, F: f, KH: k, KW: k, StrideH: stride, StrideW: stride, PadTop: k / 2, PadLeft: k / 2,
			DilationH: 1, DilationW: 1, Groups: groups, OH: o, OW: o,
		}
	}
	for _, test := range []struct {
		shape Shape
		want  string
	}{
		{of(1, 3, 224, 64, 7, 2, 1), "*conv.sliding[float32] {0 0}"},
		{of(1, 64, 56, 64, 3, 1, 1), "*conv.tiled[float32] {6 4}"},
		{of(1, 512, 7, 512, 3, 1, 1), "*conv.sliding[float32] {0 0}"},
		{of(8, 512, 14, 512, 3, 1, 1), "*conv.tiled[float32] {4 2}"},
		{of(1, 64, 56, 128, 3, 2, 1), "*conv.sliding[float32] {0 0}"},
		{of(1, 32, 56, 32, 3, 1, 32), "*conv.windowed[float32] {0 0}"},
		{of(1, 32, 56, 64, 3, 1, 32), "*conv.sliding[float32] {0 0}"},
		{of(1, 1, 28, 1, 3, 1, 1), "*conv.sliding[float32] {0 0}"},
		{of(1, 64, 56, 64, 3, 1, 2), "*conv.sliding[float32] {0 0}"},
	} {
		var chosen tiling
		l := NewLayer[float32](test.shape, Finish{})
		if e, ok := l.engine.(*tiled[float32]); ok {
			chosen = e.tiling
		}
		if got := fmt.Sprintf("%T %v", l.engine, chosen); got != test.want {
			t.Errorf("%+v: engine %s, want %s", test.shape, got, test.want)
		}
	}
}
