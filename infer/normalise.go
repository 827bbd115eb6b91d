package infer

// affine is what becomes of a pixel v: a·v+b.
type affine struct{ a, b float32 }

// normalisation is (v-mean)/deviation for each channel, a deviation of 0 meaning
// 1, in the arithmetic of train/data's Stats.Apply; nil without means.
func normalisation(mean, deviation []float64) (channels []affine) {
	for c, m := range mean {
		scale := 1.0
		if deviation[c] > 0 {
			scale = 1 / deviation[c]
		}
		channels = append(channels, affine{float32(scale), float32(-m * scale)})
	}
	return channels
}

// normalise changes an image of so many channels, none meaning not at all.
func normalise(x []float32, channels []affine) {
	for c, n := range channels {
		plane := len(x) / len(channels)
		for i, v := range x[c*plane:][:plane] {
			x[c*plane+i] = n.a*v + n.b
		}
	}
}
