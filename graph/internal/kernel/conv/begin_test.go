package conv_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// excited is a 1×1 convolution of an image that is multiplied with factors, in two ways:
// by a kernel of its own, and by the convolution. Images lie channels last.
type excited struct {
	excite
	scale       *kernel.LastBroadcast[float32]
	apart, both *conv.Layer[float32] // the one takes x·s, the other x and s
	in          [][]float32          // of both
	product     []float32            // x·s
}

// excite says what is multiplied.
type excite struct {
	conv.Shape
	images             int // that have factors of their own
	x, s, product, out pixel.Layout
	endings            []conv.Ending
}

// pointwise is the shape of a 1×1 convolution.
func pointwise(n, c, h, w, f int) conv.Shape {
	return conv.Shape{N: n, C: c, H: h, W: w, F: f, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: h, OW: w}
}

// tight has factors for each image, and all that is an image lies without a gap.
func tight(s conv.Shape) excite {
	x, out := pixel.Planes(s.N, s.C, s.H, s.W).Lastly(pixel.Border{}), pixel.Planes(s.N, s.F, s.OH, s.OW).Lastly(pixel.Border{})
	return excite{Shape: s, images: s.N, x: x, product: x, out: out}
}

// randomExcite has images with borders or as parts of wider pixels, or neither, and
// factors that lie in any way.
func randomExcite(r *rand.Rand) excite {
	h, w := 1+r.IntN(12), 1+r.IntN(70)
	e := tight(pointwise(1+r.IntN(3), 8+r.IntN(40), h, w, 1))
	e.F = 1 + r.IntN(min(70, e.N*h*w))
	e.out = pixel.Planes(e.N, e.F, h, w).Lastly(pixel.Border{})
	e.images = 1 + r.IntN(2)*(e.N-1)
	for _, l := range []*pixel.Layout{&e.x, &e.product, &e.out} {
		*l = widened(r, *l)
	}
	if r.IntN(2) > 0 { // as a convolution gives them
		e.s = pixel.Planes(e.images, e.C, 1, 1).Lastly(pixel.Border{})
		e.s.Stride += pixel.Align * r.IntN(3)
	}
	if r.IntN(2) > 0 {
		e.endings = append(e.endings, conv.Ending{Sum: true})
	}
	switch r.IntN(3) {
	case 0:
		e.endings = append(e.endings, conv.Ending{Act: &conv.ReLU})
	case 1:
		e.endings = append(e.endings, conv.Ending{Act: &conv.Act{Curve: &vector.SiLU}})
	}
	return e
}

func widened(r *rand.Rand, l pixel.Layout) pixel.Layout {
	switch r.IntN(4) {
	case 0:
		l.Border = pixel.Border{Top: r.IntN(3), Bottom: r.IntN(3), Left: r.IntN(3), Right: r.IntN(3)}
	case 1:
		l.Stride += pixel.Align * (1 + r.IntN(3))
	}
	return l
}

// newExcited makes both, with operands at random.
func newExcited(t testing.TB, r *rand.Rand, e excite) *excited {
	t.Helper()
	c := &excited{excite: e, product: make([]float32, e.product.Size())}
	plain := kernel.NewBroadcast[float32](true, []int{e.N, e.C, e.H, e.W}, []int{e.images, e.C, 1, 1})
	last, _ := plain.Lastly()
	c.scale = last.(*kernel.LastBroadcast[float32])
	apart, _ := conv.NewConv2d[float32](e.Shape, true).Lastly()
	both, ok := apart.(*conv.Layer[float32]).Begin(plain.Beginning())
	if !ok {
		t.Fatalf("%+v does not take over %+v", e.Shape, plain.Beginning())
	}
	s := pixel.Layout{}
	if c.in = [][]float32{images(r, e.x), kerneltest.Normal[float32](r, e.images*e.C)}; e.s.Last {
		c.in[1], s = images(r, e.s), e.s
	}
	c.in = append(c.in, kerneltest.Normal[float32](r, e.Weights()), kerneltest.Normal[float32](r, e.F))
	places := []pixel.Layout{e.x, s, {}, {}}
	for _, next := range e.endings {
		a, okA := apart.(ender).End(next)
		b, okB := both.(ender).End(next)
		if apart, both = a, b; !okA || !okB {
			t.Fatalf("%+v does not take over %+v behind it", e.Shape, next)
		}
		if next.Sum {
			c.in, places = append(c.in, images(r, e.out)), append(places, e.out)
		}
	}
	c.apart, c.both = apart.(*conv.Layer[float32]), both.(*conv.Layer[float32])
	c.scale.Place(places[:2], e.product)
	c.both.Place(places, e.out)
	c.apart.Place(append([]pixel.Layout{e.product}, places[2:]...), e.out)
	return c
}

// images are normally distributed pixels in a layout, with a border of zeros. Between
// them lie NaN: numbers of others.
func images(r *rand.Rand, l pixel.Layout) []float32 {
	x := kerneltest.Unset[float32](l.Size())
	pixel.Clear(l, x, 0, l.N)
	for i := range l.N * l.H * l.W {
		at := x[l.At(i/(l.H*l.W), i/l.W%l.H, i%l.W):][:l.Width()]
		clear(at)
		copy(at, kerneltest.Normal[float32](r, l.C))
	}
	return x
}

// runApart computes the product and then its convolution, and runBoth both at once.
func (c *excited) runApart(y []float32) {
	c.scale.Forward(c.product, c.in[:2])
	c.apart.Forward(y, append([][]float32{c.product}, c.in[2:]...))
}

func (c *excited) runBoth(y []float32) { c.both.Forward(y, c.in) }

// TestBeginTwin: a convolution that multiplies its image with factors has the bits of the
// product and the convolution by themselves, on every tier, with any number of threads,
// and writes to nothing else.
func TestBeginTwin(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			e := randomExcite(r)
			c := newExcited(t, r, e)
			want := kerneltest.Unset[float32](e.out.Size())
			c.runApart(want)
			if c.in = kerneltest.CopyFenced(t, c.in, true); c.both.Factors != e.images*e.C {
				t.Fatalf("%d factors, want %d", c.both.Factors, e.images*e.C)
			}
			for _, threads := range []int{1, 2, 3} {
				before := runtime.GOMAXPROCS(threads)
				y := kerneltest.Fenced[float32](t, e.out.Size(), true)
				c.runBoth(y)
				runtime.GOMAXPROCS(before)
				if !slices.Equal(kerneltest.Float32Bits(y), kerneltest.Float32Bits(want)) {
					t.Fatalf("%+v, %d threads: other bits than those of a product and a convolution", e, threads)
				}
			}
		}
	})
}

// TestBegin: which convolutions multiply their image.
func TestBegin(t *testing.T) {
	padded, strided, grouped := pointwise(2, 16, 9, 9, 8), pointwise(2, 16, 9, 9, 8), pointwise(2, 16, 9, 9, 16)
	padded.KH, padded.KW, padded.PadTop, padded.PadLeft = 3, 3, 1, 1
	strided.StrideH, strided.StrideW, strided.OH, strided.OW = 2, 2, 5, 5
	grouped.Groups = 2
	for _, test := range []struct {
		name    string
		shape   conv.Shape
		factors int
		want    bool
	}{
		{"of each image", pointwise(2, 16, 9, 9, 8), 32, true},
		{"of all images", pointwise(2, 16, 9, 9, 8), 16, true},
		{"nothing", pointwise(2, 16, 9, 9, 8), 0, false},
		{"of another number of channels", pointwise(2, 16, 9, 9, 8), 24, false},
		{"as many filters as pixels", pointwise(1, 16, 7, 7, 49), 16, true},
		{"more filters than pixels", pointwise(1, 16, 7, 7, 50), 16, false},
		{"few channels", pointwise(2, 7, 9, 9, 8), 7, false},
		{"3×3", padded, 16, false},
		{"stride of 2", strided, 16, false},
		{"groups", grouped, 16, false},
	} {
		last, _ := conv.NewConv2d[float32](test.shape, false).Lastly()
		both, ok := last.(*conv.Layer[float32]).Begin(conv.Beginning{Factors: test.factors})
		if ok != test.want {
			t.Errorf("%s: takes it over %v, want %v", test.name, ok, test.want)
		}
		if ok {
			if _, again := both.(*conv.Layer[float32]).Begin(conv.Beginning{Factors: test.factors}); again {
				t.Errorf("%s: multiplies twice", test.name)
			}
		}
	}
}

// TestBeginMemory: what a goroutine multiplies into is planned, shared with other
// kernels, whose numbers in it do not matter, and taken once.
func TestBeginMemory(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // workers of earlier tests, which had more, may come late and take a part too
	r := rand.New(rand.NewPCG(3, 4))
	shared := conv.NewShared[float32]()
	spoiling, own := newExcited(t, r, tight(pointwise(2, 64, 20, 20, 32))), newExcited(t, r, tight(pointwise(1, 48, 28, 28, 24)))
	sharing := newExcited(t, r, own.excite)
	sharing.in = own.in
	sharing.both.Share(shared)
	spoiling.both.Share(shared)
	for i := range spoiling.in[0] {
		spoiling.in[0][i] = float32(math.NaN())
	}
	spoiling.runBoth(make([]float32, spoiling.out.Size()))
	want, got := make([]float32, own.out.Size()), make([]float32, own.out.Size())
	own.runBoth(want)
	if sharing.runBoth(got); !slices.Equal(got, want) {
		t.Error("other bits in memory that others have used")
	}
	if shared.Bytes() == 0 || shared.Bytes() > shared.Plans() {
		t.Errorf("%d bytes are shared, want some, and no more than the %d planned", shared.Bytes(), shared.Plans())
	}
	if sharing.both.Bytes() != sharing.both.Plans() || own.both.Bytes() <= own.both.Plans() {
		t.Errorf("a kernel keeps %d bytes, want the %d planned, and less than the %d without sharing", sharing.both.Bytes(), sharing.both.Plans(), own.both.Bytes())
	}
	in := sharing.in
	if n := testing.AllocsPerRun(16, func() {
		runtime.GOMAXPROCS(2)
		sharing.both.Forward(got, in)
	}); n > 0 {
		t.Errorf("%v allocations a run, want 0", n)
	}
}

// BenchmarkBegin compares both ways, for the shapes of mobilenet_v3_large and
// efficientnet_b0 at 224×224.
func BenchmarkBegin(b *testing.B) {
	for _, s := range []conv.Shape{
		pointwise(1, 32, 112, 112, 16), pointwise(1, 144, 56, 56, 24), pointwise(1, 72, 28, 28, 40), pointwise(1, 240, 28, 28, 40),
		pointwise(1, 480, 14, 14, 112), pointwise(1, 672, 14, 14, 112), pointwise(8, 672, 14, 14, 112), pointwise(8, 960, 7, 7, 160),
	} {
		c := newExcited(b, rand.New(rand.NewPCG(5, 6)), tight(s))
		c.apart.Fix()
		c.both.Fix()
		y := make([]float32, c.out.Size())
		for name, run := range map[string]func([]float32){"apart": c.runApart, "both": c.runBoth} {
			b.Run(fmt.Sprintf("%dx%dx%dx%d-%d/%s", s.N, s.C, s.H, s.W, s.F, name), func(b *testing.B) {
				for b.Loop() {
					run(y)
				}
			})
		}
	}
}
