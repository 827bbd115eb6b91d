package plain

// four holds the weights of four units for one input, or their biases: four sums
// are what keeps a processor busy without assembly.
type four [4]float32

// dense sets y[r,u] = b[u] + Σ_i x[r,i]·w[i,u] for so many rows. w is
// (units/4,inputs) and b (units/4), the last units filled up with zeros.
func dense(y, x []float32, w, b []four, rows int) {
	inputs, units := len(x)/rows, len(y)/rows
	for k := range b {
		block := w[k*inputs:][:inputs]
		for r := range rows {
			sums := dot(x[r*inputs:][:inputs], block, b[k])
			copy(y[r*units+4*k:(r+1)*units], sums[:])
		}
	}
}

// dot adds to s the products of x with the weights of four units.
func dot(x []float32, w []four, s four) four {
	s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
	w = w[:len(x)]
	for i, v := range x {
		c := &w[i]
		s0 += v * c[0]
		s1 += v * c[1]
		s2 += v * c[2]
		s3 += v * c[3]
	}
	return four{s0, s1, s2, s3}
}
