package train

import (
	"math"
	"math/rand/v2"

	"tapenet/graph/attack"
)

// ball is the pictures within a distance of clean ones, in [0,1], for a batch of clean
// pictures. Its memory is used again for the next batch. Package attack has a ball of one
// picture, which proves that a picture is inside; this one is faster, in float32 without
// that proof, and its random starts are what trainings are made of: bits that stay.
type ball struct {
	norm    attack.Norm
	size    int // values of a picture
	epsilon float64
	clean   []float32
	lo, hi  []float32 // of each value; L2 bounds more than these
}

// newBall makes room for so many pictures.
func newBall(norm attack.Norm, pictures, size int) *ball {
	n := pictures * size
	return &ball{norm: norm, size: size, clean: make([]float32, n), lo: make([]float32, n), hi: make([]float32, n)}
}

// around sets the clean pictures, and cuts them to [0,1].
func (b *ball) around(x []float32, epsilon float64) {
	b.epsilon = epsilon
	e := float32(epsilon)
	for i, v := range x {
		v = min(max(v, 0), 1)
		x[i], b.clean[i], b.lo[i], b.hi[i] = v, v, max(v-e, 0), min(v+e, 1)
	}
}

// at are picture k and its bounds.
func (b *ball) at(k int) (clean, lo, hi []float32) {
	from, to := k*b.size, (k+1)*b.size
	return b.clean[from:to], b.lo[from:to], b.hi[from:to]
}

// random sets x uniformly to a picture of ball k, of all of the ball: it is cut to [0,1]
// if cut says so.
func (b *ball) random(k int, x []float32, source *rand.PCG, cut bool) {
	clean, lo, hi := b.at(k)
	if b.norm == attack.L2 {
		b.randomL2(k, x, rand.New(source))
		return
	}
	// 24 bits of a draw are a number of [0,1), of which a draw has two.
	const unit = 1.0 / (1 << 23)
	e := float32(b.epsilon)
	var bits uint64
	for i, c := range clean {
		if i%2 == 0 {
			bits = source.Uint64()
		}
		u := float32(bits&(1<<24-1))*unit - 1
		bits >>= 32
		x[i] = c + float32(e*u)
	}
	if cut {
		for i, v := range x {
			x[i] = min(max(v, lo[i]), hi[i])
		}
	}
}

// randomL2 draws a direction and a distance.
func (b *ball) randomL2(k int, x []float32, r *rand.Rand) {
	clean, _, _ := b.at(k)
	var sum float64
	for i := range x {
		x[i] = float32(r.NormFloat64())
		sum += float64(float64(x[i]) * float64(x[i]))
	}
	f := float32(b.epsilon * math.Pow(r.Float64(), 1/float64(len(x))) / math.Sqrt(sum))
	for i, c := range clean {
		x[i] = c + float32(f*x[i])
	}
	b.project(k, x)
}

// step moves x, within ball k, in the direction in which the loss grows fastest: the sign
// of the gradient in L∞, the gradient over its length in L2. It stays where the gradient
// is zero.
func (b *ball) step(k int, x, gradient []float32, size float64) {
	if b.norm == attack.L2 {
		b.stepL2(k, x, gradient, size)
		return
	}
	_, lo, hi := b.at(k)
	s := math.Float32bits(float32(size))
	for i, g := range gradient {
		v := x[i]
		if g != 0 {
			v += math.Float32frombits(s | math.Float32bits(g)&(1<<31))
		}
		x[i] = min(max(v, lo[i]), hi[i])
	}
}

func (b *ball) stepL2(k int, x, gradient []float32, size float64) {
	var sum float64
	for _, g := range gradient {
		sum += float64(float64(g) * float64(g))
	}
	if sum == 0 {
		return
	}
	f := size / math.Sqrt(sum)
	for i, g := range gradient {
		x[i] = float32(float64(x[i]) + float64(f*float64(g)))
	}
	b.project(k, x)
}

// project moves x into ball k of L2: towards the clean picture, and then to [0,1].
func (b *ball) project(k int, x []float32) {
	clean, _, _ := b.at(k)
	var sum float64
	for i, c := range clean {
		d := float64(x[i]) - float64(c)
		sum += float64(d * d)
	}
	f := 1.0
	if length := math.Sqrt(sum); length > b.epsilon {
		f = b.epsilon / length
	}
	for i, c := range clean {
		v := float32(float64(c) + float64(f*(float64(x[i])-float64(c))))
		x[i] = min(max(v, 0), 1)
	}
}
