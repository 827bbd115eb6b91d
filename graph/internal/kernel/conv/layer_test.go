package conv

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// layerCase is a layer, how its images lie in memory, and its operands, the images as
// planes.
type layerCase[T cpu.Float] struct {
	Shape
	Finish
	tiling        tiling // of Winograd's engine, whether the shape is worth it or not; zero for newLayerEngine's choice
	in, out, rest pixel.Layout
	x, w          []T
	numbers       [][]T // bias, γ, β, mean and variance, as Finish has them
	residual      []T
}

// layer returns the kernel, told where its images lie.
func (c *layerCase[T]) layer() *Layer[T] {
	l := NewLayer[T](c.Shape, c.Finish)
	if c.tiling.side > 0 {
		l.engine = newTiled[T](c.Shape, c.tiling)
	}
	return l
}

// newLayerCase makes the operands of a shape at random, and lays the images out: with
// the borders that the layer wants or larger ones, as pixels by themselves or, unless
// it wants them tight, as parts of wider ones.
func newLayerCase[T cpu.Float](r *rand.Rand, s Shape, f Finish, t tiling) *layerCase[T] {
	c := &layerCase[T]{Shape: s, Finish: f, tiling: t}
	c.x, c.w = kerneltest.Normal[T](r, s.N*s.InSize()), kerneltest.Normal[T](r, s.Weights())
	planes := []pixel.Layout{pixel.Planes(s.N, s.C, s.H, s.W), {}}
	if f.Bias {
		c.numbers = append(c.numbers, kerneltest.Normal[T](r, s.F))
	}
	if f.Norm != nil {
		for range 4 {
			c.numbers = append(c.numbers, kerneltest.Normal[T](r, s.F))
		}
		variance := c.numbers[len(c.numbers)-1]
		for i, v := range variance {
			variance[i] = v*v + 0.1
		}
	}
	for range c.numbers {
		planes = append(planes, pixel.Layout{})
	}
	if f.Residual {
		c.residual = kerneltest.Normal[T](r, s.N*s.OutSize())
		planes = append(planes, pixel.Planes(s.N, s.F, s.OH, s.OW))
	}
	wants, out, _ := c.layer().Lay(planes)
	c.in, c.out = grown(r, wants[0]), grown(r, pixel.Want{Layout: out})
	if f.Residual {
		c.rest = grown(r, wants[len(wants)-1])
	}
	return c
}

// grown is a layout that serves a want.
func grown(r *rand.Rand, w pixel.Want) pixel.Layout {
	l := w.Layout
	if r.IntN(2) > 0 {
		l.Border = l.Border.Max(pixel.Border{Top: r.IntN(4), Bottom: r.IntN(4), Left: r.IntN(4), Right: r.IntN(4)})
	}
	if !w.Tight && r.IntN(2) > 0 {
		l.Stride += pixel.Align * r.IntN(3)
	}
	return l
}

// length is the number of elements up to the last channel of the last pixel: behind
// it lie other values, or nothing.
func length(l pixel.Layout) int { return l.Size() - l.Stride + l.Width() }

// lay returns images in a layout: zeros in the border and in the channels beyond C,
// NaN where other values' channels lie.
func lay[T cpu.Float](planes []T, l pixel.Layout) []T {
	data := kerneltest.Unset[T](length(l))
	pixel.Clear(l, data, 0, l.N)
	for i := range l.N * l.H * l.W {
		n, h, w := i/(l.H*l.W), i/l.W%l.H, i%l.W
		to := data[l.At(n, h, w):][:l.Width()]
		clear(to)
		for ch := range l.C {
			to[ch] = planes[((n*l.C+ch)*l.H+h)*l.W+w]
		}
	}
	return data
}

// unlay returns the planes of images in a layout. The test fails unless the channels
// beyond C are zero, and what lies beside the images is NaN, as it was.
func unlay[T cpu.Float](t *testing.T, data []T, l pixel.Layout) []T {
	t.Helper()
	planes := make([]T, l.N*l.C*l.H*l.W)
	for at, v := range data {
		p := at / l.Stride
		row, pixels := l.Top+l.H+l.Bottom, l.Left+l.W+l.Right
		n, h, w, ch := p/pixels/row, p/pixels%row-l.Top, p%pixels-l.Left, at%l.Stride
		inside := h >= 0 && h < l.H && w >= 0 && w < l.W
		switch {
		case inside && ch < l.C:
			planes[((n*l.C+ch)*l.H+h)*l.W+w] = v
		case inside && ch < l.Width() && v != 0:
			t.Fatalf("layout %v: channel %d of %d of pixel (%d,%d) is %v, want 0", l, ch, l.C, h, w, v)
		case (!inside || ch >= l.Width()) && v == v:
			t.Fatalf("layout %v: got %v written beside the image, at channel %d of pixel (%d,%d)", l, v, ch, h, w)
		}
	}
	return planes
}

// operands lists what Forward takes, between fences.
func (c *layerCase[T]) operands(t testing.TB) [][]T {
	in := append([][]T{lay(c.x, c.in), c.w}, c.numbers...)
	if c.Residual {
		in = append(in, lay(c.residual, c.rest))
	}
	return kerneltest.CopyFenced(t, in, true)
}

// run computes the layer's output, as planes.
func (c *layerCase[T]) run(t *testing.T, l *Layer[T]) []T {
	t.Helper()
	in := c.operands(t)
	places := make([]pixel.Layout, len(in))
	if places[0] = c.in; c.Residual {
		places[len(in)-1] = c.rest
	}
	l.Place(places, c.out)
	y := kerneltest.Fenced[T](t, length(c.out), true) // all NaN
	l.Forward(y, in)
	return unlay(t, y, c.out)
}

// want is the layer's formula, pixel by pixel, in float64, and the largest absolute
// value before the activation: what roundings are relative to.
func (c *layerCase[T]) want() (y []float64, scale float64) {
	y = make([]float64, c.N*c.OutSize())
	for at := range y {
		n, f, i, j := at/c.OutSize(), at/(c.OH*c.OW)%c.F, at/c.OW%c.OH, at%c.OW
		sum := c.added(c.sum(n, f, i, j), f, at)
		y[at], scale = c.activated(sum), max(scale, math.Abs(sum))
	}
	return y, scale
}

// sum is the convolution at one pixel.
func (c *layerCase[T]) sum(n, f, i, j int) (sum float64) {
	channels := c.C / c.Groups
	for ch := range channels {
		plane := c.x[(n*c.C+f/(c.F/c.Groups)*channels+ch)*c.H*c.W:]
		for u := range c.KH {
			for v := range c.KW {
				h, w := i*c.StrideH+u*c.DilationH-c.PadTop, j*c.StrideW+v*c.DilationW-c.PadLeft
				if h >= 0 && h < c.H && w >= 0 && w < c.W {
					sum += float64(plane[h*c.W+w]) * float64(c.w[((f*channels+ch)*c.KH+u)*c.KW+v])
				}
			}
		}
	}
	return sum
}

// added is a sum of filter f with all that is added to it, for the element at of the
// output.
func (c *layerCase[T]) added(sum float64, f, at int) float64 {
	numbers := c.numbers
	if c.Bias {
		sum, numbers = sum+float64(numbers[0][f]), numbers[1:]
	}
	if c.Norm != nil {
		gamma, beta, mean, variance := float64(numbers[0][f]), float64(numbers[1][f]), float64(numbers[2][f]), float64(numbers[3][f])
		sum = gamma*(sum-mean)/math.Sqrt(variance+c.Norm.Epsilon) + beta
	}
	if c.Residual {
		sum += float64(c.residual[at])
	}
	return sum
}

// activated is what the activation makes of a sum.
func (c *layerCase[T]) activated(sum float64) float64 {
	if c.Act.Curve != nil {
		sum = c.Act.Curve.F(sum)
	}
	if c.Act.Limited {
		sum = min(max(sum, c.Act.Low), c.Act.High)
	}
	return sum
}

// finishes are all endings: each with and without bias, normalisation and residual.
func finishes() (all []Finish) {
	curve := func(c vector.Curve) Act { return Act{Curve: &c} }
	acts := []Act{{}, ReLU, {Limited: true, Low: 0, High: 6}, {Limited: true, Low: 0.5, High: 2}, curve(vector.SiLU), curve(vector.Sigmoid)}
	for i, act := range acts {
		for mode := range 8 {
			f := Finish{Bias: mode&1 > 0, Residual: mode&2 > 0, Act: act}
			if mode&4 > 0 {
				f.Norm = &Norm{Epsilon: 0.01 * float64(i+1)}
			}
			all = append(all, f)
		}
	}
	return all
}

// layerKinds make shapes of the engines: sliding with many and with few channels and with groups,
// windowed, and tiled with each of its tilings.
var layerKinds = []struct {
	name   string
	tiling tiling
	shape  func(r *rand.Rand) Shape
}{
	{"sliding", tiling{}, func(r *rand.Rand) Shape { return randomLayer(r, 8+r.IntN(30), 1+r.IntN(70), 1) }},
	{"pointwise", tiling{}, func(r *rand.Rand) Shape {
		s := randomLayer(r, 8+r.IntN(30), 1+r.IntN(70), 1)
		s.KH, s.KW, s.StrideH, s.StrideW, s.DilationH, s.DilationW, s.PadTop, s.PadLeft = 1, 1, 1, 1, 1, 1, 0, 0
		s.OH, s.OW = s.H, s.W
		return s
	}},
	{"few channels", tiling{}, func(r *rand.Rand) Shape { return randomLayer(r, 1+r.IntN(7), 1+r.IntN(40), 1) }},
	{"groups", tiling{}, func(r *rand.Rand) Shape {
		groups := 2 + r.IntN(11)
		return randomLayer(r, groups*(1+r.IntN(9)), groups*(1+r.IntN(9)), groups)
	}},
	{"windowed", tiling{}, func(r *rand.Rand) Shape {
		c := 2 + r.IntN(40)
		return randomLayer(r, c, c, c)
	}},
	{"tiled F(2×2,3×3)", tiling{4, 2}, func(r *rand.Rand) Shape { return tiledLayer(r, 3) }},
	{"tiled F(4×4,3×3)", tiling{6, 4}, func(r *rand.Rand) Shape { return tiledLayer(r, 3) }},
	{"tiled F(2×2,5×5)", tiling{6, 2}, func(r *rand.Rand) Shape { return tiledLayer(r, 5) }},
}

// randomLayer is a geometry whose padding may be larger on one side.
func randomLayer(r *rand.Rand, c, f, groups int) Shape {
	s := Shape{
		N: 1 + r.IntN(3), C: c, F: f, Groups: groups, H: 1 + r.IntN(12), W: 1 + r.IntN(12), KH: 1 + r.IntN(7), KW: 1 + r.IntN(7),
		StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3), DilationH: 1 + r.IntN(2), DilationW: 1 + r.IntN(2),
	}
	seen := func(k, dilation int) int { return (k-1)*dilation + 1 }
	s.PadTop, s.PadLeft = r.IntN(seen(s.KH, s.DilationH)), r.IntN(seen(s.KW, s.DilationW))
	pixels := func(n, k, stride int) int { return max(0, n+r.IntN(k)-k)/stride + 1 }
	s.OH = pixels(s.H+s.PadTop, seen(s.KH, s.DilationH), s.StrideH)
	s.OW = pixels(s.W+s.PadLeft, seen(s.KW, s.DilationW), s.StrideW)
	return s
}

// tiledLayer is a geometry for Winograd's tiles. One in six has so many that they go
// strip by strip.
func tiledLayer(r *rand.Rand, k int) Shape {
	s := randomLayer(r, 8*(1+r.IntN(3)), 1+r.IntN(20), 1)
	s.KH, s.KW, s.StrideH, s.StrideW, s.DilationH, s.DilationW = k, k, 1, 1, 1, 1
	if r.IntN(6) == 0 {
		s.C, s.N, s.H, s.W = 8, 3, 20+r.IntN(10), 20+r.IntN(10)
	}
	s.PadTop, s.PadLeft = r.IntN(k), r.IntN(k)
	s.OH, s.OW = max(1, s.H+s.PadTop+r.IntN(k)-k+1), max(1, s.W+s.PadLeft+r.IntN(k)-k+1)
	return s
}
