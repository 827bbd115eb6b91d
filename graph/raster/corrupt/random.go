package corrupt

import "math/rand/v2"

// stream is the random numbers of one corruption of one picture.
type stream struct{ r *rand.Rand }

func newStream(seed uint64, name string) *stream {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return &stream{rand.New(rand.NewPCG(mix(seed), h))}
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// sign returns -1 or 1.
func (s *stream) sign() float64 { return float64(2*s.r.IntN(2) - 1) }

// within returns a number from a to b.
func (s *stream) within(a, b float64) float64 { return a + float64((b-a)*s.r.Float64()) }

// uniforms returns n numbers from 0 to 1, without 1.
func (s *stream) uniforms(n int) []float64 {
	u := make([]float64, n)
	for i := range u {
		u[i] = s.r.Float64()
	}
	return u
}

// normals returns n numbers with mean 0 and deviation 1.
func (s *stream) normals(n int) []float64 {
	z := make([]float64, n)
	for i := range z {
		z[i] = normal(float64(s.r.Float64()) + 1.0/(1<<54)) // never 0
	}
	return z
}
