package conv

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// Layer is a convolution with what follows it, for inference, on images that lie
// channels last:
//
//	y = act(norm(conv(x, w) + bias) + residual)
//
// Its operands are x, w and, as far as Finish has them, the bias, the normalisation's
// γ, β, mean and variance, and the residual. The normalisation is folded: w is
// multiplied by its scale, and what it adds is the sums' first shift. With a Beginning
// the second operand are the factors s of x, and the convolution is that of x·s.
//
// What it makes of the operands but x, s and residual it makes at each run, or once if
// they are fixed.
type Layer[T cpu.Float] struct {
	Shape
	Finish
	Beginning
	in, out, rest pixel.Layout
	engine        layerEngine[T]
	fixed, ready  bool
	scale, shift  []T // by filter, pixel.Width(F) of each
	low, high     T
	unclear       bool // the activation makes another number of zero

	y, x, residual []T
	factors        pixel.Numbers[T] // of x, as Beginning has them
}

// Finish is what a Layer does with the sums of its convolution.
type Finish struct {
	Bias     bool
	Norm     *Norm // with running statistics
	Residual bool
	Act      Act
}

// Act is an activation: a curve, or limits as those of ReLU and ReLU6. The zero value
// has none.
type Act struct {
	Curve     *vector.Curve
	Limited   bool
	Low, High float64
}

// Ending is what an op does that the convolution or product before it can do: one of
// the fields is set.
type Ending struct {
	Norm *Norm
	Sum  bool // of two operands
	Act  *Act
	Pool *Pool // the largest, or the mean, of windows that lie side by side
	Bias int   // the number of elements of a vector that is added along the last axis
}

// An ending comes from the op behind, which says what it does without knowing who is
// before it; End of the kernel before says whether it can do that too.

// Pool is the size of a window, and whether its mean is taken and not its largest pixel.
type Pool struct {
	KH, KW int
	Mean   bool
}

// A layerEngine is one way to convolve images channels last.
type layerEngine[T cpu.Float] interface {
	// border is how many zeros the engine wants around the image, and tight whether
	// pixels must not be parts of wider ones.
	border() (b pixel.Border, tight bool)
	// pack takes up the filters w (F,C/Groups,KH,KW), each times its scale.
	pack(w, scale []T)
	// run computes all images of l, whose layouts and operands are set.
	run(l *Layer[T])
	// bytes is the memory that the engine keeps, and plans how many elements it will
	// keep once it has packed and run.
	bytes() int
	plans() int
}

// NewLayer returns the kernel for one geometry.
func NewLayer[T cpu.Float](s Shape, e Finish) *Layer[T] { return newLayer[T](s, Beginning{}, e) }

func newLayer[T cpu.Float](s Shape, b Beginning, e Finish) *Layer[T] {
	l := &Layer[T]{Shape: s, Beginning: b, Finish: e, engine: newLayerEngine[T](s), low: T(math.Inf(-1)), high: T(math.Inf(1))}
	if e.Act.Limited && e.Act.Curve == nil {
		l.low, l.high = T(e.Act.Low), T(e.Act.High)
	}
	l.unclear = l.low > 0 || l.high < 0 || e.Act.Curve != nil && e.Act.Curve.F(0) != 0
	l.scale, l.shift = make([]T, pixel.Width(s.F)), make([]T, pixel.Width(s.F))
	return l
}

// newLayerEngine chooses the engine by shape alone: neither the processor nor the
// number of threads may change bits.
func newLayerEngine[T cpu.Float](s Shape) layerEngine[T] {
	if s.Groups == s.C && s.F == s.C && s.C > 1 {
		return &windowed[T]{Shape: s}
	}
	if t, ok := s.layerTiling(); ok {
		return newTiled[T](s, t)
	}
	return newSliding[T](s)
}

// Lay wants the image and the residual channels last, and gives the result so. An
// image of a few channels it takes without room for others.
func (l *Layer[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	want = make([]pixel.Want, len(in))
	border, tight := l.engine.border()
	want[0] = pixel.Want{Layout: pixel.Planes(l.N, l.C, l.H, l.W).Lastly(border), Tight: tight}
	if l.few() {
		want[0].Stride = l.C
	}
	out = pixel.Planes(l.N, l.F, l.OH, l.OW).Lastly(pixel.Border{})
	if l.Factors > 0 {
		want[1] = pixel.WantNumbers(in[1])
	}
	if l.Residual {
		want[len(in)-1] = pixel.Want{Layout: out}
	}
	return want, out, true
}

// An image of three channels as pixels of eight elements would be read nearly three
// times; without room for others a row of a filter is one contiguous piece.

// few reports whether the image has so few channels that room for eight of them
// would cost more than it saves.
func (s Shape) few() bool { return s.C < 8 && s.Groups == 1 }

// Place tells where the operands and the result lie, before the first run.
func (l *Layer[T]) Place(in []pixel.Layout, out pixel.Layout) {
	l.in, l.out = in[0], out
	if l.Factors > 0 {
		l.factors.Place(l.Factors/l.C, l.C, in[1])
	}
	if l.Residual {
		l.rest = in[len(in)-1]
	}
}

// filters is which operand w is.
func (l *Layer[T]) filters() int {
	if l.Factors > 0 {
		return 2
	}
	return 1
}

// Prepares lists the operands but x, its factors and the residual.
func (l *Layer[T]) Prepares() []int {
	n := l.filters() + 1
	if l.Bias {
		n++
	}
	if l.Norm != nil {
		n += 4
	}
	prepared := make([]int, 0, n)
	for i := l.filters(); i < n; i++ {
		prepared = append(prepared, i)
	}
	return prepared
}

// Fix tells that these never change any more.
func (l *Layer[T]) Fix() { l.fixed = true }

// Forward computes y from the operands in.
func (l *Layer[T]) Forward(y []T, in [][]T) {
	if !l.fixed || !l.ready {
		l.prepare(in[l.filters():])
	}
	l.y, l.x = y, in[0]
	if l.Factors > 0 {
		l.factors.Take(in[1])
	}
	if l.Residual {
		l.residual = in[len(in)-1]
	}
	l.engine.run(l)
	if l.unclear {
		pixel.ClearRest(l.out, y, 0, l.N)
	}
}

// prepare folds the normalisation and packs the filters, given the operands from w on.
// With the scale s = γ/√(σ²+ε)
//
//	γ·(conv(x,w) + bias - μ)/√(σ²+ε) + β = conv(x, s·w) + s·bias + β - s·μ
//
// computed in float64, so that folding costs one rounding of each weight.
func (l *Layer[T]) prepare(in [][]T) {
	var bias []T
	norm := in[1:]
	if l.Bias {
		bias, norm = in[1], in[2:]
	}
	for f := range l.F {
		scale, shift := 1., 0.
		if l.Norm != nil {
			scale = float64(norm[0][f]) / math.Sqrt(float64(norm[3][f])+l.Norm.Epsilon)
			shift = float64(norm[1][f]) - float64(norm[2][f])*scale
		}
		if bias != nil {
			shift += float64(bias[f]) * scale
		}
		l.scale[f], l.shift[f] = T(scale), T(shift)
	}
	l.engine.pack(in[0], l.scale)
	l.ready = true
}

// Backward is not there: Layer is for inference.
func (l *Layer[T]) Backward([][]T, []T, [][]T) { panic("conv: Layer has no gradient") }

// Bytes is the memory that the kernel keeps.
func (l *Layer[T]) Bytes() int {
	return l.engine.bytes() + cpu.BytesOf(l.scale, l.shift) + l.factors.Bytes()
}

// Plans is the memory that it will keep, from the first run on.
func (l *Layer[T]) Plans() int {
	return cpu.SizeOf[T](l.engine.plans()) + cpu.BytesOf(l.scale, l.shift) + l.factors.Bytes()
}

// rests is the residual from its element at on, or nil. Its layout is its own: borders
// and distances may be others than those of the result.
func (l *Layer[T]) rests(at int) []T {
	if !l.Residual {
		return nil
	}
	return l.residual[at:]
}

// ending is how the sums of pixels of so many elements become the result, but for the
// curve.
func (l *Layer[T]) ending(xPixel int) *pixel.End[T] {
	return &pixel.End[T]{
		Width: l.out.Width(), YPixel: l.out.Stride, XPixel: xPixel, ResidualPixel: l.rest.Stride,
		Shift: l.shift, Low: l.low, High: l.high,
	}
}

// curve applies the activation's curve to n pixels of the columns [first,last) of y.
func (l *Layer[T]) curve(y []T, n, first, last int) {
	if l.Act.Curve == nil {
		return
	}
	if first == 0 && last == l.out.Stride {
		vector.Activate(*l.Act.Curve, y[:n*last], y[:n*last])
		return
	}
	for i := range n {
		row := y[i*l.out.Stride+first : i*l.out.Stride+last]
		vector.Activate(*l.Act.Curve, row, row)
	}
}
