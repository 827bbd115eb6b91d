package attack

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Norm is how the distance of two pictures is measured. The zero value is L∞.
type Norm int

const (
	Linf Norm = iota // the largest difference of a pixel
	L2               // the root of the sum of the squared differences
)

// String is linf or l2.
func (n Norm) String() string {
	switch n {
	case Linf:
		return "linf"
	case L2:
		return "l2"
	}
	return fmt.Sprintf("Norm(%d)", int(n))
}

// MarshalText is String, for files.
func (n Norm) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// ParseNorm reads linf or l2.
func ParseNorm(s string) (Norm, error) {
	for _, n := range []Norm{Linf, L2} {
		if s == n.String() {
			return n, nil
		}
	}
	return 0, fmt.Errorf("attack: norm %.32q, want linf or l2", s)
}

// Distance is the distance of two pictures of one size, computed in float64.
func (n Norm) Distance(x, y []float32) float64 {
	if n == L2 {
		return math.Sqrt(squares(x, y))
	}
	var most float64
	for i, v := range x {
		most = max(most, math.Abs(float64(v)-float64(y[i])))
	}
	return most
}

// Inside reports whether x is a picture, all of it in [0,1], and no further than epsilon
// from clean. There is no tolerance: attacks round towards the clean picture.
func (n Norm) Inside(x, clean []float32, epsilon float64) bool {
	for _, v := range x {
		if !(v >= 0 && v <= 1) {
			return false
		}
	}
	return n.Distance(x, clean) <= epsilon
}

// squares is Σ (x-y)². The sum runs in order; the product is rounded by itself, on every
// processor.
func squares(x, y []float32) (sum float64) {
	for i, v := range x {
		d := float64(v) - float64(y[i])
		sum += float64(d * d)
	}
	return sum
}

// ball is the pictures within epsilon of a clean one, those in [0,1].
type ball struct {
	norm    Norm
	epsilon float64
	clean   []float32
	lo, hi  []float32 // of each pixel; nil in L2
}

func newBall(norm Norm, epsilon float64, clean []float32) *ball {
	b := &ball{norm: norm, epsilon: epsilon, clean: clean}
	if norm == L2 {
		return b
	}
	b.lo, b.hi = make([]float32, len(clean)), make([]float32, len(clean))
	for i, v := range clean {
		b.lo[i], b.hi[i] = interval(v, epsilon)
	}
	return b
}

// interval is the lowest and the highest value in [0,1] whose distance from v is no more
// than epsilon: rounded inwards, so that the distance in float64 is not more either.
func interval(v float32, epsilon float64) (lo, hi float32) {
	lo, hi = float32(max(0, float64(v)-epsilon)), float32(min(1, float64(v)+epsilon))
	if float64(v)-float64(lo) > epsilon {
		lo = math.Nextafter32(lo, v)
	}
	if float64(hi)-float64(v) > epsilon {
		hi = math.Nextafter32(hi, v)
	}
	return lo, hi
}

// project moves x into the ball: to the nearest picture of it in L∞; in L2 towards the
// clean picture, as far as needed, and then into [0,1], as all programs do it.
func (b *ball) project(x []float32) {
	if b.norm == L2 {
		b.shrink(x)
		for i, v := range x {
			x[i] = min(max(v, 0), 1)
		}
		return
	}
	for i, v := range x {
		x[i] = min(max(v, b.lo[i]), b.hi[i])
	}
}

// shrink moves x towards the clean picture until it is no further than epsilon. Rounding
// may leave it a little too far: then it moves again.
func (b *ball) shrink(x []float32) {
	for less := 1.0; ; less -= 1e-7 {
		d := math.Sqrt(squares(x, b.clean))
		if d <= b.epsilon {
			return
		}
		f := b.epsilon / d * less
		for i, v := range x {
			c := float64(b.clean[i])
			x[i] = float32(c + float64(f*(float64(v)-c)))
		}
	}
}

// random sets x to a picture of the ball, uniformly before it is cut to [0,1].
func (b *ball) random(x []float32, r *rand.Rand) {
	if b.norm == Linf {
		for i, c := range b.clean {
			x[i] = float32(float64(c) + float64(b.epsilon*(2*r.Float64()-1)))
		}
	} else {
		var sum float64
		direction := make([]float64, len(x))
		for i := range direction {
			direction[i] = r.NormFloat64()
			sum += float64(direction[i] * direction[i])
		}
		f := b.epsilon * math.Pow(r.Float64(), 1/float64(len(x))) / math.Sqrt(sum)
		for i, c := range b.clean {
			x[i] = float32(float64(c) + float64(f*direction[i]))
		}
	}
	b.project(x)
}

// border sets x to a random picture whose distance is epsilon, before it is cut to [0,1]:
// where APGD starts.
func (b *ball) border(x []float32, r *rand.Rand) {
	var most, sum float64
	d := make([]float64, len(x))
	for i := range d {
		if b.norm == L2 {
			d[i] = r.NormFloat64()
		} else {
			d[i] = 2*r.Float64() - 1
		}
		most, sum = max(most, math.Abs(d[i])), sum+float64(d[i]*d[i])
	}
	f := b.epsilon / most
	if b.norm == L2 {
		f = b.epsilon / math.Sqrt(sum)
	}
	for i, c := range b.clean {
		x[i] = float32(float64(c) + float64(f*d[i]))
	}
	b.project(x)
}

// ascend moves x by a step in the direction in which the loss grows fastest, and into the
// ball: by the sign of the gradient in L∞, by the gradient over its length in L2. It stays
// where the gradient is zero.
func (b *ball) ascend(x, gradient []float32, step float64) {
	if b.norm == Linf {
		b.ascendSigns(x, gradient, float32(step))
		return
	}
	if length := norm2(gradient); length > 0 {
		f := step / length
		for i, g := range gradient {
			x[i] = float32(float64(x[i]) + float64(f*float64(g)))
		}
	}
	b.project(x)
}

// ascendSigns is ascend in L∞, without branches: half of an attack's own work. Floats of
// equal sign are in the order of their bits, and bits of negative ones are negative
// integers: so a pixel's interval, of which no end is negative, cuts them alike.
func (b *ball) ascendSigns(x, gradient []float32, step float32) {
	lo, hi, s := b.lo[:len(x)], b.hi[:len(x)], math.Float32bits(step)
	gradient = gradient[:len(x)]
	for i, v := range x {
		g := math.Float32bits(gradient[i])
		move := s&-(((g&^(1<<31))+(1<<31-1))>>31) | g&(1<<31) // 0 where the gradient is
		y := int32(math.Float32bits(v + math.Float32frombits(move)))
		y = min(max(y, int32(math.Float32bits(lo[i]))), int32(math.Float32bits(hi[i])))
		x[i] = math.Float32frombits(uint32(y))
	}
}

// norm2 is the root of Σ v², finite for all finite values.
func norm2(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return math.Sqrt(sum)
}
