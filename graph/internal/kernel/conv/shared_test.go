package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// poisoned is memory as another kernel may have left it: larger, and without a number.
func poisoned() *Shared[float32] {
	nans := func() []float32 { return slices.Repeat([]float32{float32(math.NaN())}, 1<<21) }
	s := NewShared[float32]()
	s.rounds = strip[float32]{v: nans(), m: nans()}
	for range 3 {
		s.strips.Put(&strip[float32]{v: nans(), m: nans()})
	}
	return s
}

// gatherers are convolutions whose engines gather rounds of images: in plain Go, which has
// no tiles for Winograd's, patches alone. Those of one seed are equal.
func gatherers(seed uint64) []*Conv2d[float32] {
	r := rand.New(rand.NewPCG(seed, 9))
	var all []*Conv2d[float32]
	for n := range 4 {
		s := winogradShape(r, 5+9*n)
		s.N = 4
		g := newGathered[float32]()
		g.least, g.most = 0, 1<<16
		c := NewConv2d[float32](s, true)
		c.engines = []engine[float32]{g}
		s = randomConv(r, 5+9*n)
		s.N, s.C, s.F, s.PadTop, s.PadLeft = 4, 16, 1+r.IntN(40), r.IntN(s.KH), r.IntN(s.KW)
		p := newPatched[float32]()
		p.always, p.most = true, 1<<12
		d := NewConv2d[float32](s, true)
		d.engines = []engine[float32]{p}
		all = append(all, c, d)
	}
	return slices.DeleteFunc(all, func(c *Conv2d[float32]) bool {
		c.choose(nil)
		return c.rounds.engine == nil
	})
}

// trained are all results of a convolution, forward and backward.
func trained(c *Conv2d[float32]) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	s := c.Shape
	in := [][]float32{kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights()), kerneltest.Normal[float32](r, s.F)}
	y, dy := make([]float32, s.N*s.OutSize()), kerneltest.Normal[float32](r, s.N*s.OutSize())
	dIn := [][]float32{make([]float32, len(in[0])), make([]float32, len(in[1])), make([]float32, len(in[2]))}
	c.Forward(y, in)
	c.Backward(dIn, dy, in)
	return slices.Concat(y, dIn[0], dIn[1], dIn[2])
}

// TestSharedRounds: whatever others have left in the memory of a round, a convolution has
// the same bits as with its own, and keeps none of it.
func TestSharedRounds(t *testing.T) {
	own, sharing, shared := gatherers(1), gatherers(1), poisoned()
	fresh := NewShared[float32]()
	if len(sharing) < 4 {
		t.Fatalf("%d convolutions gather, want 4 with patches at least", len(sharing))
	}
	for i, c := range sharing {
		want := trained(own[i])
		c.Share(shared)
		if got := trained(c); !slices.Equal(got, want) {
			t.Errorf("%+v: other bits in shared memory", c.Shape)
		}
		if v, m := c.rounds.engine.memory(); *v != nil || *m != nil || c.Bytes() >= own[i].Bytes() {
			t.Errorf("%+v: keeps %d bytes, %d without sharing, want less", c.Shape, c.Bytes(), own[i].Bytes())
		}
		c.Share(fresh)
	}
	for _, c := range sharing {
		trained(c)
	}
	if fresh.Bytes() != fresh.Plans() || fresh.Bytes() == 0 {
		t.Errorf("%d bytes are shared, want the %d planned", fresh.Bytes(), fresh.Plans())
	}
}

// TestSharedStrips: the same of layers that go tile by tile, few tiles and many.
func TestSharedStrips(t *testing.T) {
	shared := poisoned()
	for _, kind := range layerKinds {
		if kind.tiling.side == 0 {
			continue
		}
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(kind.name, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 3))
				s := kind.shape(r)
				if s.N = 1; seed%2 > 0 {
					s.N = 40
				}
				c := newLayerCase[float32](r, s, Finish{Bias: true}, kind.tiling)
				l := c.layer()
				want := c.run(t, c.layer())
				l.Share(shared)
				if got := c.run(t, l); !slices.Equal(got, want) {
					t.Errorf("%+v: other bits in shared memory", c.Shape)
				}
			})
		}
	}
}
